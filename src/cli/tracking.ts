import { defer, of, Subject, type Observable } from 'rxjs';
import {
  createTracker,
  type Journal,
  type Miss,
  type Provider,
  type Query,
  type TrackedTask,
  type Transport,
} from 'rx-video-tasks';
import { undiciTransport } from 'rx-video-tasks/node';
import { orUsageError } from './usage.js';
import type { Stats, ViewInput } from './view.js';

/** Where transitions come from: a tracker of this process, or a fleet. */
export interface Tracking {
  /** @throws TypeError or RangeError for a bad ref in an array. */
  readonly track: (refs: ViewInput['refs']) => Observable<TrackedTask>;
  readonly query: Query;
  /** Acknowledges a task whose video is saved, or which needs no further work. */
  readonly ack?: (task: TrackedTask) => Observable<never>;
  readonly misses: Observable<Miss>;
  /** Emits what is being done now and completes. */
  readonly stats: Observable<Stats>;
  /** Resolves when nothing is left open. */
  close(): Promise<void>;
}

export interface TrackingOptions {
  readonly providers: readonly Provider[];
  readonly speed: number;
  readonly journal?: Journal | undefined;
  /** Whether the refs are what the journal holds: they go on where they were. */
  readonly isResumed?: boolean;
  /** Whether the videos are saved: a completed task is acknowledged when its video is saved, not before. */
  readonly isSaving: boolean;
  /** Between the tracker and the network. @default passes everything on */
  readonly intercept?: (transport: Transport) => Transport;
}

/** Tracks in this process. @throws UsageError */
export function trackHere(options: TrackingOptions): Tracking {
  const { providers, speed, journal, isResumed, isSaving, intercept = (transport: Transport) => transport } = options;
  const undici = undiciTransport();
  const misses = new Subject<Miss>();
  const onMiss = (miss: Miss) => {
    misses.next(miss);
  };
  const transport = intercept(undici);
  const tracker = orUsageError(() =>
    createTracker({ provider: providers, transport, speed, onMiss, ...(journal && { journal }) }),
  );
  const how = isSaving ? { ack: 'manual' as const } : {};
  return {
    track: (refs) => (isResumed ? tracker.resume(how) : tracker.trackAll(refs, how)),
    query: tracker.query,
    ...(journal && { ack: (task) => tracker.ack(task) }),
    misses,
    stats: defer(() => of(tracker.stats())),
    close() {
      tracker.close();
      return undici.close();
    },
  };
}
