import type { Observable, ObservableInput } from 'rxjs';
import type { TrackedTask } from '../tracked-task.js';
import type { Task } from '../task.js';

/**
 * All that a journal stores of one task. Plain JSON. It never holds an API key or a reply, and of a video's URL only
 * what stands before the query.
 */
export interface JournalEntry {
  /** The provider's `name`. */
  readonly provider: string;
  /** The id of the task. */
  readonly id: string;
  /** The model, from the ref or from the last answer that named one. */
  readonly model?: string;
  /** As in the ref: what chooses the polling window where the model does not. */
  readonly hint?: string;
  /** When the task was created, in epoch ms, from the ref or from the service. */
  readonly createdAt?: number;
  /** How long the service keeps records, in ms, where that is longer than a day. */
  readonly retention?: number;
  /** When it was first tracked, in epoch ms. */
  readonly trackedAt: number;
  /** The number of the last transition; 0 before the first. */
  readonly seq: number;
  /** The number of the last transition that was acknowledged; 0 for none. */
  readonly acked: number;
  /** The last transition; absent before the first. */
  readonly last?: JournalTransition;
}

/** The last transition of a task, as a journal stores it. */
export interface JournalTransition {
  /** `lost`: the service has deleted its record, or the loss was acknowledged with `ack`. */
  readonly status: TrackedTask['status'];
  /** The service's own word, at most 200 characters. */
  readonly rawStatus?: string;
  /** 0..100. */
  readonly progress?: number;
  /** When it was observed, in epoch ms. */
  readonly at: number;
  /** The video's URL without its query, which is its credential. */
  readonly url?: string;
}

/** A task that a journal would bring back: a ref for `track`. */
export type KnownTask = Pick<JournalEntry, 'provider' | 'id' | 'model' | 'hint' | 'createdAt'>;

/**
 * Where entries are stored: what your database has to do. `createJournal` makes a journal of it; the tracker decides
 * what is saved, and when.
 *
 * What a method returns completes when the work is done, and errors if it could not be done. A method that works
 * synchronously may return an empty array.
 */
export interface JournalStore {
  /**
   * Called first, and again after a `close`. Emits every entry that was saved and not removed, each once, in any order.
   * Where the tracker is closed in the meantime, the result is not waited for.
   */
  load(): ObservableInput<readonly JournalEntry[]>;
  /**
   * Stores an entry in place of an earlier one of the same provider and id. Completes when it would survive a crash.
   * Never called for a task while another call for the same task is in progress.
   *
   * After an error the tracker goes on with running tasks, and tries again at the next transition. If the error's
   * `name` is `JournalLostError` (another process has taken the store), they end with a TrackingError (`journal`).
   */
  save(entry: JournalEntry): ObservableInput<void>;
  /** Removes an entry; one that is not there is no error. */
  remove(task: { readonly provider: string; readonly id: string }): ObservableInput<void>;
  /**
   * Finishes what is in progress, or ends it if that is a `load`, and releases files and connections. `load` is not
   * called before it has completed.
   */
  close(): ObservableInput<void>;
}

/** The store belongs to this process no more: nothing can be stored until the journal is opened again. */
export class JournalLostError extends Error {
  override readonly name = 'JournalLostError';
}

/** By name, so that an error of a second copy of this library counts too. */
export function isJournalLost(error: unknown): boolean {
  return error instanceof Error && error.name === 'JournalLostError';
}

/** A task that is to be tracked. */
export interface JournalRef {
  readonly id: string;
  readonly provider: string;
  readonly model?: string | undefined;
  readonly hint?: string | undefined;
  /** Epoch ms. */
  readonly createdAt?: number | undefined;
  /** How long its service keeps records, in ms. @default a day */
  readonly retention?: number | undefined;
}

/** For `createTracker({ journal })`; made by `fileJournal`, `memoryJournal`, or `createJournal` from your own store. */
export interface Journal {
  /**
   * Called by `createTracker`. After `close`, a journal can be opened again at once: the new session waits until the
   * old one has released the store.
   * @throws Error while an earlier session is open.
   */
  open(): JournalSession;
}

/** How a task is tracked again. */
export interface Resumed {
  readonly stream: Observable<TrackedTask>;
  /** The usual time between two polls of it, in ms. */
  readonly wait: number;
}

/** A journal in use by one tracker. */
export interface JournalSession {
  /**
   * The query of a task, made durable: stores the task before it is subscribed to, and each transition, numbered,
   * before it is emitted. Errors with a TrackingError (`journal`) where the store does.
   */
  record(ref: JournalRef, query: Observable<Task>): Observable<Task>;
  /** Emits once: the tasks that `resume` would bring back. Starts no poll, and acknowledges nothing. */
  tasks(): Observable<readonly KnownTask[]>;
  /**
   * Everything that is open or not acknowledged, without the transitions that were. `track` is called for each task at
   * once; the streams are subscribed to one after the other, over about the usual wait between two polls. An
   * unacknowledged transition of a running task comes from the journal, since its service may be further on by now.
   * With `isManual`, `hold` applies to all of them. A task for which `track` returns undefined stays as it is.
   */
  resume(track: (task: KnownTask) => Resumed | undefined, isManual: boolean): Observable<TrackedTask>;
  /** Whether an answer of the service about this task (a `taskKey`) is stored. */
  isAnswered(key: string): boolean;
  /** From now on, only `ack` acknowledges transitions of this task (a `taskKey`). */
  hold(key: string): void;
  /** Acknowledges the transitions of a task up to this number, unless it is held; of an expired task, its loss. */
  delivered(key: string, lastDeliveredSeq: number): void;
  /** Runs without a subscriber; completes when durable, errors where it cannot be. */
  ack(task: TrackedTask): Observable<never>;
  /** Runs without a subscriber; completes when durable, errors where it cannot be. */
  forget(task: { readonly provider: string; readonly id: string }): Observable<never>;
  /** Ends `resume`, finishes what is in progress, and releases the store. */
  close(): void;
}
