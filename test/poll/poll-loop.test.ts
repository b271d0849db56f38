import { map, NEVER, Observable, of, timer } from 'rxjs';
import type { PollConfig, Task } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { Poll, pollPlan, type PollRef } from '../../src/poll/poll-loop.js';
import { answered, newState, type PollDecision } from '../../src/poll/policy.js';
import { scheduleAlone } from '../../src/poll/timer.js';
import { marbles } from '../marbles.js';
import { letters, outlined } from '../operators/polls.js';

// What a tracker asks of a poll beyond what the operator does.

/** Asks without end, and records for how long the task had not been seen each time. */
class Watched extends Poll {
  readonly unseenAt: number[] = [];
  protected readonly plan;
  protected readonly state;
  readonly #answers: (poll: Watched) => Observable<Task>;

  constructor(
    readonly ref: PollRef,
    config: PollConfig,
    answers: (poll: Watched) => Observable<Task>,
    protected readonly emit: (answer: Task) => void = () => undefined,
    protected readonly fail: (error: unknown) => void = () => undefined,
  ) {
    super();
    this.plan = pollPlan(config, scheduleAlone);
    this.state = newState(0, this.plan.minInterval);
    this.#answers = answers;
  }

  protected ask(): Observable<Task> {
    this.unseenAt.push(this.unseen);
    this.sent();
    return this.#answers(this);
  }

  protected answered(task: Task, time: number): PollDecision {
    return answered(this.state, task, time);
  }

  protected isAnswered(): boolean {
    return false;
  }

  protected complete(): void {
    throw new Error('nothing ends here');
  }
}

/** What such a poll emits, from its start on. */
function emitted(
  ...[ref, config, answers]: [PollRef, PollConfig, (poll: Watched) => Observable<Task>]
): Observable<Task> {
  return new Observable<Task>((subscriber) => {
    const poll = new Watched(ref, config, answers, subscriber.next.bind(subscriber), subscriber.error.bind(subscriber));
    poll.start();
    return () => {
      poll.stop();
    };
  }).pipe(outlined());
}

const calm = { interval: 10, minInterval: 10 };

describe('a deadline in ms counts', () => {
  test.each<[string, number | undefined, string]>([
    ['from the creation', -30, '20ms #'],
    ['from the start, where the creation is not known', undefined, '50ms #'],
    ['from the start, where the creation has yet to come', 30, '50ms #'],
  ])('%s', (_, fromNow, expected) => {
    marbles((m) => {
      const createdAt = fromNow === undefined ? undefined : m.scheduler.now() + fromNow;
      const late = { reason: 'deadline', misses: 0, last: undefined };
      m.expect(emitted({ createdAt }, { ...calm, deadline: 50 }, () => NEVER)).toBeObservable(expected, {}, late);
    })();
  });
});

test(
  'the floor counts from when a request went, not from when it began to wait its turn',
  marbles((m) => {
    const goes = (ms: number) => (poll: Watched) =>
      timer(ms).pipe(
        map(() => {
          poll.sent();
          return letters.q;
        }),
      );
    const waits = [goes(7), goes(0)];
    const notifier = m.hot('---------c---');
    const subscription = '  ^-----------!';
    // Called at 9. The request went at 7: the next may go at 17, not at 10.
    const expected = '      -------q-----';
    const result = emitted({}, { ...calm, notifier }, (poll) => (waits.shift() ?? goes(0))(poll));
    m.expect(result, subscription).toBeObservable(expected, letters);
  }),
);

test(
  'it knows for how long nothing was seen: since the last answer, at first since the start',
  marbles((m) => {
    const poll = new Watched({}, { ...calm, initialDelay: 3 }, () => timer(4).pipe(map(() => letters.q)));
    poll.start();
    m.scheduler.schedule(() => {
      poll.stop();
    }, 40);
    m.flush();
    expect(poll.unseenAt).toEqual([3, 10, 10]);
  }),
);

test('it runs from its start to its stop', () => {
  const poll = new Watched({}, calm, () => of(letters.q));
  const seen = [poll.isRunning];
  poll.start();
  seen.push(poll.isRunning);
  poll.stop();
  expect([...seen, poll.isRunning]).toEqual([false, true, false]);
});
