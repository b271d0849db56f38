import { EMPTY, map, Subject, tap, type Observable } from 'rxjs';
import {
  createTracker,
  isSettled,
  TrackingError,
  type Journal,
  type Miss,
  type Provider,
  type TrackedTask,
  type Tracker,
  type Transport,
} from 'rx-video-tasks';
import { saveVideo, undiciTransport, type SaveProgress } from 'rx-video-tasks/node';
import { showBoard } from './board.js';
import { describeSave, describeTask } from './format.js';
import { showJson, showLines } from './line-view.js';
import { isService, keyNameOf } from './services.js';
import { orUsageError } from './usage.js';
import { isTask, type LastStates, type View, type ViewInput } from './view.js';

export interface TrackRequest {
  readonly providers: readonly Provider[];
  /** Each names its provider. */
  readonly refs: ViewInput['refs'];
  /** Whether the refs are what the journal holds: they go on where they were. */
  readonly isResumed?: boolean;
  readonly speed: number;
  readonly isJson: boolean;
  readonly journal?: Journal | undefined;
  /** A directory for the videos. */
  readonly save?: string | undefined;
  /** Hosts on this machine or a private network from which videos may be saved. */
  readonly allowHosts?: readonly string[] | undefined;
  /** Between the tracker and the network. @default passes everything on */
  readonly intercept?: (transport: Transport) => Transport;
  /** Emits when tracking must end early. */
  readonly stop: Observable<unknown>;
}

export interface TrackResult {
  readonly last: LastStates;
  /** The outcome of each video that was to be saved. */
  readonly saves: readonly SaveProgress[];
  /** 0 when all completed and, where they were to be, are saved. */
  readonly code: number;
}

/**
 * Tracks tasks, saves their videos where a directory is given, and shows both in the way that suits the output. By the
 * time it resolves, nothing is left open. @throws UsageError
 */
export async function trackTasks(request: TrackRequest): Promise<TrackResult> {
  const { providers, speed, isJson, journal, refs, stop, intercept = (transport: Transport) => transport } = request;
  const undici = undiciTransport();
  const misses = new Subject<Miss>();
  const onMiss = (miss: Miss) => {
    misses.next(miss);
  };
  const view: View = isJson ? showJson : process.stdout.isTTY ? showBoard : showLines;
  const saves: SaveProgress[] = [];
  try {
    const options = { provider: providers, transport: intercept(undici), speed, onMiss, ...(journal && { journal }) };
    const tracker = orUsageError(() => createTracker(options));
    const events = eventsOf(tracker, request);
    const track: ViewInput['track'] = (tasks) =>
      orUsageError(() => events(tasks)).pipe(
        tap((event) => {
          if (!isTask(event) && event.status !== 'saving') saves.push(event);
        }),
      );
    try {
      const last = await view({ refs, track, misses, providers, speed, stop });
      const areCompleted = last.size > 0 && [...last.values()].every(({ status }) => status === 'completed');
      const areSaved = saves.every(({ status }) => status === 'saved');
      return { last, saves, code: areCompleted && areSaved ? 0 : 1 };
    } finally {
      tracker.close();
    }
  } finally {
    await undici.close();
  }
}

/** Prints what the board has no room for, URLs and reasons; only where a board was shown. */
export function printResults({ last, saves }: TrackResult, isJson: boolean): void {
  if (!process.stdout.isTTY || isJson) return;
  for (const task of last.values()) if (isSettled(task)) console.log(`\n${describeTask(task)}`);
  for (const save of saves) console.log(`\n${describeSave(save)}`);
}

function eventsOf(
  tracker: Tracker,
  { providers, isResumed, save, journal, allowHosts = [] }: TrackRequest,
): ViewInput['track'] {
  // With a journal, a completed task is acknowledged when its video is saved, not before.
  const how = save === undefined ? {} : { ack: 'manual' as const };
  // A lost task may still be running: `resume` tracks it again, with another key for example.
  const ack = (task: TrackedTask) => (task.status === 'lost' ? EMPTY : tracker.ack(task));
  const names = new Set(providers.map(({ name }) => name));
  return (all) => {
    const tracked = isResumed ? tracker.resume(how) : tracker.trackAll(all, how);
    const tasks = tracked.pipe(map((task) => explainMissingKey(task, names)));
    if (save === undefined) return tasks;
    return tasks.pipe(
      saveVideo({ directory: save, query: tracker.query, provider: providers, allowHosts, ...(journal && { ack }) }),
    );
  };
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
