import { Observable, type OperatorFunction, type Subscriber, type Unsubscribable } from 'rxjs';
import { checkOptions } from '../options.js';
import { POLL_OPTIONS, type CheckedPollConfig, type PollConfig } from '../poll/poll-config.js';
import { Poll, pollPlan, type PollPlan, type PollRef } from '../poll/poll-loop.js';
import { answered, newState, validWait, type PollDecision } from '../poll/policy.js';
import { scheduleAlone } from '../poll/timer.js';
import type { Task } from '../task.js';

/**
 * Emits every answer of a query, asking again and again until one is terminal; then completes.
 *
 * ```text
 * query:    q|
 *                 p|
 *                       s|
 *           pollUntilTerminal()
 * result:   q 30s p 30s (s|)
 * ```
 *
 * The source is a cold query: each subscription asks once and takes one answer. It is subscribed to at once (or after
 * `initialDelay`) and then `max(minInterval, answer.pollAfter ?? interval)` ms after each answer, so polls never
 * overlap. A query that got no usable answer is a missed poll: reported to `onMiss`, followed by a longer wait, never
 * an end by itself. A failed task is a value.
 *
 * @throws RangeError at call time for a duration that no timer can take, or an `interval` below `minInterval`;
 * TypeError for an option that does not exist.
 * Errors with a TrackingError when asking again is pointless (`query`, `expired`, `no-video`) or time is up
 * (`deadline`), and with whatever the notifier errors with.
 *
 * @example
 * query('video_abc').pipe(withModelInterval(resultWindows), pollUntilTerminal(), dedupeStatus())
 */
export function pollUntilTerminal<T extends Task>(config: PollConfig = {}): OperatorFunction<T, T> {
  checkOptions('pollUntilTerminal', 'pollUntilTerminal({ interval })', config, POLL_OPTIONS);
  const plan = pollPlan(config, scheduleAlone);
  return (source) =>
    new Observable((subscriber) => {
      const poll = new SourcePoll(plan, source, subscriber);
      // Before the start: a task that is terminal at once must find the way to stop.
      subscriber.add(poll);
      poll.start();
    });
}

const NOTHING: PollRef = {};

/** Polls a source for one subscriber. */
class SourcePoll<T extends Task> extends Poll<T> implements Unsubscribable {
  protected readonly plan: PollPlan & CheckedPollConfig;
  protected readonly state;
  readonly #source: Observable<T>;
  readonly #subscriber: Subscriber<T>;

  constructor(plan: PollPlan & CheckedPollConfig, source: Observable<T>, subscriber: Subscriber<T>) {
    super();
    this.plan = plan;
    this.state = newState(plan.interval, plan.minInterval);
    this.#source = source;
    this.#subscriber = subscriber;
  }

  get ref(): PollRef {
    return NOTHING;
  }

  protected ask(): Observable<T> {
    this.sent();
    return this.#source;
  }

  protected answered(task: T, time: number): PollDecision {
    this.last = task;
    this.state.wait = validWait(task.pollAfter) ?? this.plan.interval;
    return answered(this.state, task, time);
  }

  protected isAnswered(): boolean {
    return false;
  }

  protected emit(task: T): void {
    this.#subscriber.next(task);
  }

  protected complete(task: T): void {
    this.#subscriber.next(task);
    this.#subscriber.complete();
  }

  protected fail(error: unknown): void {
    this.#subscriber.error(error);
  }

  unsubscribe(): void {
    this.stop();
  }
}
