import { lastValueFrom, takeUntil, tap } from 'rxjs';
import type { Miss, TrackedTask } from 'rx-video-tasks';
import type { SaveProgress } from 'rx-video-tasks/node';
import { describeMiss, describeSave, describeStats, describeTask, describeTasks, jsonLine } from './format.js';
import { isTask, keyOf, type LastStates, type Stats, type View, type ViewInput } from './view.js';

/** NDJSON, as documented in docs/command-line.md: tasks, missed polls and the progress of downloads, one a line. */
export const showJson: View = (input) =>
  show(
    input,
    (event) => jsonLine(isTask(event) ? event : withoutTask(event)),
    (miss) => {
      console.log(jsonLine({ status: 'missed', ...miss, last: undefined }));
    },
    (stats) => {
      console.log(jsonLine({ status: 'stats', ...stats }));
    },
  );

/** One line of text for each transition; missed polls and a summary at the end on standard error. */
export const showLines: View = async (input) => {
  const startedAt = Date.now();
  const last = await show(
    input,
    (event) => {
      if (event.status === 'saving') return undefined;
      const at = new Date(isTask(event) ? event.observedAt : Date.now()).toISOString();
      return `${at} ${isTask(event) ? describeTask(event) : describeSave(event)}`;
    },
    (miss) => {
      console.error(describeMiss(miss));
    },
    (stats) => {
      for (const line of describeStats(stats)) console.error(line);
    },
  );
  if (last.size > 0) console.error(describeTasks(last.values(), last.size, Date.now() - startedAt));
  return last;
};

async function show(
  { track, refs, misses, stats, stop }: ViewInput,
  format: (event: TrackedTask | SaveProgress) => string | undefined,
  showMiss: (miss: Miss) => void,
  showStats: (stats: Stats) => void,
): Promise<LastStates> {
  const last = new Map<string, TrackedTask>();
  void misses.forEach(showMiss);
  void stats.forEach(showStats);
  const events = track(refs).pipe(
    tap((event) => {
      const line = format(event);
      if (line !== undefined) console.log(line);
      if (isTask(event)) last.set(keyOf(event), event);
    }),
    takeUntil(stop),
  );
  await lastValueFrom(events, { defaultValue: undefined });
  return last;
}

/** The task itself was printed as a line before. */
function withoutTask({ task: _, ...event }: SaveProgress): object {
  return event;
}
