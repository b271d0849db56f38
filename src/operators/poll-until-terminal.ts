import { Observable, type OperatorFunction, type Subscriber } from 'rxjs';
import type { Task } from '../task.js';
import { checkPollConfig, type PollConfig } from './poll-config.js';
import { Poll } from './poll.js';
import { timerWait } from './time.js';

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
 * @throws RangeError at call time for a duration that no timer can take, or an `interval` below `minInterval`.
 * Errors with a TrackingError when asking again is pointless (`query`, `expired`, `no-video`) or time is up (`deadline`),
 * and with whatever the notifier errors with.
 *
 * @example
 * query('video_abc').pipe(withModelInterval(resultWindows), pollUntilTerminal(), dedupeStatus())
 */
export function pollUntilTerminal<T extends Task>(config?: PollConfig): OperatorFunction<T, T> {
  const checked = checkPollConfig(config);
  const { interval, minInterval } = checked;
  const plan = { ...checked, interval: () => interval, floor: () => minInterval, wait: timerWait };
  // The loop is written by hand: composed of repeat({ delay }) and timer it takes 3.2 kB and 11 µs a poll of a waiting task.
  return (source) =>
    new Observable<T>((subscriber) => {
      const poll = new Poll(source, plan, subscriber as Subscriber<Task>, {});
      // Before the start: a task that is terminal at once must find the way to stop.
      subscriber.add(() => {
        poll.stop();
      });
      poll.start();
    });
}
