import type { Observable } from 'rxjs';
import type { Board, Miss, Provider, TaskRefFields, Tracker } from 'rx-video-tasks';

export interface Following {
  readonly providers: readonly Provider[];
  /** Each names its provider. */
  readonly refs: readonly TaskRefFields[] | Observable<TaskRefFields>;
  readonly speed: number;
  readonly isJson: boolean;
  /** Emits when it must end early. */
  readonly stop: Observable<unknown>;
}

/** What a view shows. */
export interface Feed extends Following {
  readonly tracker: Tracker;
  readonly misses: Observable<Miss>;
}

/** Shows the transitions of tasks until all are settled or `stop` emits; gives the last board, if anything was seen. */
export type View = (feed: Feed) => Promise<Board | undefined>;
