import { isTrackingError, type TrackingError } from './errors.js';
import { assignDefined } from './fields.js';
import { isTerminal, type Task, type TerminalTask } from './task.js';
import { trackingError } from './tracking-error.js';

/**
 * A task that cannot be tracked any more, as a value, so that it ends no merged stream. Whether the task itself failed
 * is not known: `isTerminal` is false for it, `isSettled` true.
 */
export interface LostTask {
  readonly status: 'lost';
  readonly id: string;
  readonly provider: string;
  /** Epoch ms. */
  readonly observedAt: number;
  readonly seq?: number;
  readonly error: TrackingError;
  readonly last?: Task;
}

/** What a merged stream of many tasks carries. */
export type TrackedTask = Task | LostTask;

/** Whether no more transitions will come: terminal, or lost. */
export function isSettled(task: TrackedTask): task is TerminalTask | LostTask {
  return task?.status === 'lost' || isTerminal(task);
}

/** A task as lost, by the error that ended its tracking: a TrackingError, or what a callback of the caller threw. */
export function lostTask(
  { provider, id }: { readonly provider: string; readonly id: string },
  cause: unknown,
  observedAt: number,
): LostTask {
  const error = isTrackingError(cause) ? cause : trackingError('query', { provider, id, cause });
  const task: LostTask = { status: 'lost', id, provider, observedAt, error };
  return assignDefined(task, { last: error.last });
}
