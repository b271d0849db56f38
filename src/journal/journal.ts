import type { Observable, ObservableInput } from 'rxjs';
import type { TrackedTask } from '../tracked-task.js';
import type { Task } from '../task.js';

/**
 * All that is remembered of one task. Plain JSON. Never an API key, no reply, and of a video's URL only what stands
 * before its query.
 */
export interface JournalEntry {
  readonly provider: string;
  readonly id: string;
  readonly model?: string;
  readonly hint?: string;
  /** Epoch ms, from the ref or from the service. */
  readonly createdAt?: number;
  /** When it was first tracked, in epoch ms. */
  readonly trackedAt: number;
  /** The number of the last transition; 0 before the first. */
  readonly seq: number;
  /** The number of the last transition that was acknowledged; 0 for none. */
  readonly acked: number;
  /** The last transition. */
  readonly last?: JournalTransition;
}

export interface JournalTransition {
  /** `lost`: the service has deleted its record, or the loss was acknowledged by hand. */
  readonly status: TrackedTask['status'];
  readonly rawStatus?: string;
  readonly progress?: number;
  /** When it was observed, in epoch ms. */
  readonly at: number;
  /** Where the video was, without the query that opens it. */
  readonly url?: string;
}

/** A task that is to be tracked again. */
export type KnownTask = Pick<JournalEntry, 'provider' | 'id' | 'model' | 'hint' | 'createdAt'>;

/**
 * Where entries are kept: what a database of yours has to do. `createJournal` makes a journal of it; the tracker sees to
 * what is saved and when.
 *
 * What a method returns completes when the work is done, and errors if it could not be done. One that works at once may
 * return an empty array.
 */
export interface JournalStore {
  /** Called first, and again after a `close`: everything that was saved and not removed since, each entry once, in any order. */
  load(): ObservableInput<readonly JournalEntry[]>;
  /**
   * Keeps an entry, in place of an earlier one of the same provider and id. Completes when it would survive a crash.
   * Never called for a task while a call for the same task is under way.
   */
  save(entry: JournalEntry): ObservableInput<void>;
  /** Drops an entry; one that is not there is no error. */
  remove(task: { readonly provider: string; readonly id: string }): ObservableInput<void>;
  /** Finishes what was begun and lets go of files and connections. */
  close(): ObservableInput<void>;
}

/** A task that is to be tracked. */
export interface JournalRef {
  readonly id: string;
  readonly provider: string;
  readonly model?: string | undefined;
  readonly hint?: string | undefined;
  /** Epoch ms. */
  readonly createdAt?: number | undefined;
}

/** For `createTracker({ journal })`. Made by `fileJournal`, by `memoryJournal`, or by `createJournal` from a store of yours. */
export interface Journal {
  /** Called by the tracker, once. */
  open(): JournalSession;
}

/** A task that is tracked again. */
export interface Resumed {
  readonly stream: Observable<TrackedTask>;
  /** How long it is usual to wait between two asks of it, in ms. */
  readonly wait: number;
}

/** A journal in the hands of one tracker. */
export interface JournalSession {
  /**
   * The query of a task, made durable: the task is saved before it is asked about, each transition before it comes out,
   * numbered. Errors with a TrackingError (`journal`) where that is not possible.
   */
  record(ref: JournalRef, query: Observable<Task>): Observable<Task>;
  /**
   * Everything that is open or not acknowledged, without the transitions that were. `begin` is asked for the stream of
   * each at once; they are subscribed to one after the other, over about the wait that is usual for them. Of a running task
   * the journal itself tells what was not acknowledged: its service may be further on by now. With `isManual` all are held.
   */
  resume(begin: (task: KnownTask) => Resumed, isManual: boolean): Observable<TrackedTask>;
  /** Transitions of this task are acknowledged by `ack` only. */
  hold(key: string): void;
  /** Everybody has heard this task's transitions up to the number `heard`; of a task that expired, that it is lost. */
  delivered(key: string, heard: number): void;
  /** Already under way; completes when durable. */
  ack(task: TrackedTask): Observable<never>;
  /** Already under way; completes when durable. */
  forget(task: { readonly provider: string; readonly id: string }): Observable<never>;
  close(): void;
}
