import { catchError, EMPTY, exhaustMap, map, Subject, takeUntil, tap, timer, type Observable } from 'rxjs';
import { isSettled, TrackingError, type Provider, type TrackedTask } from 'rx-video-tasks';
import { saveVideo, type SaveProgress } from 'rx-video-tasks/node';
import { showBoard } from './board.js';
import { describeSave, describeTask } from './format.js';
import { showJson, showLines } from './line-view.js';
import { openRunFile, type RunFile } from './run-file.js';
import { isService, keyNameOf } from './services.js';
import type { Tracking } from './tracking.js';
import { orUsageError } from './usage.js';
import { isTask, type LastStates, type View, type ViewInput } from './view.js';

export interface TrackRequest {
  readonly tracking: Tracking;
  readonly providers: readonly Provider[];
  /** Each names its provider. */
  readonly refs: ViewInput['refs'];
  readonly speed: number;
  readonly isJson: boolean;
  /** A directory for the videos. */
  readonly save?: string | undefined;
  /** Hosts on this machine or a private network from which videos may be saved. */
  readonly allowHosts?: readonly string[] | undefined;
  /** A file for the marble diagram of the run. */
  readonly svg?: string | undefined;
  /** Whether to show what is being done. @default false */
  readonly isStats?: boolean;
  /** Emits when tracking must end early. */
  readonly stop: Observable<unknown>;
}

export interface TrackResult {
  readonly last: LastStates;
  /** The outcome of each video that was to be saved. */
  readonly saves: readonly SaveProgress[];
  /** 0 when all completed and, where they were to be, are saved and drawn. */
  readonly code: number;
}

/** ms until the first statistics, and between later ones. */
const [FIRST_STATS, STATS_INTERVAL] = [1_000, 10_000];

/**
 * Tracks tasks, saves their videos where a directory is given, and shows both in the way that suits the output. By the
 * time it resolves, nothing is left open. @throws UsageError
 */
export async function trackTasks(request: TrackRequest): Promise<TrackResult> {
  const { tracking, providers, speed, isJson, refs, stop } = request;
  const view: View = isJson ? showJson : process.stdout.isTTY ? showBoard : showLines;
  const saves: SaveProgress[] = [];
  const ended = new Subject<void>();
  // A Redis that is away is reported by the fleet's tracker: these counts are left out.
  const now = tracking.stats.pipe(catchError(() => EMPTY));
  const stats = request.isStats
    ? timer(FIRST_STATS, STATS_INTERVAL).pipe(
        exhaustMap(() => now),
        takeUntil(ended),
      )
    : EMPTY;
  let picture: RunFile | undefined;
  const track: ViewInput['track'] = (all) =>
    orUsageError(() => eventsOf(all, request)).pipe(
      tap((event) => {
        if (isTask(event)) picture?.addTransition(event);
        else if (event.status !== 'saving') saves.push(event);
      }),
    );
  try {
    if (request.svg !== undefined) picture = openRunFile(request.svg, speed);
    let isDrawn = true;
    const input = { refs, track, misses: tracking.misses, stats, providers, speed, stop };
    const last = await view(input).finally(() => {
      isDrawn = picture?.close() ?? true;
    });
    const areCompleted = last.size > 0 && [...last.values()].every(({ status }) => status === 'completed');
    const areSaved = saves.every(({ status }) => status === 'saved');
    return { last, saves, code: areCompleted && areSaved && isDrawn ? 0 : 1 };
  } finally {
    ended.next();
    await tracking.close();
  }
}

/** Prints what the board has no room for, URLs and reasons; only where a board was shown. */
export function printResults({ last, saves }: TrackResult, isJson: boolean): void {
  if (!process.stdout.isTTY || isJson) return;
  for (const task of last.values()) if (isSettled(task)) console.log(`\n${describeTask(task)}`);
  for (const save of saves) console.log(`\n${describeSave(save)}`);
}

function eventsOf(
  refs: ViewInput['refs'],
  { tracking, providers, save, allowHosts = [] }: TrackRequest,
): Observable<TrackedTask | SaveProgress> {
  const { query, ack } = tracking;
  const names = new Set(providers.map(({ name }) => name));
  const tasks = tracking.track(refs).pipe(map((task) => explainMissingKey(task, names)));
  if (save === undefined) return tasks;
  return tasks.pipe(saveVideo({ directory: save, query, provider: providers, allowHosts, ...(ack && { ack }) }));
}

/** A ref from standard input may name a service whose key is not set: the others are tracked all the same. */
function explainMissingKey(task: TrackedTask, names: ReadonlySet<string>): TrackedTask {
  if (task.status !== 'lost' || names.has(task.provider)) return task;
  const { id, provider } = task;
  const message = isService(provider)
    ? `the key of ${provider} is missing; write export ${keyNameOf(provider)}=... before this command`
    : `"${provider}" is not a provider; write PROVIDER:ID`;
  return { ...task, error: new TrackingError('query', message, { id, provider, misses: 0 }) };
}
