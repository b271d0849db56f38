import type { Observable } from 'rxjs';
import type { Board, Miss, Provider, TaskRefFields, TrackedTask } from 'rx-video-tasks';
import type { SaveProgress } from 'rx-video-tasks/node';

export interface Following {
  readonly providers: readonly Provider[];
  /** Each names its provider. `resume`: what the journal holds. */
  readonly refs: readonly TaskRefFields[] | Observable<TaskRefFields> | 'resume';
  readonly speed: number;
  readonly isJson: boolean;
  /** A file that remembers the tasks. */
  readonly journal?: string | undefined;
  /** A directory for the videos. */
  readonly save?: string | undefined;
  /** Hosts on this machine or a private network whose videos may be saved all the same. */
  readonly allowHosts?: readonly string[] | undefined;
  /** Emits when it must end early. */
  readonly stop: Observable<unknown>;
}

/** What a view shows. */
export interface Feed extends Omit<Following, 'refs'> {
  readonly refs: readonly TaskRefFields[] | Observable<TaskRefFields>;
  /** Transitions, and between them how the saving goes on. */
  readonly track: (
    refs: readonly TaskRefFields[] | Observable<TaskRefFields>,
  ) => Observable<TrackedTask | SaveProgress>;
  readonly misses: Observable<Miss>;
}

/** Shows the transitions of tasks until all are settled or `stop` emits; gives the last board, if anything was seen. */
export type View = (feed: Feed) => Promise<Board | undefined>;

export function isTask(told: TrackedTask | SaveProgress): told is TrackedTask {
  return told.status !== 'saving' && told.status !== 'saved' && told.status !== 'save-failed';
}
