import { defer, filter, map, type OperatorFunction } from 'rxjs';
import { isSettled, type TrackedTask } from '../tracked-task.js';
import { taskKey } from '../task.js';

/** Many tasks at a glance. A new object at each change; the old ones stay as they were. */
export interface Board<T extends TrackedTask = TrackedTask> {
  /** Each task's last state, in the order in which they were first seen. */
  readonly tasks: readonly T[];
  /** How many there are of each status. */
  readonly counts: Readonly<Record<TrackedTask['status'], number>>;
  /** How many are terminal or lost. */
  readonly settled: number;
  /** Whether all that were seen so far are. */
  readonly isSettled: boolean;
}

/**
 * Emits, at each transition of any task, the board of all tasks seen so far.
 *
 * ```text
 * source:   q---x---s---f|      q, s: one task; x, f: another
 *           summarize()
 * result:   a---b---c---d|      d: { counts: { completed: 1, failed: 1, ... }, settled: 2, isSettled: true }
 * ```
 *
 * Events of other kinds, such as the progress of `saveVideo`, change no board: they are ignored.
 *
 * Each emission copies the list of tasks; with thousands of them, put `auditTime` before what renders it.
 */
export function summarize<T extends { readonly status: string } = TrackedTask>(): OperatorFunction<
  T,
  Board<Extract<T, TrackedTask>>
> {
  type Row = Extract<T, TrackedTask>;
  return (source) =>
    defer(() => {
      const rows = new Map<string, number>();
      const tasks: Row[] = [];
      const counts = { queued: 0, processing: 0, unknown: 0, completed: 0, failed: 0, cancelled: 0, lost: 0 };
      let settled = 0;
      const isTask = (event: T): event is Row => Object.hasOwn(counts, event.status);
      const count = (task: Row, by: 1 | -1) => {
        counts[task.status] += by;
        if (isSettled(task)) settled += by;
      };
      return source.pipe(
        filter(isTask),
        map((task) => {
          const key = taskKey(task);
          const row = rows.get(key) ?? tasks.length;
          const before = tasks[row];
          if (before) count(before, -1);
          else rows.set(key, row);
          tasks[row] = task;
          count(task, 1);
          return { tasks: tasks.slice(), counts: { ...counts }, settled, isSettled: settled === tasks.length };
        }),
      );
    });
}
