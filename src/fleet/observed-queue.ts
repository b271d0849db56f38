import type { Redis } from 'ioredis';
import { defer, distinct, EMPTY, expand, from, mergeMap, type Observable } from 'rxjs';
import { taskKey } from '../task.js';
import { FleetQueue } from './fleet-queue.js';
import type { Keys } from './keys.js';
import { flawsOf } from './redis-connection.js';
import type { Snapshot, StoredRef, VideoUrls } from './snapshot.js';
import { retryStore } from './store-errors.js';
import { TransitionReader, type Watcher } from './transition-reader.js';

/** Whole URLs of so many completed tasks are remembered by a process. */
const MAX_URLS = 10_000;

/** One queue, seen by a process that tracks: connects at its first use. */
export class ObservedQueue {
  #queue: FleetQueue | undefined;
  #reader: TransitionReader | undefined;
  readonly #urls = new Map<string, { readonly gen: string; readonly urls: VideoUrls }>();
  readonly #connect: () => Redis;
  readonly #keys: Keys;
  readonly #onError: (error: Error) => void;

  constructor(connect: () => Redis, keys: Keys, onError: (error: Error) => void) {
    this.#connect = connect;
    this.#keys = keys;
    this.#onError = onError;
  }

  get queue(): FleetQueue {
    return (this.#queue ??= this.#open());
  }

  #open(): FleetQueue {
    const onError = this.#onError;
    const redis = this.#connect();
    redis.on('error', onError);
    flawsOf(redis).then((flaws) => {
      for (const flaw of flaws) onError(new Error(flaw));
    }, onError);
    return new FleetQueue(redis, this.#keys, onError);
  }

  get #transitions(): TransitionReader {
    return (this.#reader ??= new TransitionReader(this.queue.store, this.#onError, (job, gen, urls) => {
      this.#urls.delete(job);
      this.#urls.set(job, { gen, urls });
      const [oldest] = this.#urls.keys();
      if (this.#urls.size > MAX_URLS && oldest !== undefined) this.#urls.delete(oldest);
    }));
  }

  /** Tracks the task and watches it from its snapshot on, as soon as Redis lets it. */
  watch(job: string, ref: StoredRef, watcher: Watcher): Observable<Snapshot> {
    const attempt = async () => {
      await this.#transitions.watch(job, watcher);
      return this.queue.track(ref);
    };
    return defer(attempt).pipe(
      retryStore((error) => {
        this.#onError(error);
      }),
    );
  }

  unwatch(job: string, watcher: Watcher): void {
    this.#reader?.unwatch(job, watcher);
  }

  urlsOf(job: string, gen: string): VideoUrls | undefined {
    const known = this.#urls.get(job);
    return known?.gen === gen ? known.urls : undefined;
  }

  /**
   * Has a worker ask for fresh URLs of a completed task; they arrive at its watchers. One that is gone in the meantime
   * is reported to this watcher.
   */
  async refresh(job: string, watcher: Watcher): Promise<void> {
    const snapshot = await this.queue.store.read(job);
    if (snapshot?.gen === watcher.gen) await this.queue.refresh(job);
    else watcher.onSnapshot(snapshot);
  }

  /** The refs of all tasks that are open or not acknowledged, some at a time. */
  kept(): Observable<StoredRef> {
    const { redis, store } = this.queue;
    const page = (cursor: string) =>
      defer(async () => {
        const [next, jobs] = await redis.sscan(this.#keys.kept, cursor, 'COUNT', 500);
        return { next, snapshots: await Promise.all(jobs.map((job) => store.read(job))) };
      }).pipe(
        retryStore((error) => {
          this.#onError(error);
        }),
      );
    return page('0').pipe(
      expand(({ next }) => (next === '0' ? EMPTY : page(next))),
      mergeMap(({ snapshots }) => from(snapshots.flatMap((snapshot) => (snapshot ? [snapshot.ref] : [])))),
      // A set that changes may be scanned with repetitions (https://redis.io/docs/latest/commands/scan/).
      distinct(taskKey),
    );
  }

  /** Makes every task that this process watches due as early as is allowed. */
  wake(): void {
    for (const [job, watchers] of this.#reader?.watched ?? []) {
      const [{ gen } = { gen: undefined }] = watchers;
      if (gen !== undefined) this.queue.wake(job, gen).catch(this.#onError);
    }
  }

  close(): void {
    this.#reader?.close();
    this.#queue?.close().catch(this.#onError);
  }
}
