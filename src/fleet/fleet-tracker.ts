import {
  AsyncSubject,
  defer,
  filter,
  from,
  ignoreElements,
  map,
  merge,
  mergeMap,
  Observable,
  Subscription,
  takeUntil,
  type ObservableInput,
} from 'rxjs';
import {
  createAsk,
  providersOf,
  QUERY_OPTIONS,
  refResolver,
  toPlainRef,
  type Query,
  type QueryOptions,
  type TaskRef,
} from '../query.js';
import { check, checkFunction, checkOptions } from '../options.js';
import { taskKey, type Task } from '../task.js';
import type { TrackedTask } from '../tracked-task.js';
import { toStream } from '../to-stream.js';
import { checkTrackOptions, trackMany } from '../track-many.js';
import { ObservedQueue } from './observed-queue.js';
import { jobOf, queuesOf, type NamespaceOptions } from './keys.js';
import { withLease } from './redis-lease.js';
import { checkConnection, connect, type FleetConnection } from './redis-connection.js';
import type { StoredRef } from './snapshot.js';
import { TaskWatch, type WatchHost } from './task-watch.js';

/** Which tasks are tracked, and through which Redis. */
export interface FleetTrackerOptions extends QueryOptions, NamespaceOptions {
  /** The Redis or Valkey that the workers use too. */
  readonly connection: FleetConnection;
  /** Each emission makes every task that this process watches due as early as its floor allows. @default none */
  readonly notifier?: ObservableInput<unknown>;
  /** What hinders the connection to Redis, and what of its configuration endangers tasks. @default console.warn */
  readonly onError?: (error: Error) => void;
}

/** How a task is tracked. */
export interface FleetTrackOptions {
  /**
   * When a transition counts as processed, so that `resume()` does not return it again: `auto`, when `next` of a
   * subscriber in any process has returned; `manual`, when `ack` was called. A loss counts only when `ack` was called,
   * unless the service has deleted its record (`expired`).
   * @default 'auto'
   */
  readonly ack?: 'auto' | 'manual';
}

/** How many tasks are where, over all queues. */
export interface FleetStats {
  /** Tasks that are not settled. */
  readonly open: number;
  /** Polls that wait for their time. */
  readonly delayed: number;
  /** Polls that are due and wait for a worker. */
  readonly due: number;
  /** Polls that run now. */
  readonly active: number;
}

/** A tracker whose tasks are polled by `fleetWorker`s; see `Tracker` for what both have in common. */
export interface FleetTracker {
  /** Asks the service once, from this process. */
  readonly query: Query;
  /**
   * Emits the transitions of one task: the last one first, then each later one, up to the terminal one; then completes.
   * Any number of processes may track the same task; it is polled once. Unsubscribing leaves the task tracked; `forget`
   * ends it. A lost task is tracked anew, as soon as its floor allows.
   *
   * Errors with a TrackingError; its reason is `journal` where Redis refuses to store the task.
   * @throws TypeError or RangeError at call time for a ref that names no task, for unknown options, and on a closed
   * tracker.
   */
  track(ref: TaskRef, options?: FleetTrackOptions): Observable<Task>;
  /**
   * Emits the transitions of many tasks, merged. A task whose tracking ended arrives as a `lost` value; the others go
   * on.
   * @throws TypeError or RangeError at call time for a bad ref in an array (from another source it arrives as `lost`),
   * for unknown options, and on a closed tracker.
   */
  trackAll(refs: ObservableInput<TaskRef>, options?: FleetTrackOptions): Observable<TrackedTask>;
  /**
   * Emits every task of the fleet that is open or not acknowledged, merged like `trackAll`, without transitions that
   * were acknowledged. Lost tasks are tracked anew. One process at a time: errors while another one holds the lease,
   * which ends with its subscription, or 30 s after its death.
   * @throws TypeError at call time for unknown options, and on a closed tracker.
   */
  resume(options?: FleetTrackOptions): Observable<TrackedTask>;
  /**
   * Acknowledges this transition and those before it, for the whole fleet; of a lost task, that it is lost. Begins at
   * once, without a subscriber; errors where Redis does, and on a closed tracker.
   * @throws TypeError at call time for what is no task, and for a task of another provider.
   */
  ack(task: TrackedTask): Observable<never>;
  /**
   * Ends the streams of a task in every process and drops what is known of it. Begins at once, without a subscriber;
   * errors where Redis does, and on a closed tracker.
   * @throws TypeError or RangeError at call time for a ref that names no task.
   */
  forget(ref: TaskRef): Observable<never>;
  /**
   * Emits the counts of the whole fleet once and completes.
   * @throws TypeError at call time on a closed tracker.
   */
  stats(): Observable<FleetStats>;
  /** Completes every stream of this process and closes its connections. The fleet goes on. */
  close(): void;
}

/**
 * Tracks tasks through a fleet: each task is polled by one of the workers, and any number of processes see its
 * transitions.
 *
 * Connects when it is first used: when a stream is subscribed to, or at a call of `ack` or `forget`. From then on it
 * keeps the process alive, until `close()`.
 *
 * @throws TypeError at call time for options that are not usable.
 *
 * @example
 * const tracker = fleetTracker({ connection: 'redis://localhost:6379', provider: alad({ apiKey }) });
 * tracker.track('asyntask_x').subscribe(console.log);
 */
