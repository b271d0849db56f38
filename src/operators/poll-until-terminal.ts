import { Observable, type OperatorFunction, type Subscriber, type Unsubscribable } from 'rxjs';
import { isTerminal, taskKey, type Task } from '../task.js';
import { checkPollConfig, type PollConfig } from '../poll/poll-config.js';
import { Poll, type PollPlan, type PollRef } from '../poll/poll-loop.js';
import { sharedWait } from '../poll/shared-timer.js';
import { siftable, type NewsOf } from './sift.js';
import { timerWait } from '../poll/timer.js';

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
 * The source is a cold query: each subscription asks once. It is subscribed to at once (or after `initialDelay`) and
 * then `max(minInterval, answer.pollAfter ?? interval)` ms after each answer, so polls never overlap. A query that got
 * no usable answer is a missed poll: reported to `onMiss`, followed by a longer wait, never an end by itself. A failed
 * task is a value.
 *
 * Made once and applied to many sources, it lets waits that end together share a timer, in real time and outside zones:
 * cheaper, but a source is then subscribed to in the async context of any of them. Where a query reads who asks from
 * `AsyncLocalStorage`, make the operator anew for each source.
 *
 * @throws RangeError at call time for a duration that no timer can take, or an `interval` below `minInterval`.
 * Errors with a TrackingError when asking again is pointless (`query`, `expired`, `no-video`) or time is up (`deadline`),
 * and with whatever the notifier errors with.
 *
 * @example
 * query('video_abc').pipe(withModelInterval(resultWindows), pollUntilTerminal(), dedupeStatus())
 */
export function pollUntilTerminal<T extends Task>(config?: PollConfig): OperatorFunction<T, T> {
  const checked = checkPollConfig(config);
  let plan: PollPlan = { ...checked, wait: timerWait };
  let sources = 0;
  return (source) => {
    // One source waits on timers of its own; where there are more, their waits share timers.
    if (++sources === 2) plan = { ...checked, wait: sharedWait() };
    return siftable(
      (newsOf) =>
        new Observable((subscriber) => {
          const poll = new SourcePoll(plan, source, subscriber, newsOf);
          // Before the start: a task that is terminal at once must find the way to stop.
          subscriber.add(poll);
          poll.start();
        }),
    );
  };
}

const NOTHING: PollRef = {};

/** Asks a source, and tells a subscriber every answer, or those that are news. */
class SourcePoll<T extends Task> extends Poll<T> implements Unsubscribable {
  /** What the last running answer said. */
  #said: unknown;

  constructor(
    protected readonly plan: PollPlan,
    private readonly source: Observable<T>,
    private readonly subscriber: Subscriber<T>,
    private readonly newsOf: NewsOf<T> | undefined,
  ) {
    super();
  }

  get ref(): PollRef {
    return NOTHING;
  }

  protected ask(): Observable<T> {
    return this.source;
  }

  protected interval(): number {
    // What came from outside may be no number.
    const told = this.last?.pollAfter ?? -1;
    return told >= 0 ? told : this.plan.interval;
  }

  protected floor(): number {
    return this.plan.minInterval;
  }

  protected emit(task: T): void {
    const before = this.last;
    this.last = task;
    if (this.newsOf && !isTerminal(task)) {
      const said = this.#said;
      this.#said = this.newsOf(task);
      if (before && said === this.#said && taskKey(before) === taskKey(task)) return;
    }
    this.subscriber.next(task);
  }

  protected finish(): void {
    this.subscriber.complete();
  }

  protected fail(error: unknown): void {
    this.subscriber.error(error);
  }

  unsubscribe(): void {
    this.stop();
  }
}
