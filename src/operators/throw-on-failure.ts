import { map, type OperatorFunction } from 'rxjs';
import { TaskFailedError } from '../errors.js';
import type { TrackedTask } from '../tracked-task.js';

/**
 * Errors when a task has failed, was cancelled or is lost; passes all else. For where one task is awaited; behind a
 * merge of many it would end them all.
 *
 * ```text
 * source:   q--p--f|
 *           throwOnFailure()
 * result:   q--p--#
 * ```
 *
 * Errors with a TaskFailedError for `failed` and `cancelled`, with the task's own TrackingError for `lost`.
 *
 * @example
 * const { video } = await firstValueFrom(tracker.track(id).pipe(throwOnFailure(), filter(isTerminal)));
 */
export function throwOnFailure<T extends TrackedTask>(): OperatorFunction<
  T,
  Exclude<T, { readonly status: 'failed' | 'cancelled' | 'lost' }>
> {
  return map((task) => {
    const tracked: TrackedTask = task;
    if (tracked.status === 'lost') throw tracked.error;
    if (tracked.status === 'failed' || tracked.status === 'cancelled') throw new TaskFailedError(tracked);
    return task as Exclude<T, { readonly status: 'failed' | 'cancelled' | 'lost' }>;
  });
}
