import { asyncScheduler, map, Observable, type MonoTypeOperatorFunction } from 'rxjs';
import { check, checkFunction, checkOptions } from '../options.js';
import { checkCadence, type Cadence } from '../poll/cadence.js';
import { checkWindows } from '../poll/poll-config.js';
import { waitAfterAnswer, type WaitRules, type WaitState } from '../poll/policy.js';
import { now } from '../poll/timer.js';
import { copyTask, type Task } from '../task.js';
import { resultWindows, type PollWindows } from '../windows.js';

/** How waits are chosen from the windows. */
export interface ModelIntervalOptions {
  /**
   * How a wait is chosen.
   * - `window`: inside the window; long before the task can be done, short around its usual generation time, longer
   *   again when it is overdue.
   * - `economical`: the same, but free between the window's `floor` and three times its `max`: fewer requests.
   * - `uniform`: anywhere inside the window, whatever the task's age. So are the waits of a window without
   *   `generation`.
   *
   * `window` and `economical` see the end of a task as soon as a timer of the window's `interval`, on average and
   * within 3 %, if generation times are as documented, and make fewer requests than it.
   *
   * A task's age counts from when it was last seen queued, or from its `startedAt`, else its `createdAt`, else its
   * first answer. Where its progress rises from one processing answer to the next, its end is extrapolated instead.
   * @default 'window'
   */
  readonly cadence?: Cadence;
  /**
   * Returns 0..1: with `uniform` 0 is the window's shortest wait and 1 its longest; else it makes a wait longer by up
   * to
   * 1.5 %, so that tasks that started together drift apart.
   * @default Math.random
   */
  readonly random?: () => number;
  /**
   * The name of the window for as long as no answer has named a model. `flex` (Seedance 1.5's offline service) holds
   * throughout, since no model's name shows it.
   * @default none
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
 * task's age, is kept for each application of the operator to a source, not for each subscription: the poller
 * subscribes anew at every poll.
 *
 * @param windows waits by model; default `resultWindows`. For anyfast and alad: `generationsWindows`.
 * @throws RangeError at call time for a window that is not 0 < min <= interval <= max <= 2^31-1; TypeError for options
 * that are unknown or not usable.
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
  check('hint', hint, hint === undefined || typeof hint === 'string', "the name of a window, such as 'flex'");
  const rules: WaitRules = { windows, cadence, random };
  return (source) => {
    const memory: Memory = {
      id: undefined,
      provider: undefined,
      model: undefined,
      beganAt: undefined,
      seenAt: undefined,
      progress: undefined,
    };
    // Built anew at each poll: what waits between two polls is the memory alone.
    return new Observable((subscriber) =>
      source
        .pipe(
          map((task: T) => {
            const { id, provider } = task;
            if (memory.id !== id || memory.provider !== provider) {
              Object.assign(memory, EMPTY, { id, provider, model: hint });
            }
            const time = now();
            const pollAfter = waitAfterAnswer(memory, task, rules, time, asyncScheduler.now() - time);
            return copyTask(task, { pollAfter });
          }),
        )
        .subscribe(subscriber),
    );
  };
}

/** What is kept of one task from one poll to the next. */
interface Memory extends WaitState {
  id: string | undefined;
  provider: string | undefined;
}

const EMPTY: WaitState = { model: undefined, beganAt: undefined, seenAt: undefined, progress: undefined };
