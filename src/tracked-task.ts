import type { TrackingError } from './errors.js';
import { isTerminal, type Task, type TerminalTask } from './task.js';

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
  return task.status === 'lost' || isTerminal(task);
}
