import { EMPTY } from 'rxjs';
import { pollUntilTerminal, type Miss } from 'rx-video-tasks';
import { scriptedQuery } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { marbles } from '../marbles.js';
import { letters, miss, outlined, polls, prompt } from './polls.js';

const TEN_SECONDS = { interval: 10_000, random: () => 1 };

describe('a missed poll', () => {
  test(
    'ends nothing: the next ask comes after the ordinary wait at the earliest',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '-#               ',
          sub1: '^!               ',
          ask2: '      -q|        ',
          sub2: '- 30s ^-!        ',
          ask3: '             -s| ',
          sub3: '- 30s -- 30s ^!  ',
          emit: '- 30s -q 30s -(s|)',
        },
        { config: prompt },
      );
    }),
  );

  test(
    'backs off: random * min(maxDelay, delay * 2^n) after the n-th in a row, where that is longer',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '-#                                                ',
          sub1: '^!                                                ',
          ask2: '      -#                                          ',
          sub2: '- 10s ^!                                          ',
          ask3: '            -#                                    ',
          sub3: '- 10s - 10s ^!                                    ',
          ask4: '                  -#                              ',
          sub4: '- 10s - 10s - 16s ^!                              ',
          ask5: '                        -#                        ',
          sub5: '- 10s - 10s - 16s - 32s ^!                        ',
          ask6: '                              -#                  ',
          sub6: '- 10s - 10s - 16s - 32s - 64s ^!                  ',
          ask7: '                                     -#           ',
          sub7: '- 10s - 10s - 16s - 32s - 64s - 120s ^!           ',
          ask8: '                                            -c|   ',
          sub8: '- 10s - 10s - 16s - 32s - 64s - 120s - 120s ^!    ',
          emit: '- 10s - 10s - 16s - 32s - 64s - 120s - 120s -(c|) ',
        },
        { config: TEN_SECONDS },
      );
    }),
  );

  test(
    'a good answer ends the row',
    marbles((m) => {
      const config = { ...TEN_SECONDS, retry: { delay: 10_000 } };
      polls(
        m,
        {
          ask1: '-#                            ',
          sub1: '^!                            ',
          ask2: '      -#                      ',
          sub2: '- 20s ^!                      ',
          ask3: '            -p|               ',
          sub3: '- 20s - 40s ^-!               ',
          ask4: '                   -#         ',
          sub4: '- 20s - 40s -- 10s ^!         ',
          ask5: '                         -s|  ',
          sub5: '- 20s - 40s -- 10s - 20s ^!   ',
          emit: '- 20s - 40s -p 10s - 20s -(s|)',
        },
        { config },
      );
    }),
  );

  test(
    'random may be anything: it is held to 0..1',
    marbles((m) => {
      const gaps = [-5, 0.5, 7, NaN].map((drawn) => {
        const { query, log } = scriptedQuery(['server', 's'], { latency: 0 });
        const config = { interval: 10_000, random: () => drawn, retry: { delay: 20_000 } };
        query('task').pipe(pollUntilTerminal(config)).subscribe();
        return () => log.filter(({ type }) => type === 'request').map(({ at }) => at)[1];
      });
      m.flush();
      expect(gaps.map((gap) => gap())).toEqual([10_000, 20_000, 40_000, 10_000]);
    }),
  );

  test(
    'says in whole ms when the next ask is',
    marbles((m) => {
      const delays: number[] = [];
      const { query } = scriptedQuery(['server', 's']);
      const config = { random: () => 0.123_456_789, retry: { delay: 100_000 }, interval: 10_000 };
      query('task')
        .pipe(pollUntilTerminal({ ...config, onMiss: ({ nextPollIn }) => delays.push(nextPollIn) }))
        .subscribe();
      m.flush();
      expect(delays).toEqual([14_815]);
    }),
  );

  test(
    'is reported: who, what kind, how many in a row, when the next ask is, the last good answer',
    marbles((m) => {
      const misses: Miss[] = [];
      const { query } = scriptedQuery(['server', 'timeout', 'q', 'empty', 'rate-limited', 's']);
      const config = { ...TEN_SECONDS, onMiss: (missed: Miss) => misses.push(missed) };
      query('task').pipe(pollUntilTerminal(config)).subscribe();
      m.flush();
      const reported = misses.map(({ provider, id, kind, misses: n, nextPollIn, last }) => ({
        who: `${provider} ${id}`,
        what: `${kind} ${n}`,
        nextPollIn,
        last: last?.status,
      }));
      const who = 'scripted task';
      expect(reported).toEqual([
        { who, what: 'server 1', nextPollIn: 10_000, last: undefined },
        { who, what: 'timeout 2', nextPollIn: 10_000, last: undefined },
        { who, what: 'malformed 1', nextPollIn: 10_000, last: 'queued' },
        { who, what: 'rate-limited 1', nextPollIn: 10_000, last: 'queued' },
      ]);
      expect(misses[2]?.error).toMatchObject({ code: 'empty', retryable: true });
      expect(misses[0]).not.toHaveProperty('last');
    }),
  );

  test(
    'an empty query is one',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '-|          ',
          sub1: '^!          ',
          ask2: '      -s|   ',
          sub2: '- 30s ^!    ',
          emit: '- 30s -(s|) ',
        },
        { config: prompt },
      );
    }),
  );

  test(
    'an empty query tells of no task',
    marbles((m) => {
      const misses: Miss[] = [];
      let end: unknown;
      const config = { retry: { count: 1 }, onMiss: (missed: Miss) => misses.push(missed) };
      EMPTY.pipe(pollUntilTerminal(config)).subscribe({ error: (error: unknown) => (end = error) });
      m.flush();
      const nobody = { provider: '', id: '' };
      expect(misses).toMatchObject([{ ...nobody, error: { message: 'no answer' } }]);
      expect(end).toMatchObject({ ...nobody, reason: 'query', misses: 2 });
    }),
  );

  test(
    'what onMiss throws ends the stream',
    marbles((m) => {
      const oops = new Error('oops');
      const config = {
        onMiss: () => {
          throw oops;
        },
      };
      polls(m, { ask1: '-#', sub1: '^!', emit: '-#' }, { config, error: oops });
    }),
  );

  test(
    'what random throws ends the stream',
    marbles((m) => {
      const oops = new Error('oops');
      const config = {
        random: () => {
          throw oops;
        },
      };
      polls(m, { ask1: '-#', sub1: '^!', emit: '-#' }, { config, error: oops });
    }),
  );

  test(
    'onMiss may unsubscribe',
    marbles((m) => {
      const { query, log } = scriptedQuery(['server']);
      const subscription = query('task')
        .pipe(
          pollUntilTerminal({
            onMiss: () => {
              subscription.unsubscribe();
            },
          }),
        )
        .subscribe();
      m.flush();
      expect(log.map(({ type }) => type)).toEqual(['request', 'miss']);
      expect(m.scheduler.actions).toEqual([]);
    }),
  );

  test(
    'thousands of them with no back-off never turn into a hot loop',
    marbles((m) => {
      const { query, log } = scriptedQuery(['server']);
      const config = { interval: 10_000, random: () => 1, retry: { delay: 0 } };
      query('task')
        .pipe(pollUntilTerminal(config))
        .subscribe({ error: () => undefined });
      m.flush();
      const requests = log.filter(({ type }) => type === 'request').length;
      expect(requests).toBe(Math.ceil(86_400_000 / 10_001));
    }),
  );
});

