import type { CancelledTask, CompletedTask, FailedTask, ProcessingTask, QueuedTask, UnknownTask } from '../task.js';
import { cancelledTask, completedTask, failedTask, processingTask, queuedTask, unknownTask } from './tasks.js';

/** One task at every status, by the letter that stands for it in a diagram. */
// A type and not an interface: only then may it stand where values by any letter are wanted.
export type TaskLetters = {
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

/** What all the letters have in common. */
export type TaskLettersFields = Partial<
  Pick<QueuedTask, 'id' | 'provider' | 'model' | 'progress' | 'createdAt' | 'observedAt' | 'pollAfter' | 'seq'>
>;

/**
 * Returns the values of a marble diagram: `q` queued, `p` processing, `u` unknown, `s` completed (succeeded), `f`
 * failed, `c` cancelled. They equal what `scriptedQuery` answers for the same letter, id and provider.
 *
 * For merged streams add `l: lostTask()`.
 *
 * @throws TypeError at call time for fields that are no object.
 *
 * @example
 * const letters = taskLetters({ id: 'video_1' });
 * expectObservable(query('video_1').pipe(pollUntilTerminal())).toBe('-q 30s -(s|)', letters);
 */
export function taskLetters(fields: TaskLettersFields = {}): TaskLetters {
  return {
    q: queuedTask(fields),
    p: processingTask(fields),
    u: unknownTask(fields),
    s: completedTask(fields),
    f: failedTask(fields),
    c: cancelledTask(fields),
  };
}
