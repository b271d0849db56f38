import fc from 'fast-check';
import { asyncScheduler, filter, finalize, firstValueFrom, of, Subject, tap, type Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { dedupeStatus, pollUntilTerminal, withModelInterval, type DedupeOptions, type Task } from 'rx-video-tasks';
import { processingTask, queuedTask, scriptedQuery, unknownTask } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { answering, marbles } from '../marbles.js';
import { letters, listen } from './polls.js';

// Behind a poller, dedupeStatus is no operator of its own: the poller leaves out what is no news.

const half = processingTask({ progress: 50 });
const done = processingTask({ progress: 99 });

describe('a poller with dedupeStatus right behind it', () => {
  const poll = () => pollUntilTerminal<Task>({ interval: 10_000 });
  const ruler = ['-q|', '-q|', '-h|', '-h|', '-d|', '-(s|)'];
  const values = { ...letters, h: half, d: done };

  test.each<[string, DedupeOptions<Task>, string]>([
    ['by progress', {}, '           -q 10s -- 10s -h 10s -- 10s -d 10s -(s|)'],
    ['by status', { by: 'status' }, '-q 10s -- 10s -h 10s -- 10s -- 10s -(s|)'],
    ['by a function', { by: () => 0 }, '-q 10s -- 10s -- 10s -- 10s -- 10s -(s|)'],
  ])('%s: emits what is news, and asks as without it', (_, options, expected) => {
    marbles((m) => {
      const asked = ruler.map((diagram) => m.cold<Task>(diagram, values));
      m.expect(answering(...asked).pipe(poll(), dedupeStatus(options))).toBeObservable(expected, values);
      asked.forEach((query, nth) => {
        const before = nth === 0 ? '' : `${nth * 10_000 + nth * 2}ms `;
        m.expect(query).toHaveSubscriptions(nth === 5 ? `${before}^!` : `${before}^-!`);
      });
    })();
  });

  test(
    'another task is news, of the same provider or of another',
    marbles((m) => {
      const told = { a: processingTask({ id: 'a' }), b: processingTask({ id: 'b' }), s: letters.s };
      const other = processingTask({ id: 'b', provider: 'another' });
      const asked = ['(a|)', '(a|)', '(b|)', '(o|)', '(o|)', '(s|)'].map((diagram) =>
        m.cold<Task>(diagram, { ...told, o: other }),
      );
      m.expect(answering(...asked).pipe(poll(), dedupeStatus())).toBeObservable(
        'a 9999ms - 9999ms b 9999ms o 9999ms - 9999ms (s|)',
        { ...told, o: other },
      );
    }),
  );

  test(
    'passes errors on, and unsubscribes',
    marbles((m) => {
      const error = new Error('oops');
      const query = m.cold<Task>('-q|', letters);
      const notifier = m.cold<never>('---#', {}, error);
      const deduped = (calls: Observable<never>) => query.pipe(pollUntilTerminal({ notifier: calls }), dedupeStatus());
      m.expect(deduped(notifier)).toBeObservable('-q-#', letters, error);
      m.expect(deduped(m.cold('-')), '^!').toBeObservable('-');
      m.expect(query).toHaveSubscriptions(['^-!', '^!']);
    }),
  );

  test(
    'what the function throws is the error of the stream',
    marbles((m) => {
      const query = m.cold<Task>('-q|', letters);
      const by = () => {
        throw new Error('oops');
      };
      m.expect(query.pipe(poll(), dedupeStatus({ by }))).toBeObservable('-#', {}, new Error('oops'));
      m.expect(query).toHaveSubscriptions('^!');
    }),
  );

  test(
    'two in a row both count',
    marbles((m) => {
      const asked = ruler.map((diagram) => m.cold<Task>(diagram, values));
      const twice = answering(...asked).pipe(poll(), dedupeStatus({ by: 'status' }), dedupeStatus());
      m.expect(twice).toBeObservable('-q 10s -- 10s -h 10s -- 10s -- 10s -(s|)', values);
    }),
  );

  test('whatever one task says, the same comes out as from one that stands apart', () => {
    const said = fc.array(
      fc.constantFrom(
        ...[queuedTask(), queuedTask({ progress: 0 }), queuedTask({ rawStatus: 'another word' })],
        ...[processingTask(), half, done, unknownTask(), unknownTask({ rawStatus: 'another word' })],
      ),
      { maxLength: 12 },
    );
    const by = fc.constantFrom<DedupeOptions['by']>('progress', 'status', ({ status }) => status === 'queued');
    fc.assert(
      fc.property(said, by, (answers, by) => {
        const play = (follow: (polled: Observable<Task>) => Observable<Task>): string[] => {
          const seen: string[] = [];
          const scheduler = new TestScheduler(() => undefined);
          scheduler.run(() => {
            const query = answering(...[...answers, letters.s].map((task) => of<Task>(task)));
            listen(follow(query.pipe(poll())), (task) => seen.push(`${asyncScheduler.now()} ${JSON.stringify(task)}`));
          });
          return seen;
        };
        const rule = by === undefined ? {} : { by };
        expect(play((polled) => polled.pipe(dedupeStatus<Task>(rule)))).toEqual(
          play((polled) => polled.pipe(tap(), dedupeStatus<Task>(rule))),
        );
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('a poller that is made once', () => {
  const timers = () => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;

  test('lets the waits of many sources share timers, and leaves none behind', () => {
    const before = timers();
    const pace = withModelInterval<Task>();
    const poll = pollUntilTerminal<Task>();
    const dedupe = dedupeStatus<Task>();
    const subscriptions = Array.from({ length: 1_000 }, () => listen(of(half).pipe(pace, poll, dedupe)));
    expect(timers() - before).toBeLessThan(200);
    for (const subscription of subscriptions) subscription.unsubscribe();
    expect(timers()).toBe(before);
  });

  test('waits in virtual time in a test and in real time beside it, though the test dies with polls waiting', async () => {
    const poll = pollUntilTerminal<Task>({ interval: 20, minInterval: 0 });
    const heard: string[] = [];
    const ended = new Subject<string>();
    const follow = (name: string) => {
      const { query } = scriptedQuery(['q', 's']);
      listen(
        query('task').pipe(
          poll,
          finalize(() => {
            ended.next(name);
          }),
        ),
      );
    };
    listen(ended, (name) => heard.push(name));
    const all = firstValueFrom(ended.pipe(filter(() => heard.filter((name) => name.startsWith('real')).length === 3)));
    follow('real 1');
    follow('real 2');
    for (const frames of [0, 5, 12]) {
      const scheduler = new TestScheduler(() => undefined);
      expect(() => {
        scheduler.run(() => {
          follow('died');
          follow('died too');
          scheduler.schedule(() => {
            throw new Error('the test failed');
          }, frames);
        });
      }).toThrow('the test failed');
    }
    new TestScheduler(() => undefined).run(() => {
      follow('virtual');
    });
    follow('real 3');
    await all;
    expect(heard.sort()).toEqual(['real 1', 'real 2', 'real 3', 'virtual']);
  });
});
