import { Observable, type OperatorFunction, type Subscriber } from 'rxjs';
import type { Task } from '../task.js';
import { DueQueue } from './due-queue.js';
import { checkPollConfig, type CheckedPollConfig, type PollConfig } from './poll-config.js';
import { Poll } from './poll.js';

/**
 * Emits every answer of a query, asking again and again until one is terminal; then completes.
 *
 * ```text
 * query:    q|
 *                 p|
 *                       s|
 *           pollUntilTerminal({ interval: 30_000 })
 * result:   q-----p-----(s|)
 * ```
 *
 * The source is a cold query: each subscription asks once. It is subscribed to at once (or after `initialDelay`) and
 * then `max(minInterval, answer.pollAfter ?? interval)` ms after each answer, so polls never overlap. A query that got
 * no usable answer is a missed poll: reported to `onMiss`, followed by a longer wait, never an end by itself. A failed
 * task is a value.
 *
 * Make the operator once and apply it to many sources: what waits then shares one timer. (A callback then runs in the
 * asynchronous context of whoever armed that timer; under zone.js each source keeps its own.)
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
  const queue = new DueQueue();
  // The loop is written by hand: composed of repeat({ delay }) and timer it takes 3.2 kB and 11 µs a poll of a waiting task.
  return (source) =>
    new Observable<T>((subscriber) => {
      const poll = new SubscribedPoll<T>(source, checked, queue, subscriber);
      poll.start(checked.initialDelay);
      return () => {
        poll.stop();
      };
    });
}

class SubscribedPoll<T extends Task> extends Poll {
  constructor(
    source: Observable<T>,
    config: CheckedPollConfig,
    queue: DueQueue,
    private readonly subscriber: Subscriber<T>,
  ) {
    super(source, config, queue);
  }

  protected override onAnswer(task: Task): void {
    this.subscriber.next(task as T);
  }

  protected override onTerminal(): void {
    this.subscriber.complete();
  }

  protected override onFailure(error: unknown): void {
    this.subscriber.error(error);
  }
}