describe('Retry-After', () => {
  test(
    'is waited for',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '-#          ',
          sub1: '^!          ',
          ask2: '      -s|   ',
          sub2: '- 95s ^!    ',
          emit: '- 95s -(s|) ',
        },
        { config: prompt, errors: [miss('rate-limited', { retryAfterMs: 95_000 })] },
      );
    }),
  );

  test.each([
    ['NaN', NaN, 30_001],
    ['negative', -5, 30_001],
    ['short', 5, 30_001],
    ['2^31 ms', 2 ** 31, 900_001],
    ['1e12', 1e12, 900_001],
    ['Infinity', Infinity, 900_001],
  ])('%s is ignored or held to 15 minutes', (_, retryAfterMs, secondAskAt) => {
    marbles((m) => {
      const { query, log } = scriptedQuery([miss('server', { retryAfterMs }), 's']);
      query('task').pipe(pollUntilTerminal(prompt)).subscribe();
      m.flush();
      expect(log.map(({ at }) => at)).toEqual([0, 1, secondAskAt, secondAskAt + 1]);
    })();
  });
});

describe('throttling (429)', () => {
  test(
    'is reported and not counted',
    marbles((m) => {
      const { query } = scriptedQuery(['server', 'rate-limited', 'rate-limited', 'rate-limited', 'server', 'server']);
      const seen: number[] = [];
      const config = { ...prompt, retry: { count: 2 }, onMiss: (missed: Miss) => seen.push(missed.misses) };
      m.expect(query('task').pipe(pollUntilTerminal(config), outlined())).toBeObservable(
        '- 30s - 30s - 30s - 30s - 30s -#',
        letters,
        { reason: 'query', misses: 3, last: undefined },
      );
      m.flush();
      expect(seen).toEqual([1, 1, 1, 1, 2]);
    }),
  );
});

