import { asyncScheduler, catchError, Observable, of, Subject, type ObservableInput, type Subscriber } from 'rxjs';
import { isTrackingError, type TrackingError } from '../errors.js';
import { check } from '../options.js';
import { isPublicId } from '../public-id.js';
import { isTerminal, type Task } from '../task.js';
import { lostTask, type LostTask, type TrackedTask } from '../tracked-task.js';
import { trackMany } from '../track-many.js';
import { checkRelayTrackerOptions, type RelayTrackerOptions } from './relay-tracker-options.js';
import { relayStreams, type RelayConnectionState } from './relay-streams.js';

/** A public id, as the relay's `authorize` knows it. Other fields of a tracker's ref are ignored. */
export type RelayRef =
  | string
  | {
      /** The public id. */
      readonly id: string;
      /** Ignored: the relay knows the provider. */
      readonly provider?: string;
    };

/** `track`, `trackAll` and `close` of a tracker, fed by a relay. */
export interface RelayTracker {
  /**
   * Emits the transitions of one task, up to its terminal one; then completes. Subscribers of a task share it: a late
   * one gets the last transition first, and when the last one leaves, the task leaves its stream.
   *
   * Errors with a TrackingError: the tracker's on the server, or `query` where the relay refuses the stream.
   * @throws TypeError at call time for a ref that names no task, and on a closed tracker.
   */
  track(ref: RelayRef): Observable<Task>;
  /**
   * Emits the transitions of many tasks, merged. A task that is lost arrives as a `lost` value, and the others go on.
   * While a task is watched, equal refs are ignored. Errors only if `refs` does.
   * @throws TypeError at call time for a bad ref in an array; from another source it arrives as `lost`.
   */
  trackAll(refs: ObservableInput<RelayRef>): Observable<TrackedTask>;
  /**
   * Emits the state of the connections to the relay: the current one first, then each change. It shows why nothing
   * arrives, and completes when the tracker is closed.
   */
  readonly connection: Observable<RelayConnectionState>;
  /** Completes every stream and closes every connection. */
  close(): void;
}

/** One task on a stream. Without subscribers it stays until the streams are arranged, for one that returns at once. */
interface SharedTask {
  readonly id: string;
  readonly subscribers: Set<Subscriber<Task>>;
  last?: Task;
}

/**
 * Returns a tracker for browsers, fed by a relay (`rx-video-tasks/relay`) that keeps the provider's key on the server:
 * the same `track` and `trackAll`, with public ids for refs.
 *
 * It resumes a cut connection without an event for subscribers; `connection` shows it. A completed task whose URL the
 * relay does not send has an empty `video.url`, and `rawStatus` is the status.
 *
 * @throws TypeError or RangeError at call time for options that are missing, unknown or not usable.
 *
 * @example
 * const tracker = relayTracker({ url: '/tasks' });
 * tracker.track('clip-1').subscribe(({ status, progress }) => console.log(status, progress));
 */
export function relayTracker(options: RelayTrackerOptions): RelayTracker {
  const checked = checkRelayTrackerOptions(options);
  const tasks = new Map<string, SharedTask>();
  const closing = new Subject<void>();
  let isClosed = false;

  const end = (task: SharedTask, notify: (subscriber: Subscriber<Task>) => void) => {
    const subscribers = [...task.subscribers];
    task.subscribers.clear();
    if (tasks.get(task.id) === task) tasks.delete(task.id);
    streams.release(task.id);
    for (const subscriber of subscribers) notify(subscriber);
  };

  const fail = (task: SharedTask, error: TrackingError) => {
    end(task, (subscriber) => {
      subscriber.error(error);
    });
  };

  const streams = relayStreams(checked, {
    isWanted: (id) => !!tasks.get(id)?.subscribers.size,
    onLeft: (id) => tasks.delete(id),
    onEvent: ({ id, outcome }, isFirst) => {
      const task = tasks.get(id);
      if (!task) return;
      if (isTrackingError(outcome)) {
        fail(task, outcome);
        return;
      }
      if (isRepeated(outcome, task.last, isFirst)) return;
      task.last = outcome;
      for (const subscriber of [...task.subscribers]) subscriber.next(outcome);
      if (!isTerminal<Task>(outcome)) return;
      end(task, (subscriber) => {
        subscriber.complete();
      });
    },
    onLost: (id, reason) => {
      const task = tasks.get(id);
      if (task) fail(task, lost(id, reason).error);
    },
  });

  const watch = (id: string): Observable<Task> =>
    new Observable((subscriber) => {
      if (isClosed) {
        subscriber.complete();
        return;
      }
      let task = tasks.get(id);
      if (!task) {
        task = { id, subscribers: new Set() };
        tasks.set(id, task);
        streams.update(id);
      }
      const { subscribers, last } = task;
      subscribers.add(subscriber);
      subscriber.add(() => {
        subscribers.delete(subscriber);
        if (subscribers.size === 0) streams.update(id);
      });
      if (last) subscriber.next(last);
    });

  /** A loss is a value. */
  const watchOrLose = (id: string): Observable<TrackedTask> =>
    watch(id).pipe(catchError((error: unknown) => of(lostTask(error as TrackingError, error, asyncScheduler.now()))));

  const refuseIfClosed = () => {
    if (isClosed) throw new TypeError('the tracker is closed; make another one with relayTracker');
  };

  return {
    track(ref) {
      refuseIfClosed();
      return watch(idOf(ref));
    },

    trackAll(refs) {
      refuseIfClosed();
      return trackMany(refs, {
        resolve: (ref) => ({ id: idOf(ref) }),
        keyOf: ({ id }) => id,
        track: ({ id }) => watchOrLose(id),
        closed: closing,
      });
    },

    connection: streams.state,

    close() {
      if (isClosed) return;
      isClosed = true;
      closing.next();
      for (const task of [...tasks.values()]) {
        end(task, (subscriber) => {
          subscriber.complete();
        });
      }
      streams.close();
    },
  };
}

/**
 * Whether subscribers have received this transition. A relay that does not know what a client missed sends the task's
 * present state first. A replica that polled earlier than the one before it may even send an older state.
 */
function isRepeated(task: Task, last: Task | undefined, isFirst: boolean): boolean {
  if (!last || isTerminal(task)) return false;
  if (isFirst && task.observedAt < last.observedAt) return true;
  // The service's word, which distinguishes two `unknown` transitions, is not relayed; their numbers differ.
  const isSameWord = task.status !== 'unknown' || task.seq === last.seq;
  return task.status === last.status && task.progress === last.progress && isSameWord;
}

function lost(id: string, cause: unknown): LostTask {
  return lostTask({ provider: 'relay', id }, cause, asyncScheduler.now());
}

/** @throws TypeError for a ref that names no task */
function idOf(ref: RelayRef): string {
  const { id } = typeof ref === 'string' ? { id: ref } : (ref ?? { id: undefined });
  check('id', id, isPublicId(id), 'the id that your relay knows, of 1 to 128 characters');
  return id;
}
