import { filter, lastValueFrom, takeUntil, tap } from 'rxjs';
import { summarize, type Board, type TrackedTask } from 'rx-video-tasks';
import type { SaveProgress } from 'rx-video-tasks/node';
import { isTask, type Feed, type View } from './view.js';
import { orUsageError } from './usage.js';
import { describeBoard, describeMiss, describeSave, describeTask } from './format.js';

/** NDJSON: one Task (or LostTask) a line, at each transition; where videos are saved, also how that goes on. */
export const showJson: View = (feed) => show(feed, (told) => JSON.stringify(isTask(told) ? told : withoutTask(told)));

/** Words: one line at each transition, and at the end, on standard error, a summary. */
export const showLines: View = async (feed) => {
  const startedAt = Date.now();
  const board = await show(feed, (told) => {
    if (told.status === 'saving') return undefined;
    const at = new Date(isTask(told) ? told.observedAt : Date.now()).toISOString();
    return `${at} ${isTask(told) ? describeTask(told) : describeSave(told)}`;
  });
  if (board) console.error(describeBoard(board, board.tasks.length, Date.now() - startedAt));
  return board;
};

/** Transitions go to standard output, missed polls to standard error. */
function show(
  { track, refs, misses, stop }: Feed,
  format: (told: TrackedTask | SaveProgress) => string | undefined,
): Promise<Board | undefined> {
  const transitions = orUsageError(() => track(refs));
  void misses.forEach((miss) => {
    console.error(describeMiss(miss));
  });
  const board = transitions.pipe(
    tap((told) => {
      const line = format(told);
      if (line !== undefined) console.log(line);
    }),
    filter(isTask),
    summarize(),
    takeUntil(stop),
  );
  return lastValueFrom(board, { defaultValue: undefined });
}

/** The task has been told already. */
function withoutTask({ task: _, ...told }: SaveProgress): object {
  return told;
}
