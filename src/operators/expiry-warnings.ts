import {
  asyncScheduler,
  concat,
  defer,
  EMPTY,
  map,
  mergeMap,
  of,
  timer,
  type Observable,
  type OperatorFunction,
} from 'rxjs';
import type { TrackedTask } from '../tracked-task.js';
import type { CompletedTask } from '../task.js';
import { LONGEST_DELAY } from '../durations.js';
import { checkDuration, checkOptions } from '../options.js';

/** A video's URL is about to stop working. */
export interface ExpiryWarning {
  /** Distinguishes a warning from tasks in a merged stream. */
  readonly status: 'expiring';
  /** The id of the task. */
  readonly id: string;
  /** The name of the provider. */
  readonly provider: string;
  /** When the URL stops working, in epoch ms. */
  readonly expiresAt: number;
  /** The completed task whose URL expires. */
  readonly task: CompletedTask;
}

/** When to warn. */
export interface ExpiryWarningsOptions {
  /** How long before the expiry to warn, in ms. */
  readonly before: number;
}

/**
 * Emits a warning for each completed task, `before` ms before its video's URL expires (at once if that has passed);
 * nothing else. A branch beside the main stream. Completes when the source has completed and every warning is given.
 *
 * ```text
 * source:   q--s|                              s.video.expiresAt: 10
 *           expiryWarnings({ before: 4 })
 * result:   ------(w|)
 * ```
 *
 * @throws TypeError at call time for options that are missing or unknown; RangeError unless `before` is 0..2^31-1 ms.
 *
 * @example
 * const tasks = tracker.trackAll(refs).pipe(share());
 * merge(tasks, tasks.pipe(expiryWarnings({ before: 3_600_000 })))
 */
export function expiryWarnings<T extends TrackedTask>(
  options: ExpiryWarningsOptions,
): OperatorFunction<T, ExpiryWarning> {
  checkOptions('expiryWarnings', 'expiryWarnings({ before: 3_600_000 })', options, ['before']);
  const { before } = options;
  checkDuration('before', before);
  return (source) =>
    source.pipe(
      mergeMap((tracked) => {
        const task: TrackedTask = tracked;
        if (task.status !== 'completed' || task.video.expiresAt === undefined) return EMPTY;
        const { id, provider } = task;
        const { expiresAt } = task.video;
        return until(expiresAt - before).pipe(
          map(() => ({ status: 'expiring' as const, id, provider, expiresAt, task })),
        );
      }),
    );
}

/** Emits at a time of the clock, however far away: no timer takes more than 2^31-1 ms. */
function until(epochMs: number): Observable<unknown> {
  return defer(() => {
    const left = epochMs - asyncScheduler.now();
    if (left <= 0) return of(0);
    return left <= LONGEST_DELAY
      ? timer(left)
      : concat(timer(LONGEST_DELAY).pipe(mergeMap(() => EMPTY)), until(epochMs));
  });
}