export function fleetTracker(options: FleetTrackerOptions): FleetTracker {
  checkOptions('fleetTracker', 'fleetTracker({ connection, provider })', options, OPTIONS);
  const resolve = refResolver(options.provider);
  let isClosed = false;
  const { notifier, onError = warnOnce() } = options;
  checkFunction('onError', onError);
  const notifications$ = notifier && toStream('notifier', notifier);
  const connection = checkConnection(options.connection);
  const report = (error: Error) => {
    // Errors of what is under way when the connections close are of no use.
    if (!isClosed) onError(error);
  };
  const streams = new Subscription();
  const closed = new AsyncSubject<void>();
  const queues = new Map(
    queuesOf(providersOf(options.provider), options).flatMap(({ providers, keys }) => {
      const queue = new ObservedQueue(() => connect(connection), keys, report);
      return providers.map(({ name }) => [name, queue] as const);
    }),
  );
  const ask = createAsk(options);

  const queueOf = ({ provider }: { readonly provider: string }): ObservedQueue => {
    const queue = queues.get(provider);
    if (queue) return queue;
    throw new TypeError(
      `task.provider: ${provider} is none of this tracker's; write one of: ${[...queues.keys()].join(', ')}`,
    );
  };

  const watch = (
    ref: StoredRef,
    { ack = 'auto' }: FleetTrackOptions = {},
    isResumed = false,
  ): Observable<TrackedTask> =>
    new Observable((subscriber) => {
      if (isClosed) {
        subscriber.complete();
        return;
      }
      const observed = queueOf(ref);
      const onClose = new Subscription(() => {
        subscriber.complete();
      });
      streams.add(onClose);
      subscriber.add(() => {
        streams.remove(onClose);
      });
      const host: WatchHost = {
        open: (watch) => observed.watch(watch.job, watch.ref, watch),
        close: (watch) => {
          observed.unwatch(watch.job, watch);
        },
        onDelivered({ job }, gen, seq) {
          if (ack === 'auto') observed.queue.store.ack(job, gen, seq).catch(report);
        },
        urlsOf: ({ job }, gen) => observed.urlsOf(job, gen),
        refresh(watch) {
          observed.refresh(watch.job, watch).catch(report);
        },
      };
      new TaskWatch(jobOf(ref.provider, ref.id), ref, host, subscriber, isResumed);
    });

  const all = [...new Set(queues.values())];
  const notifications = notifications$?.subscribe({
    next: () => {
      for (const queue of all) queue.wake();
    },
    error: report,
  });

  const begun = (work: () => Promise<void>): Observable<never> => {
    const done = work();
    done.catch(() => undefined);
    return from(done).pipe(ignoreElements());
  };

  const refuseIfClosed = () => {
    if (isClosed) throw new TypeError('the tracker is closed; make another one with fleetTracker');
  };

  return {
    query: (ref) => ask(resolve(ref)),

    track(ref, how) {
      refuseIfClosed();
      checkTrackOptions(how);
      const resolved = toPlainRef(resolve(ref));
      return watch(resolved, how).pipe(
        map((task) => {
          if (task.status === 'lost') throw task.error;
          return task;
        }),
      );
    },

    trackAll(refs, how) {
      refuseIfClosed();
      checkTrackOptions(how);
      return trackMany(refs, {
        resolve: (ref) => toPlainRef(resolve(ref)),
        keyOf: taskKey,
        track: (ref) => watch(ref, how),
        closed,
      });
    },

    resume(how) {
      refuseIfClosed();
      checkTrackOptions(how);
      const resumed = all.map((observed) =>
        defer(() => {
          const { store, keys } = observed.queue;
          return withLease(store, {
            key: keys.resume,
            what: 'resume(): the lease of this fleet',
            work: () =>
              observed.kept().pipe(
                // Tasks of providers that only other processes have are theirs.
                filter(({ provider }) => queues.has(provider)),
                mergeMap((ref) => watch(ref, how, true)),
              ),
            onError: report,
          });
        }),
      );
      return merge(...resumed).pipe(takeUntil(closed));
    },

    ack(task) {
      check('task', task, typeof task?.id === 'string', 'a task as it was emitted');
      const observed = queueOf(task);
      return begun(async () => {
        refuseIfClosed();
        const { store } = observed.queue;
        const job = jobOf(task.provider, task.id);
        await store.ack(job, '', task.seq ?? (await store.read(job))?.seq ?? 0);
      });
    },

    forget(ref) {
      const resolved = toPlainRef(resolve(ref));
      return begun(async () => {
        refuseIfClosed();
        await queueOf(resolved).queue.forget(resolved);
      });
    },

    stats() {
      refuseIfClosed();
      const counts = defer(() => {
        refuseIfClosed();
        return Promise.all(all.map(({ queue }) => queue.counts()));
      });
      return counts.pipe(
        map((each) =>
          each.reduce((sum, one) => ({
            open: sum.open + one.open,
            delayed: sum.delayed + one.delayed,
            due: sum.due + one.due,
            active: sum.active + one.active,
          })),
        ),
      );
    },

    close() {
      isClosed = true;
      closed.next();
      closed.complete();
      notifications?.unsubscribe();
      streams.unsubscribe();
      for (const queue of all) queue.close();
    },
  };
}

const OPTIONS = [...QUERY_OPTIONS, 'connection', 'prefix', 'queue', 'notifier', 'onError'] as const;

/** Each message once. */
function warnOnce(): (error: Error) => void {
  const warned = new Set<string>();
  return ({ message }) => {
    if (warned.has(message)) return;
    warned.add(message);
    console.warn(`rx-video-tasks: Redis: ${message}`);
  };
}
