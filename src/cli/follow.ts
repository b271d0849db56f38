import { EMPTY, firstValueFrom, Subject, tap } from 'rxjs';
import {
  createTracker,
  isSettled,
  type Board,
  type JournalSession,
  type Miss,
  type TaskRefFields,
  type Tracker,
} from 'rx-video-tasks';
import { fileJournal, saveVideo, undiciTransport, type SaveProgress } from 'rx-video-tasks/node';
import { showBoard } from './board.js';
import { showJson, showLines } from './line-view.js';
import { orUsageError, UsageError } from './usage.js';
import { isTask, type Feed, type Following, type View } from './view.js';
import { describeSave, describeTask } from './format.js';

export interface Followed {
  readonly board: Board | undefined;
  /** What became of each video that was to be saved. */
  readonly saves: readonly SaveProgress[];
  /** 0 when all completed and, where they were to be, are saved. */
  readonly code: number;
}

/**
 * Tracks tasks, saves their videos if it is told to, shows it all in the way that suits the output, and leaves nothing
 * open. @throws UsageError
 */
export async function follow(following: Following): Promise<Followed> {
  const { providers, speed, isJson, journal, refs } = following;
  const session = journal === undefined ? undefined : fileJournal(journal).open();
  const transport = undiciTransport();
  const misses = new Subject<Miss>();
  const onMiss = (miss: Miss) => {
    misses.next(miss);
  };
  const view: View = isJson ? showJson : process.stdout.isTTY ? showBoard : showLines;
  const saves: SaveProgress[] = [];
  try {
    const all = refs === 'resume' ? await openTasks(session) : refs;
    if ('length' in all && all.length === 0) {
      console.error('Nothing in the journal is left to do.');
      return { board: undefined, saves, code: 0 };
    }
    const memory = session && { journal: { open: () => session } };
    const tracker = orUsageError(() => createTracker({ provider: providers, transport, speed, onMiss, ...memory }));
    const tracked = eventsOf(tracker, following);
    const track: Feed['track'] = (tasks) =>
      tracked(tasks).pipe(
        tap((told) => {
          if (!isTask(told) && told.status !== 'saving') saves.push(told);
        }),
      );
    try {
      const board = await view({ ...following, refs: all, track, misses });
      const isGood = board !== undefined && board.counts.completed === board.tasks.length;
      const isSaved = saves.every(({ status }) => status === 'saved');
      return { board, saves, code: isGood && isSaved ? 0 : 1 };
    } finally {
      tracker.close();
    }
  } finally {
    session?.close();
    await transport.close();
  }
}

/** The tasks that the journal would bring back. @throws UsageError for a file that cannot be used. */
async function openTasks(session: JournalSession | undefined): Promise<readonly TaskRefFields[]> {
  try {
    return await firstValueFrom(session?.tasks() ?? EMPTY, { defaultValue: [] });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Prints what the board has no room for: URLs and reasons. Lines have told them already. */
export function tellEnds({ board, saves }: Followed): void {
  for (const task of board?.tasks.filter(isSettled) ?? []) console.log(`\n${describeTask(task)}`);
  for (const save of saves) console.log(`\n${describeSave(save)}`);
}

function eventsOf(tracker: Tracker, { refs, save, journal, allowHosts = [] }: Following): Feed['track'] {
  // A completed task is done with when its video is saved, not before.
  const how = save === undefined ? {} : { ack: 'manual' as const };
  return (all) => {
    const tasks = refs === 'resume' ? tracker.resume(how) : tracker.trackAll(all, how);
    if (save === undefined) return tasks;
    return tasks.pipe(
      saveVideo({ directory: save, query: tracker.query, allowHosts }),
      tap((told) => {
        if (journal === undefined) return;
        if (told.status === 'saved') void tracker.ack(told.task);
        else if (isTask(told) && told.status !== 'completed' && told.status !== 'lost') void tracker.ack(told);
      }),
    );
  };
}
