import type { CancelledTask, CompletedTask, FailedTask, ProcessingTask, QueuedTask, UnknownTask } from '../task.js';
import { cancelledTask, completedTask, failedTask, processingTask, queuedTask, unknownTask } from './tasks.js';

/** One task at every status, by the character that stands for it in a marble diagram. */
// A type and not an interface: only a type is assignable to the record of values that RxJS takes.
export type MarbleTasks = {
  /** Queued. */
  readonly q: QueuedTask;
  /** Processing. */
  readonly p: ProcessingTask;
  /** Unknown. */
  readonly u: UnknownTask;
  /** Completed: succeeded. */
  readonly s: CompletedTask;
  /** Failed. */
  readonly f: FailedTask;
  /** Cancelled. */
  readonly c: CancelledTask;
};

/** Fields that all these tasks have in common. */
export type MarbleTasksFields = Partial<
  Pick<QueuedTask, 'id' | 'provider' | 'model' | 'progress' | 'createdAt' | 'observedAt' | 'pollAfter' | 'seq'>
>;

/**
 * Returns the values of a marble diagram: `q` queued, `p` processing, `u` unknown, `s` completed (succeeded), `f`
 * failed, `c` cancelled. They equal what `scriptedQuery` answers for the same character, id and provider.
 *
 * For merged streams add `l: lostTask()`.
 *
 * @throws TypeError at call time for fields that are no object.
 *
 * @example
 * const values = marbleTasks({ id: 'video_1' });
 * expectObservable(query('video_1').pipe(pollUntilTerminal())).toBe('-q 30s -(s|)', values);
 */
export function marbleTasks(fields: MarbleTasksFields = {}): MarbleTasks {
  return {
    q: queuedTask(fields),
    p: processingTask(fields),
    u: unknownTask(fields),
    s: completedTask(fields),
    f: failedTask(fields),
    c: cancelledTask(fields),
  };
}
