import { EMPTY, mergeMap, NEVER, of, take } from 'rxjs';
import { pollUntilTerminal, type PollConfig } from 'rx-video-tasks';
import { queuedTask, scriptedQuery, marbleTasks } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { answering, expectDiagram, marbles } from '../marbles.js';
import { diagrams } from '../pictures/marbles.js';
import { letters, listen, polls } from './polls.js';

describe('pollUntilTerminal', () => {
  test(
    'emits every answer, and completes with the first terminal one',
    marbles((m) => {
      polls(m, {
        ask1: '-q|                ',
        sub1: '^-!                ',
        ask2: '       -p|         ',
        sub2: '-- 30s ^-!         ',
        ask3: '              -s|  ',
        sub3: '-- 30s -- 30s ^!   ',
        emit: '-q 30s -p 30s -(s|)',
      });
    }),
  );

  test(
    'reads literally with queries that answer at once, as in its documentation',
    marbles((m) => {
      expectDiagram(m, diagrams['poll-until-terminal'], pollUntilTerminal(), { values: letters });
    }),
  );

  for (const terminal of ['s', 'f', 'c'] as const) {
    test(
      `completes on ${letters[terminal].status}, which is a value`,
      marbles((m) => {
        polls(m, {
          ask1: `-${terminal}|  `,
          sub1: '^!   ',
          emit: `-(${terminal}|)`,
        });
      }),
    );
  }

  test(
    'asks on when the service uses a word that nobody knows',
    marbles((m) => {
      polls(m, {
        ask1: '-u|         ',
        sub1: '^-!         ',
        ask2: '       -s|  ',
        sub2: '-- 30s ^!   ',
        emit: '-u 30s -(s|)',
      });
    }),
  );

  test(
    'passes steps back among running states',
    marbles((m) => {
      polls(m, {
        ask1: '-p|                ',
        sub1: '^-!                ',
        ask2: '       -q|         ',
        sub2: '-- 30s ^-!         ',
        ask3: '              -c|  ',
        sub3: '-- 30s -- 30s ^!   ',
        emit: '-p 30s -q 30s -(c|)',
      });
    }),
  );

  test(
    'asks again though the query never completes, and takes one answer of each',
    marbles((m) => {
      polls(m, {
        ask1: '-q--p--          ',
        sub1: '^ 30s      !     ',
        ask2: '           -s-   ',
        sub2: '- 30s      ^!    ',
        emit: '-q 29999ms -(s|) ',
      });
    }),
  );

  test(
    'waits from the end of a query, not from its answer',
    marbles((m) => {
      polls(m, {
        ask1: '-q 5s |         ',
        sub1: '^- 5s !         ',
        ask2: '          -s|   ',
        sub2: '-- 5s 30s ^!    ',
        emit: '-q 5s 30s -(s|) ',
      });
    }),
  );

  test(
    'never overlaps: a slow query is waited for',
    marbles((m) => {
      polls(m, {
        ask1: '50s q|           ',
        sub1: '^ 49999ms -!     ',
        ask2: '            s|   ',
        sub2: '50s - 30s (^!)   ',
        emit: '50s q 30s (s|)   ',
      });
    }),
  );

  test(
    'waits as long as the answer says, but never less than the floor, nor by nonsense',
    marbles((m) => {
      const waits = { a: 12_000, b: 3, c: NaN, d: -1, e: 40_000 };
      const values = Object.fromEntries(
        Object.entries(waits).map(([letter, pollAfter]) => [letter, queuedTask({ pollAfter })]),
      );
      polls(
        m,
        {
          ask1: 'a|                                  ',
          sub1: '^!                                  ',
          ask2: '      b|                            ',
          sub2: '- 12s ^!                            ',
          ask3: '            c|                      ',
          sub3: '- 12s - 10s ^!                      ',
          ask4: '                  d|                ',
          sub4: '- 12s - 10s - 30s ^!                ',
          ask5: '                        e|          ',
          sub5: '- 12s - 10s - 30s - 30s ^!          ',
          ask6: '                              s|    ',
          sub6: '- 12s - 10s - 30s - 30s - 40s (^!)  ',
          emit: 'a 12s b 10s c 30s d 30s e 40s (s|)  ',
        },
        { values },
      );
    }),
  );

  test(
    'begins after initialDelay',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '   -s|  ',
          sub1: '5s ^!   ',
          emit: '5s -(s|)',
        },
        { config: { initialDelay: 5_000 } },
      );
    }),
  );

  test(
    'stops for good when it is unsubscribed from: in flight, and while it waits',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '-q|           ',
          sub1: '^-!           ',
          ask2: '       ---p|  ',
          sub2: '-- 30s ^-!    ',
          emit: '-q 30s ---    ',
        },
        { from: '^- 30s --!    ' },
      );
      polls(m, { ask1: '-q|', sub1: '^-!', ask2: '-p|', sub2: '', emit: '-q 9s -' }, { from: '^- 9s !' });
    }),
  );

  test(
    'polls each subscription on its own',
    marbles((m) => {
      const { query, log } = scriptedQuery(['p', 'p', 's']);
      const polled = query('task').pipe(pollUntilTerminal());
      m.expect(polled, '^------!').toBeObservable('-p-----', letters);
      m.expect(polled, '---^---').toBeObservable('----p 30s -(s|)', letters);
      m.flush();
      expect(log.map(({ type, at }) => `${type} ${at}`)).toEqual([
        'request 0',
        'answer 1',
        'request 3',
        'answer 4',
        'request 30005',
        'answer 30006',
      ]);
    }),
  );

  test(
    'one operator serves many sources, which share nothing',
    marbles((m) => {
      const poll = pollUntilTerminal({ interval: 10_000 });
      const a = scriptedQuery({ a: ['q', 's'] })
        .query('a')
        .pipe(poll);
      const b = scriptedQuery({ b: ['p', 'q', 'f'] }, { latency: 3 })
        .query('b')
        .pipe(poll);
      m.expect(a).toBeObservable('-q 10s -(s|)', marbleTasks({ id: 'a' }));
      m.expect(b).toBeObservable('---p 10s ---q 10s ---(f|)', marbleTasks({ id: 'b' }));
    }),
  );

  test(
    'merged tasks poll side by side, and one that ends does not end the others',
    marbles((m) => {
      const { query } = scriptedQuery({ a: ['q', 's'], b: ['p', 'p', 'f'] });
      const poll = pollUntilTerminal({ interval: 20_000 });
      const [a, b] = [marbleTasks({ id: 'a' }), marbleTasks({ id: 'b' })];
      const values = { q: a.q, s: a.s, p: b.p, f: b.f };
      const merged = of('a', 'b').pipe(mergeMap((id) => query(id).pipe(poll)));
      m.expect(merged).toBeObservable('-(qp) 19998ms (sp) 19998ms (f|)', values);
    }),
  );

  test(
    'a consumer may unsubscribe inside next, even of a synchronous answer',
    marbles((m) => {
      const one = m.cold('q--', letters);
      m.expect(answering(one).pipe(pollUntilTerminal(), take(1))).toBeObservable('(q|)', letters);
      m.expect(one).toHaveSubscriptions('(^!)');
      let asked = 0;
      const sync = of(queuedTask());
      const counted = answering(sync).pipe(pollUntilTerminal());
      listen(counted.pipe(take(1)), () => {
        asked++;
      });
      m.flush();
      expect(asked).toBe(1);
    }),
  );

  test(
    'asks nobody after the terminal answer, and leaves no timer',
    marbles((m) => {
      const { query, log } = scriptedQuery(['q', 's']);
      query('task').pipe(pollUntilTerminal()).subscribe();
      m.flush();
      expect(log).toHaveLength(4);
      expect(m.scheduler.actions).toEqual([]);
      expect(m.scheduler.now()).toBe(30_003);
    }),
  );

  test(
    'ends with a TrackingError when the source fails in a way that is none of a query',
    marbles((m) => {
      const error = { reason: 'query', misses: 0, last: 'queued' };
      polls(
        m,
        {
          ask1: '-q|       ',
          sub1: '^-!       ',
          ask2: '       -# ',
          sub2: '-- 30s ^! ',
          emit: '-q 30s -# ',
        },
        { errors: [undefined, new TypeError('oops')], error },
      );
    }),
  );

  test(
    'takes the service at its first word: an error after the answer is nothing',
    marbles((m) => {
      polls(m, {
        ask1: '-q-#             ',
        sub1: '^--!             ',
        ask2: '           s     ',
        sub2: '- 30s      (^!)  ',
        emit: '-q 29999ms (s|)  ',
      });
    }),
  );
});