describe('tracking ends', () => {
  test(
    'when more polls in a row are missed than retry.count allows',
    marbles((m) => {
      polls(
        m,
        {
          ask1: '-q|            ',
          sub1: '^-!            ',
          ask2: '       -#      ',
          sub2: '-- 30s ^!      ',
          ask3: '             -#',
          sub3: '-- 30s - 30s ^!',
          emit: '-q 30s - 30s -#',
        },
        {
          config: { ...prompt, retry: { count: 1 } },
          error: { reason: 'query', misses: 2, last: 'queued' },
        },
      );
      polls(
        m,
        { ask1: '-#', sub1: '^!', emit: '-#' },
        { config: { retry: { count: 0 } }, error: { reason: 'query', misses: 1, last: undefined } },
      );
    }),
  );

  for (const kind of ['unauthorized', 'forbidden', 'misconfigured'] as const) {
    test(
      `at once: ${kind}`,
      marbles((m) => {
        const error = { reason: 'query', misses: 0, last: undefined };
        polls(m, { ask1: '-#', sub1: '^!', emit: '-#' }, { errors: [miss(kind)], error });
      }),
    );
  }

  for (const thrown of ['a text', Object.create(null) as object]) {
    test(
      `at once: an error that is none (${Object.prototype.toString.call(thrown)})`,
      marbles((m) => {
        const error = { reason: 'query', misses: 0, last: undefined };
        polls(m, { ask1: '-#', sub1: '^!', emit: '-#' }, { errors: [thrown], error });
      }),
    );
  }

  test(
    'at once: the record is deleted',
    marbles((m) => {
      const error = { reason: 'expired', misses: 0, last: undefined };
      polls(m, { ask1: '-#', sub1: '^!', emit: '-#' }, { errors: [miss('expired')], error });
    }),
  );

  test(
    'after five malformed answers in a row, before any good one',
    marbles((m) => {
      const { query } = scriptedQuery(['malformed']);
      m.expect(query('task').pipe(pollUntilTerminal(prompt), outlined())).toBeObservable(
        '- 30s - 30s - 30s - 30s -#',
        letters,
        { reason: 'query', misses: 5, last: undefined },
      );
    }),
  );

  test(
    'but not when another miss is among them, nor after a good answer',
    marbles((m) => {
      const four = ['malformed', 'malformed', 'malformed', 'malformed'] as const;
      const broken = scriptedQuery([...four, 'server', ...four, 's']).query('task');
      const late = scriptedQuery(['q', ...four, ...four, 's']).query('task');
      const waits = '30s - 30s - 30s - 30s - 30s - 30s - 30s - 30s';
      m.expect(broken.pipe(pollUntilTerminal(prompt))).toBeObservable(`- ${waits} - 30s -(s|)`, letters);
      m.expect(late.pipe(pollUntilTerminal(prompt))).toBeObservable(`-q ${waits} - 30s -(s|)`, letters);
    }),
  );

  test(
    'an empty answer is not malformed in this sense',
    marbles((m) => {
      const { query } = scriptedQuery(['empty', 'empty', 'empty', 'empty', 'empty', 'empty', 's']);
      const expected = '- 30s - 30s - 30s - 30s - 30s - 30s -(s|)';
      m.expect(query('task').pipe(pollUntilTerminal(prompt))).toBeObservable(expected, letters);
    }),
  );

  test(
    'when a completed task has no video, five times in a row',
    marbles((m) => {
      const withoutVideo = miss('malformed', { code: 'no-video' });
      const { query } = scriptedQuery(['p', withoutVideo]);
      m.expect(query('task').pipe(pollUntilTerminal(prompt), outlined())).toBeObservable(
        '-p 30s - 30s - 30s - 30s - 30s -#',
        letters,
        { reason: 'no-video', misses: 5, last: 'processing' },
      );
      const patched = scriptedQuery(['p', withoutVideo, withoutVideo, withoutVideo, withoutVideo, 's']);
      m.expect(patched.query('task').pipe(pollUntilTerminal(prompt), outlined())).toBeObservable(
        '-p 30s - 30s - 30s - 30s - 30s -(s|)',
        letters,
      );
    }),
  );

  test(
    'when it is not found: three times in a row, over at least a minute, after the first minute',
    marbles((m) => {
      const { query } = scriptedQuery(['not-found']);
      // 0 and 30 s are within the grace; 60, 90 and 120 s are the three.
      m.expect(query('task').pipe(pollUntilTerminal(prompt), outlined())).toBeObservable(
        '- 30s - 30s - 30s - 30s -#',
        letters,
        { reason: 'query', misses: 5, last: undefined },
      );
    }),
  );

  test(
    'but not while three of them are closer than the grace, nor when another miss is among them',
    marbles((m) => {
      const fast = { ...prompt, interval: 10_000 };
      const { query } = scriptedQuery(['not-found']);
      // From 60 s on, every 10 s: 60, 70, 80, ... 120 s.
      m.expect(query('task').pipe(pollUntilTerminal(fast), outlined())).toBeObservable(
        `-${' 10s -'.repeat(12)}#`,
        letters,
        { reason: 'query', misses: 13, last: undefined },
      );
      const mixed = scriptedQuery(['q', 'q', 'not-found', 'not-found', 'server', 'not-found', 'not-found', 's']);
      m.expect(mixed.query('task').pipe(pollUntilTerminal(prompt))).toBeObservable(
        '-q 30s -q 30s - 30s - 30s - 30s - 30s - 30s -(s|)',
        letters,
      );
    }),
  );

  test(
    'with a message that says who, why, since when, and what to do',
    marbles((m) => {
      const messages: string[] = [];
      const note = {
        error: (error: unknown) => {
          messages.push((error as Error).message);
        },
      };
      for (const script of [['unauthorized'], ['q', 'forbidden'], ['q', 'expired']] as const) {
        scriptedQuery(script, { provider: 'alad' }).query('a1').pipe(pollUntilTerminal()).subscribe(note);
      }
      m.flush();
      expect(messages).toEqual([
        'alad task a1: tracking ended [query]: alad returned no usable status for task a1: the script says unauthorized (no answer). It may still be running: track it again by its id',
        'alad task a1: tracking ended [query]: alad returned no usable status for task a1: the script says forbidden (queued at 1970-01-01T00:00:00.000Z). It may still be running: track it again by its id',
        'alad task a1: tracking ended [expired]: alad returned no usable status for task a1: the script says expired (queued at 1970-01-01T00:00:00.000Z)',
      ]);
    }),
  );
});
