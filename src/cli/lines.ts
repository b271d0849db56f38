import { lastValueFrom, takeUntil, tap } from 'rxjs';
import { summarize, type Board, type TrackedTask } from 'rx-video-tasks';
import type { Feed, View } from './view.js';
import { orUsageError } from './usage.js';
import { describeBoard, describeMiss, describeTask } from './words.js';

/** NDJSON: one Task (or LostTask) a line, at each transition. */
export const showJson: View = (feed) => show(feed, (task) => JSON.stringify(task));

/** Words: one line at each transition, and at the end, on standard error, a summary. */
export const showLines: View = async (feed) => {
  const startedAt = Date.now();
  const board = await show(feed, (task) => `${new Date(task.observedAt).toISOString()} ${describeTask(task)}`);
  if (board) console.error(describeBoard(board, board.tasks.length, Date.now() - startedAt));
  return board;
};

/** Transitions go to standard output, missed polls to standard error. */
function show(
  { tracker, refs, misses, stop }: Feed,
  format: (task: TrackedTask) => string,
): Promise<Board | undefined> {
  const transitions = orUsageError(() => tracker.trackAll(refs));
  void misses.forEach((miss) => {
    console.error(describeMiss(miss));
  });
  const board = transitions.pipe(
    tap((task) => {
      console.log(format(task));
    }),
    summarize(),
    takeUntil(stop),
  );
  return lastValueFrom(board, { defaultValue: undefined });
}
