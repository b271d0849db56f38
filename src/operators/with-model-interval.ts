import { asyncScheduler, map, Observable, type MonoTypeOperatorFunction } from 'rxjs';
import { copyTask, type Task } from '../task.js';
import { resultWindows, windowOf, type PollWindows } from '../windows.js';
import { beginningOf, checkCadence, timeLeft, waitAfter, type Cadence } from '../poll/cadence.js';
import { checkFunction, LONGEST_DELAY } from '../poll/timer.js';

export interface ModelIntervalOptions {
  /**
   * How a wait is chosen.
   * - `window`: inside the window; long before the task can be done, short around its usual generation time, longer again
   *   when it is overdue.
   * - `economical`: the same, but free between the window's `floor` and three times its `max`: fewer requests.
   * - `uniform`: anywhere inside the window, whatever the task's age. So are the waits of a window without `generation`.
   *
   * `window` and `economical` see the end of a task as soon as a timer of the window's `interval`, on average and within 3 %,
   * if generation times are as documented, and make fewer requests than it.
   *
   * A task's age counts from when it was last seen queued, or from its `startedAt`, else its `createdAt`, else its first
   * answer. Where its progress rises from one processing answer to the next, its end is extrapolated instead.
   * @default 'window'
   */
  readonly cadence?: Cadence;
  /**
   * Gives 0..1: with `uniform` 0 is the window's shortest wait and 1 its longest; else it makes a wait longer by up to 1.5 %,
   * so that tasks that started together drift apart.
   * @default Math.random
   */
  readonly random?: () => number;
  /**
   * The name of the window for as long as no answer has named a model. `flex` (Seedance 1.5's offline service) holds
   * throughout, since no model's name tells it.
   */
  readonly hint?: string | undefined;
}

/**
 * Sets `pollAfter` on each answer: how long, in ms, the document of its model recommends to wait before asking again.
 * Put it between the query and `pollUntilTerminal`.
 *
 * ```text
 * query:    -q-s|                                  model: seedance_1_5_pro_720p
 *           withModelInterval(resultWindows, { cadence: 'uniform', random: () => 0 })
 * result:   -q-s|                                  pollAfter: 30_000
 * ```
 *
 * An answer that names no model is given the window of the one that the task named last. That memory, and that of the
 * task's age, is kept for each application of the operator to a source, not for each subscription: the poller subscribes
 * anew at every poll.
 *
 * @param windows waits by model; default `resultWindows`. For anyfast and alad: `generationsWindows`.
 * @throws RangeError at call time for a window that is not 0 < min <= interval <= max <= 2^31-1; TypeError for a cadence that is none.
 */
export function withModelInterval<T extends Task>(
  windows: PollWindows = resultWindows,
  options: ModelIntervalOptions = {},
): MonoTypeOperatorFunction<T> {
  checkWindows(windows);
  const { cadence = 'window', random = Math.random, hint } = options;
  checkCadence(cadence);
  checkFunction('random', random);
  return (source) => {
    let last: T | undefined;
    let model: string | undefined;
    let began: number | undefined;
    // Put together anew at each poll: what waits between two polls is this memory alone.
    return new Observable((subscriber) =>
      source
        .pipe(
          map((task: T) => {
            if (last?.id !== task.id || last.provider !== task.provider) last = model = began = undefined;
            const now = asyncScheduler.now();
            model = task.model ?? model;
            began = beginningOf(task, began, now);
            const window = windowOf(windows, hint === 'flex' ? hint : (model ?? hint));
            const pollAfter = waitAfter(window, cadence, random, now - began, timeLeft(task, last));
            return (last = copyTask(task, { pollAfter }));
          }),
        )
        .subscribe(subscriber),
    );
  };
}

/** @throws RangeError that names the window. */
export function checkWindows(windows: PollWindows): void {
  for (const [name, { min, max, floor = 0, interval = max, generation = [1, 1] }] of Object.entries(windows)) {
    const [shortest, longest] = generation;
    const isRange =
      min > 0 && min <= max && max <= LONGEST_DELAY && shortest > 0 && shortest <= longest && longest <= LONGEST_DELAY;
    if (!(isRange && floor >= 0 && floor <= LONGEST_DELAY)) {
      throw new RangeError(`windows["${name}"]: min ${min}, max ${max}; write 0 < min <= max, in ms`);
    }
    if (!(interval >= min && interval <= max)) {
      throw new RangeError(`windows["${name}"]: interval ${interval} is outside the window; write ${min} to ${max} ms`);
    }
  }
}
