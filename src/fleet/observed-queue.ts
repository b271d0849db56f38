import type { Redis } from 'ioredis';
import { FleetQueue } from './fleet-queue.js';
import type { Keys } from './keys.js';
import { flawsOf } from './redis-connection.js';
import type { Snapshot, StoredRef, VideoUrls } from './snapshot.js';
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

  /** Tracks the task and watches it from its snapshot on. */
  async watch(job: string, ref: StoredRef, watcher: Watcher): Promise<Snapshot> {
    await this.#transitions.watch(job, watcher);
    return this.queue.track(ref);
  }

  unwatch(job: string, watcher: Watcher): void {
    this.#reader?.unwatch(job, watcher);
  }

  urlsOf(job: string, gen: string): VideoUrls | undefined {
    const known = this.#urls.get(job);
    return known?.gen === gen ? known.urls : undefined;
  }

  /** The refs of all tasks that are open or not acknowledged, some at a time. */
  async *kept(): AsyncGenerator<StoredRef> {
    const { redis, store } = this.queue;
    let cursor = '0';
    do {
      const [next, jobs] = await redis.sscan(this.#keys.kept, cursor, 'COUNT', 500);
      cursor = next;
      for (const snapshot of await Promise.all(jobs.map((job) => store.read(job)))) if (snapshot) yield snapshot.ref;
    } while (cursor !== '0');
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
