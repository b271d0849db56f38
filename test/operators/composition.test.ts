import fc from 'fast-check';
import { asyncScheduler, defer, map, Observable, of, take, tap, throwError, type MonoTypeOperatorFunction } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { dedupeStatus, pollUntilTerminal, withModelInterval, type DedupeOptions, type Task } from 'rx-video-tasks';
import { processingTask, queuedTask, unknownTask } from 'rx-video-tasks/testing';
import { describe, expect, test, vi } from 'vitest';
import { answering, marbles } from '../marbles.js';
import { letters, listen, miss } from './polls.js';
import { repetitions } from '../repetitions.js';

const half = processingTask({ progress: 50 });
const done = processingTask({ progress: 99 });

describe('a poller, then dedupeStatus', () => {
  const poll = () => pollUntilTerminal<Task>({ interval: 10_000 });
  const ruler = ['-q|', '-q|', '-h|', '-h|', '-d|', '-(s|)'];
  const values = { ...letters, h: half, d: done };

  test.each<[string, DedupeOptions<Task>, string]>([
    ['by progress', {}, '           -q 10s -- 10s -h 10s -- 10s -d 10s -(s|)'],
    ['by status', { by: 'status' }, '-q 10s -- 10s -h 10s -- 10s -- 10s -(s|)'],
    ['by a function', { by: () => 0 }, '-q 10s -- 10s -- 10s -- 10s -- 10s -(s|)'],
  ])('%s: emits what has changed, and asks as without it', (_, options, expected) => {
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
    'another task is a change, of the same provider or of another',
    marbles((m) => {
      const values = { a: processingTask({ id: 'a' }), b: processingTask({ id: 'b' }), s: letters.s };
      const other = processingTask({ id: 'b', provider: 'another' });
      const asked = ['(a|)', '(a|)', '(b|)', '(o|)', '(o|)', '(s|)'].map((diagram) =>
        m.cold<Task>(diagram, { ...values, o: other }),
      );
      m.expect(answering(...asked).pipe(poll(), dedupeStatus())).toBeObservable(
        'a 9999ms - 9999ms b 9999ms o 9999ms - 9999ms (s|)',
        { ...values, o: other },
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
});

describe('what stands between two operators changes nothing', () => {
  const answer = fc.constantFrom(
    ...[queuedTask(), queuedTask({ progress: 0 }), queuedTask({ rawStatus: 'another word' })],
    ...[processingTask(), half, done, unknownTask(), unknownTask({ rawStatus: 'another word' })],
    ...[processingTask({ model: 'seedance_1_5_pro_480p' }), processingTask({ id: 'another' })],
  );
  const answers = fc.array(
    fc.oneof({ weight: 5, arbitrary: answer }, { weight: 1, arbitrary: fc.constant('missed') }),
    {
      maxLength: 12,
    },
  );
  const by = fc.constantFrom<DedupeOptions['by']>('progress', 'status', ({ status }) => status === 'queued');

  /** What happens, and when, with an operator in each place between the query, the three operators and the subscriber. */
  const play = (
    given: readonly (Task | string)[],
    by: DedupeOptions['by'],
    between: MonoTypeOperatorFunction<Task>,
  ) => {
    const lines: string[] = [];
    const say = (what: string) => lines.push(`${asyncScheduler.now()} ${what}`);
    const scheduler = new TestScheduler(() => undefined);
    scheduler.run(() => {
      let asked = 0;
      const query = defer((): Observable<Task> => {
        say('asks');
        const one = given[asked++] ?? letters.s;
        if (typeof one === 'string') return throwError(() => miss('server'));
        return of({ ...one, observedAt: asyncScheduler.now() });
      });
      const polled = query.pipe(
        between,
        withModelInterval({ '*': { min: 10_000, max: 20_000, generation: [30_000, 60_000] } }, { random: () => 0.5 }),
        between,
        pollUntilTerminal({ random: () => 0.5 }),
        between,
        dedupeStatus<Task>(by === undefined ? {} : { by }),
        between,
      );
      listen(polled, (task) => say(JSON.stringify(task)));
    });
    return lines;
  };

  test.each<[string, MonoTypeOperatorFunction<Task>]>([
    ['map((x) => x)', map((task: Task) => task)],
    ['tap()', tap()],
    ['an Observable that passes all on', (source) => new Observable((subscriber) => source.subscribe(subscriber))],
  ])('%s', (_, between) => {
    fc.assert(
      fc.property(answers, by, (given, by) => {
        expect(play(given, by, between)).toEqual(play(given, by, (source) => source));
      }),
      { numRuns: repetitions(500) },
    );
  });
});

test('operators that are made once give each subscription a timer and a memory of its own', () => {
  vi.useFakeTimers();
  try {
    const [pace, poll, dedupe] = [withModelInterval<Task>(), pollUntilTerminal<Task>(), dedupeStatus<Task>()];
    const seen: string[] = [];
    const subscriptions = Array.from({ length: 100 }, () =>
      listen(of<Task>(half).pipe(pace, poll, dedupe), ({ status }) => seen.push(status)),
    );
    expect([seen.length, vi.getTimerCount()]).toEqual([100, 100]);
    for (const subscription of subscriptions) subscription.unsubscribe();
    expect(vi.getTimerCount()).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test('a synchronous source without end: one answer of each query is taken', () => {
  let subscriptions = 0;
  const endless = new Observable<Task>((subscriber) => {
    subscriptions += 1;
    while (!subscriber.closed) subscriber.next(subscriptions < 3 ? letters.p : letters.s);
  });
  const seen: string[] = [];
  new TestScheduler(() => undefined).run(() => {
    const polled = endless.pipe(withModelInterval<Task>(), pollUntilTerminal());
    listen(polled, ({ status }) => seen.push(status));
  });
  expect(seen).toEqual(['processing', 'processing', 'completed']);
  listen(endless.pipe(dedupeStatus(), take(1)), ({ status }) => seen.push(status));
  expect([seen.length, subscriptions]).toEqual([4, 4]);
});
