import { asyncScheduler, map, Observable, type MonoTypeOperatorFunction } from 'rxjs';
import { checkFunction, checkOptions } from '../options.js';
import { checkCadence, type Cadence } from '../poll/cadence.js';
import { checkWindows } from '../poll/poll-config.js';
import { waitAfterAnswer, type WaitRules, type WaitState } from '../poll/policy.js';
import { now } from '../poll/timer.js';
import { copyTask, type Task } from '../task.js';
import { resultWindows, windowOf, type PollWindows } from '../windows.js';

export interface ModelIntervalOptions {
  /**
   * How a wait is chosen.
   * - `window`: inside the window; long while the task can hardly be done, short from about its usual generation time on,
   *   and slowly longer when it is overdue. Where the window is narrow (15 to 20 s) or the range of generation times wide
   *   (1 to 5 min), no time is much better than another: it is kept to its upper end.
   * - `economical`: the same, but free above the window's `floor`, up to three times its `max`: the fewest requests.
   * - `uniform`: anywhere inside the window, whatever the task's age. So are the waits of a window without `generation`.
   *
   * A task's age counts from when it was last seen queued, or from its `startedAt`, else its `createdAt`, else its first
   * answer. Where its progress rises from one processing answer to the next, its end is extrapolated instead.
   * @default 'window'
   */
  readonly cadence?: Cadence;
  /**
   * Returns 0..1: with `uniform` 0 is the window's shortest wait, else it shortens the wait a little, with `window` by up to
   * 4 % of the window's width, with `economical` by up to 3 %. So tasks that started together drift apart.
   * @default Math.random
   */
  readonly random?: () => number;
  /**
   * The name of the window for as long as no answer has named a model. `flex` (Seedance 1.5's offline service) holds
   * throughout, since no model's name shows it.
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
 * @throws RangeError at call time for a window that is not 0 < min <= max <= 2^31-1; TypeError for a cadence or an option
 * that does not exist.
 */
export function withModelInterval<T extends Task>(
  windows: PollWindows = resultWindows,
  options: ModelIntervalOptions = {},
): MonoTypeOperatorFunction<T> {
  checkWindows(windows);
  checkOptions('withModelInterval', 'withModelInterval(windows, { cadence })', options, ['cadence', 'random', 'hint']);
  const { cadence = 'window', random = Math.random, hint } = options;
  checkCadence(cadence);
  checkFunction('random', random);
  const rules: WaitRules = { windowOf: (model) => windowOf(windows, model), cadence, random };
  return (source) => {
    const memory: Memory = { id: undefined, provider: undefined, ...EMPTY };
    const timed = (task: T): T => {
      const { id, provider } = task;
      if (memory.id !== id || memory.provider !== provider) {
        Object.assign(memory, EMPTY, { id, provider, model: hint });
      }
      const time = now();
      const pollAfter = waitAfterAnswer(memory, task, rules, time, asyncScheduler.now() - time);
      return copyTask(task, { pollAfter });
    };
    // Built anew at each poll: what waits between two polls is the memory alone.
    return new Observable((subscriber) => source.pipe(map(timed)).subscribe(subscriber));
  };
}

/** What is kept of one task from one poll to the next. */
interface Memory extends WaitState {
  id: string | undefined;
  provider: string | undefined;
}

const EMPTY: WaitState = { model: undefined, beganAt: undefined, seenAt: undefined, progress: undefined };
