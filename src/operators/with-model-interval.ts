import { map, type MonoTypeOperatorFunction } from 'rxjs';
import { copyTask, taskKey, type Task } from '../task.js';
import { resultWindows, windowOf, type PollWindow, type PollWindows } from '../windows.js';
import { checkFunction, draw, LONGEST_DELAY } from './time.js';

export interface ModelIntervalOptions {
  /** How a wait is chosen inside the window. `uniform`: anywhere, so that tasks which started together drift apart. @default 'uniform' */
  readonly cadence?: 'uniform';
  /** Gives 0..1: 0 is the window's shortest wait. @default Math.random */
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
 *           withModelInterval(resultWindows, { random: () => 0 })
 * result:   -q-s|                                  pollAfter: 30_000
 * ```
 *
 * An answer that names no model is given the window of the one that the task named last. That memory is kept for each
 * application of the operator to a source, not for each subscription: the poller subscribes anew at every poll.
 *
 * @param windows waits by model; default `resultWindows`. For anyfast and alad: `generationsWindows`.
 * @throws RangeError at call time for a window that is not 0 < min <= max <= 2^31-1.
 */
export function withModelInterval<T extends Task>(
  windows: PollWindows = resultWindows,
  options: ModelIntervalOptions = {},
): MonoTypeOperatorFunction<T> {
  checkWindows(windows);
  const { random = Math.random, hint } = options;
  checkFunction('random', random);
  return (source) => {
    let about: string | undefined;
    let model: string | undefined;
    return source.pipe(
      map((task) => {
        const key = taskKey(task);
        model = task.model ?? (about === key ? model : undefined);
        about = key;
        const window = windowOf(windows, hint === 'flex' ? hint : (model ?? hint));
        return copyTask(task, { pollAfter: drawWait(window, random) });
      }),
    );
  };
}

/** A whole number of ms inside the window, never 0. */
export function drawWait({ min, max }: PollWindow, random: () => number): number {
  return Math.max(1, Math.round(min + draw(random) * (max - min)));
}

/** @throws RangeError that names the window. */
export function checkWindows(windows: PollWindows): void {
  for (const [name, { min, max, floor = 0 }] of Object.entries(windows)) {
    if (!(min > 0 && min <= max && max <= LONGEST_DELAY && floor >= 0 && floor <= LONGEST_DELAY)) {
      throw new RangeError(`windows["${name}"]: min ${min}, max ${max}; write 0 < min <= max, in ms`);
    }
  }
}
