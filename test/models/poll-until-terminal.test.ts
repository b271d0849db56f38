import fc from 'fast-check';
import {
  asyncScheduler,
  concat,
  defer,
  EMPTY,
  finalize,
  ignoreElements,
  NEVER,
  of,
  Subject,
  switchMap,
  throwError,
  timer,
  type Observable,
} from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { isTrackingError, pollUntilTerminal, QueryError, type QueryErrorKind, type Task } from 'rx-video-tasks';
import { marbleTasks } from 'rx-video-tasks/testing';
import { expect, test } from 'vitest';
import { FINAL, timelineOf, type Reply, type Scenario } from './poll-model.js';
import { isLong } from '../repetitions.js';

const tasks = new Map(Object.values(marbleTasks()).map((task) => [task.status as string, task]));

const reply: fc.Arbitrary<Reply> = fc.record({
  says: fc.constantFrom(
    ...(['queued', 'processing', 'unknown', 'completed', 'failed', 'cancelled'] as const),
    ...(['server', 'network', 'timeout', 'rate-limited', 'malformed', 'not-found', 'no-video', 'empty'] as const),
    ...(['unauthorized', 'forbidden', 'misconfigured', 'expired', 'silence', 'bug'] as const),
  ),
  after: fc.constantFrom(0, 10, 40),
  lingers: fc.constantFrom(0, 1, Infinity),
  pollAfter: fc.constantFrom(undefined, undefined, 0, 10, 70, -5, NaN),
  retryAfterMs: fc.constantFrom(undefined, undefined, 0, 40, 2_000_000),
});

// Most ends take several replies of a kind in a row.
const replies = fc
  .array(fc.tuple(reply, fc.constantFrom(1, 1, 1, 2, 3, 5)), { maxLength: 5 })
  .map((runs) => runs.flatMap(([one, times]) => Array<Reply>(times).fill(one)));

const scenario: fc.Arbitrary<Scenario> = fc.record({
  replies,
  calls: fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 4 }),
  leavesAt: fc.oneof({ weight: 3, arbitrary: fc.constant(Infinity) }, fc.integer({ min: 1, max: 500 })),
  luck: fc.constantFrom(0, 0.5, 1),
  minInterval: fc.constantFrom(0, 10, 30),
  interval: fc.constantFrom(30, 50, 200),
  initialDelay: fc.constantFrom(0, 0, 60),
  deadline: fc.constantFrom(0, 35, 100, 400, 86_400_000, 86_400_000),
  count: fc.constantFrom(0, 1, 4, Infinity, Infinity),
  delay: fc.constantFrom(0, 20),
  maxDelay: fc.constantFrom(0, 50, 120_000),
  notFoundGrace: fc.constantFrom(0, 60),
});

function answerOf({ says, after, lingers, pollAfter, retryAfterMs }: Reply): Observable<Task> {
  if (says === 'silence') return NEVER;
  const task = tasks.get(says);
  const [kind, code] = says === 'empty' || says === 'no-video' ? (['malformed', says] as const) : [says, undefined];
  const error = says === 'bug' ? new Error(says) : new QueryError(kind as QueryErrorKind, says, { code, retryAfterMs });
  const rest = lingers === Infinity ? NEVER : lingers === 0 ? EMPTY : timer(lingers).pipe(ignoreElements());
  const answer$ = task
    ? concat(of(pollAfter === undefined ? task : { ...task, pollAfter }), rest)
    : says === 'empty'
      ? EMPTY
      : throwError(() => error);
  return after === 0 ? answer$ : timer(after).pipe(switchMap(() => answer$));
}

/** When it is subscribed to: at 0 a time and a duration would look the same. */
const START = 90_000;

interface Played {
  readonly timeline: string[];
  /** The most queries that were open at once, those that are still open, and the timers left. */
  readonly left: { readonly most: number; readonly open: number; readonly waiting: number };
}

function play(scenario: Scenario): Played {
  const { luck, minInterval, interval, initialDelay, deadline, count, delay, maxDelay, notFoundGrace } = scenario;
  const timeline: string[] = [];
  const say = (what: string) => timeline.push(`${asyncScheduler.now() - START} ${what}`);
  const scheduler = new TestScheduler(() => undefined);
  const left = { most: 0, open: 0, waiting: 0 };
  const begin = () => {
    const notifier = new Subject<void>();
    let asked = 0;
    const query = defer(() => {
      say('asks');
      left.most = Math.max(left.most, ++left.open);
      return answerOf(scenario.replies[asked++] ?? FINAL).pipe(finalize(() => left.open--));
    });
    if (scenario.leavesAt < Infinity) {
      asyncScheduler.schedule(() => {
        subscription.unsubscribe();
      }, scenario.leavesAt);
    }
    for (const call of scenario.calls) {
      asyncScheduler.schedule(() => {
        notifier.next();
      }, call);
    }
    const subscription = query
      .pipe(
        pollUntilTerminal({
          ...{ minInterval, interval, initialDelay, deadline, notifier },
          retry: { count, delay, maxDelay, notFoundGrace },
          random: () => luck,
          onMiss: ({ kind, misses, nextPollIn }) => say(`missed: ${kind}, ${misses} in a row, asks in ${nextPollIn}`),
        }),
      )
      .subscribe({
        next: ({ status }) => say(status),
        complete: () => say('is done'),
        error: (error: unknown) => {
          if (!isTrackingError(error)) say(String(error));
          else say(`gives up: ${error.reason}, ${error.misses} missed, ${error.last?.status ?? 'nothing'} known`);
        },
      });
  };
  scheduler.run(() => asyncScheduler.schedule(begin, START));
  left.waiting = scheduler.actions.length;
  return { timeline, left };
}

test('random sequences of answers, misses, calls and departures: everything happens when a table predicts it', () => {
  const ends = new Set<string>();
  fc.assert(
    fc.property(scenario, (scene) => {
      const { timeline, left } = play(scene);
      const expected = timelineOf(scene);
      ends.add(/gives up: [\w-]+|is done/.exec(expected.at(-1) ?? '')?.[0] ?? 'nobody is there');
      if (timeline.join() !== expected.join()) expect(timeline).toEqual(expected);
      // Never two queries at once, and afterwards nothing: no query, no timer.
      if (left.most > 1 || left.open > 0 || left.waiting > 0) expect(left).toEqual({ most: 1, open: 0, waiting: 0 });
    }),
    { numRuns: isLong ? 100_000 : 4_000 },
  );
  // The sequences are no good if they leave one of the ends out.
  const reasons = ['deadline', 'expired', 'no-video', 'query'].map((reason) => `gives up: ${reason}`);
  expect([...ends].sort()).toEqual([...reasons, 'is done', 'nobody is there']);
}, 120_000);
