import type { Observable } from 'rxjs';
import type { Miss, Provider, TaskRefFields, TrackedTask, TrackerStats } from 'rx-video-tasks';
import type { FleetStats } from 'rx-video-tasks/bullmq';
import type { SaveProgress } from 'rx-video-tasks/node';

type Refs = readonly TaskRefFields[] | Observable<TaskRefFields>;

/** What the tracker of this process does, or a fleet. */
export type Stats = TrackerStats | FleetStats;

/** What a view shows. */
export interface ViewInput {
  /** Each ref names its provider. */
  readonly refs: Refs;
  /** Transitions, and between them the progress of downloads. @throws UsageError for a bad ref in an array. */
  readonly track: (refs: Refs) => Observable<TrackedTask | SaveProgress>;
  readonly misses: Observable<Miss>;
  /** What is being done, at intervals; completes when the view has ended. */
  readonly stats: Observable<Stats>;
  readonly providers: readonly Provider[];
  readonly speed: number;
  /** Emits when the view must end early. */
  readonly stop: Observable<unknown>;
}

/** Shows the transitions of tasks until all are settled or `stop` emits; resolves with each task's last state. */
export type View = (input: ViewInput) => Promise<LastStates>;

/**
 * Each task's last state, by `keyOf`. `summarize` copies its list at each transition: quadratic for a long pipe of ids.
 */
export type LastStates = ReadonlyMap<string, TrackedTask>;

/** No provider's name holds a colon. */
export function keyOf({ provider = '', id }: { readonly provider?: string | undefined; readonly id: string }): string {
  return `${provider}:${id}`;
}

export function isTask(event: TrackedTask | SaveProgress): event is TrackedTask {
  return event.status !== 'saving' && event.status !== 'saved' && event.status !== 'save-failed';
}