describe('pollUntilTerminal refuses at call time', () => {
  const cases: [PollConfig, string][] = [
    [{ interval: 9_999 }, 'interval: 9999 is below minInterval (10000); lower minInterval too if this is intended'],
    [{ interval: 20, minInterval: 30 }, 'interval: 20 is below minInterval (30); lower'],
    [{ interval: NaN }, 'interval: NaN is not usable'],
    [{ interval: Infinity }, 'interval: Infinity is not usable'],
    [{ interval: 2 ** 31 }, 'interval: 2147483648 is not usable; write 0..2147483647 ms'],
    [{ minInterval: -1 }, 'minInterval: -1 is not usable'],
    [{ initialDelay: 2 ** 31 }, 'initialDelay: 2147483648 is not usable'],
    [{ initialDelay: '5' as never }, 'initialDelay: "5" is not usable'],
    [{ deadline: NaN }, 'deadline: NaN is not usable'],
    [{ deadline: Infinity }, 'deadline: Infinity is not usable'],
    [{ deadline: new Date(NaN) }, 'deadline: NaN is not usable'],
    [{ deadline: new Date('2999-01-01') }, 'deadline: '],
    [{ retry: { delay: Infinity } }, 'delay: Infinity is not usable'],
    [{ retry: { maxDelay: 2 ** 31 } }, 'maxDelay: 2147483648 is not usable'],
    [{ retry: { notFoundGrace: NaN } }, 'notFoundGrace: NaN is not usable'],
    [{ retry: { count: -1 } }, 'retry.count: -1 is not usable; write 0, 1, ... or Infinity'],
    [{ retry: { count: NaN } }, 'retry.count: NaN is not usable; write 0, 1, ... or Infinity'],
    [{ retry: { count: 1.5 } }, 'retry.count: 1.5 is not usable'],
  ];
  test.each(cases)('%j', (config, message) => {
    expect(() => pollUntilTerminal(config)).toThrow(RangeError);
    expect(() => pollUntilTerminal(config)).toThrow(message);
  });

  test('what is no function, and what is no stream', () => {
    expect(() => pollUntilTerminal({ interval: 10n as never })).toThrow('interval: 10 is not usable');
    expect(() => pollUntilTerminal({ random: 0.5 as never })).toThrow(
      new TypeError('random: 0.5 is not usable; write a function'),
    );
    expect(() => pollUntilTerminal({ onMiss: 'log' as never })).toThrow(
      'onMiss: "log" is not usable; write a function',
    );
    expect(() => pollUntilTerminal({ notifier: 5 as never })).toThrow('notifier: 5 is not usable; write an Observable');
  });

  test('but takes the longest delay, and a floor above the default interval', () => {
    const longest = 2 ** 31 - 1;
    expect(() => pollUntilTerminal({ interval: longest, initialDelay: longest, deadline: longest })).not.toThrow();
    expect(() => pollUntilTerminal({ minInterval: 60_000 })).not.toThrow();
    expect(() => pollUntilTerminal({ notifier: [EMPTY, NEVER] })).not.toThrow();
  });

  test(
    'a floor above the default interval is the interval',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '-q|         ',
          sub1: '^-!         ',
          ask2: '       -s|  ',
          sub2: '-- 45s ^!   ',
          emit: '-q 45s -(s|)',
        },
        { config: { minInterval: 45_000 } },
      );
    }),
  );
});
