import { Subject } from 'rxjs';
import { createTracker, type Board, type Miss } from 'rx-video-tasks';
import { undiciTransport } from 'rx-video-tasks/node';
import { showBoard } from './board.js';
import { showJson, showLines } from './lines.js';
import { orUsageError } from './usage.js';
import type { Following, View } from './view.js';

/** Tracks tasks, shows them in the way that suits the output, and leaves nothing open. @throws UsageError */
export async function follow(following: Following): Promise<Board | undefined> {
  const { providers, speed, isJson } = following;
  const transport = undiciTransport();
  const misses = new Subject<Miss>();
  const onMiss = (miss: Miss) => {
    misses.next(miss);
  };
  const view: View = isJson ? showJson : process.stdout.isTTY ? showBoard : showLines;
  try {
    const tracker = orUsageError(() => createTracker({ provider: providers, transport, speed, onMiss }));
    try {
      return await view({ ...following, tracker, misses });
    } finally {
      tracker.close();
    }
  } finally {
    await transport.close();
  }
}

/** 0 when all completed. */
export function exitCodeOf(board: Board | undefined): number {
  return board !== undefined && board.counts.completed === board.tasks.length ? 0 : 1;
}
