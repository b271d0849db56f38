import { isTrackingError, type TrackingError } from './errors.js';
import { assignDefined } from './fields.js';
import { isTerminal, type Task, type TerminalTask } from './task.js';
import { trackingError } from './tracking-error.js';

/**
 * A task that cannot be tracked any more, as a value, so that it ends no merged stream. Whether the task itself failed
 * is not known: `isTerminal` is false for it, `isSettled` true.
 */
export interface LostTask {
  /** Distinguishes a lost task from the members of `Task`. */
  readonly status: 'lost';
  /** The id of the ref. */
  readonly id: string;
  /** The name of the provider; `(unknown)` where a bad ref names none. */
  readonly provider: string;
  /** When tracking ended, in epoch ms. */
  readonly observedAt: number;
  /** The number of this transition, where a fleet has stored it. */
  readonly seq?: number;
  /** Why tracking ended. */
  readonly error: TrackingError;
  /** The last good answer; absent where there was none. */
  readonly last?: Task;
}

/** What a merged stream of many tasks carries. */
export type TrackedTask = Task | LostTask;

/** Returns whether no more transitions will come: the task is terminal, or lost. False for what is no task. */
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
