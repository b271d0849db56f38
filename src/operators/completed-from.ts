import { filter, firstValueFrom, Observable, type ObservableInput } from 'rxjs';
import { check, checkOptions } from '../options.js';
import { isCompleted } from '../task.js';
import { toStream } from '../to-stream.js';
import type { TrackedTask } from '../tracked-task.js';
import { throwOnFailure } from './throw-on-failure.js';

/** How to stop waiting. */
export interface CompletedFromOptions {
  /**
   * Its abort rejects the promise with the signal's `reason` and unsubscribes, which also aborts a poll in flight.
   * @default none
   */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Returns a promise of the completed task, with its video. Subscribes at once. When it settles, no subscription and no
 * listener is left.
 *
 * Rejects with a TaskFailedError for a failed or cancelled task, with its TrackingError for a lost one, with the error
 * of the stream, with RxJS's EmptyError where the stream completes without a completed task, and with the signal's
 * `reason`.
 *
 * @throws TypeError at call time for a source that is no stream, for an unknown option, and for a signal that is none.
 *
 * @example
 * const { video } = await completedFrom(tracker.track(id), { signal: AbortSignal.timeout(600_000) });
 */
export function completedFrom<T extends TrackedTask>(
  task$: ObservableInput<T>,
  options: CompletedFromOptions = {},
): Promise<Extract<T, { readonly status: 'completed' }>> {
  checkOptions('completedFrom', 'completedFrom(task$, { signal })', options, ['signal']);
  const { signal } = options;
  check('signal', signal, !signal || typeof signal.addEventListener === 'function', 'an AbortSignal');
  const source = toStream('task$', task$);
  const abortable$ = new Observable<T>((subscriber) => {
    const abort = () => {
      subscriber.error(signal?.reason);
    };
    if (signal?.aborted) {
      abort();
      return;
    }
    signal?.addEventListener('abort', abort);
    subscriber.add(() => signal?.removeEventListener('abort', abort));
    source.subscribe(subscriber);
  });
  // eslint-disable-next-line rxjs-x/no-ignored-default-value -- a stream without a completed task rejects with EmptyError
  return firstValueFrom(abortable$.pipe(throwOnFailure(), filter(isCompleted)));
}
