import type { Redis } from 'ioredis';
import type { RedisStore } from './redis-store.js';
import type { Snapshot, StoredLoss, StoredTask, VideoUrls } from './snapshot.js';

/** One entry of the stream. */
export interface StoredTransition {
  readonly job: string;
  readonly gen: string;
  /** 0 where the task was forgotten. */
  readonly seq: number;
  readonly task?: StoredTask;
  readonly lost?: StoredLoss;
}

/** Who watches one task. */
export interface Watcher {
  /** The tracking that is watched; unknown until its snapshot is read. */
  readonly gen: string | undefined;
  /** The next transition, in the order of the stream. */
  onTransition(transition: StoredTransition): void;
  /** What Redis holds now, after a time in which transitions may have been missed; nothing for a task that is gone. */
  onSnapshot(snapshot: Snapshot | undefined): void;
  /** Whole URLs of the completed task, or why there are none. */
  onUrls(gen: string, urls: VideoUrls | StoredLoss): void;
}

/** ms that one XREAD waits for the next entry. */
const BLOCK = 5_000;

/**
 * Reads the transitions of one queue for all watchers of this process: one blocking connection for the stream, one for
 * the URLs. BullMQ's QueueEvents would bring every event of every job, several a poll.
 */
export class TransitionReader {
  readonly #watchers = new Map<string, Set<Watcher>>();
  #stream: Redis | undefined;
  #urls: Redis | undefined;
  #isClosed = false;
  /** A connection was cut since the snapshots were read last. */
  #wasCut = false;
  /** Settles when entries that are written from now on are seen. */
  #ready: Promise<void> | undefined;
  #last = '$';
  readonly #store: RedisStore;
  readonly #onError: (error: Error) => void;
  /** Whole URLs of a watched task. */
  readonly #onUrls: (job: string, gen: string, urls: VideoUrls) => void;

  constructor(
    store: RedisStore,
    onError: (error: Error) => void,
    onUrls: (job: string, gen: string, urls: VideoUrls) => void,
  ) {
    this.#store = store;
    this.#onError = onError;
    this.#onUrls = onUrls;
  }

  get watched(): ReadonlyMap<string, ReadonlySet<Watcher>> {
    return this.#watchers;
  }

  /** Adds a watcher; a snapshot that is read after this has resolved misses no later transition. */
  async watch(job: string, watcher: Watcher): Promise<void> {
    let watchers = this.#watchers.get(job);
    if (!watchers) this.#watchers.set(job, (watchers = new Set()));
    watchers.add(watcher);
    await (this.#ready ??= this.#open());
  }

  unwatch(job: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(job);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#watchers.delete(job);
  }

  close(): void {
    this.#isClosed = true;
    this.#stream?.disconnect();
    this.#urls?.disconnect();
  }

  async #open(): Promise<void> {
    const { redis, keys } = this.#store;
    const urls = (this.#urls = this.#connect());
    urls.on('message', (_channel, message: string) => {
      this.#onMessage(message);
    });
    try {
      // Subscribed before the stream's end is looked up: a completed task's URLs come by both or by neither.
      await urls.subscribe(keys.urls);
      const [newest] = await redis.xrevrange(keys.transitions, '+', '-', 'COUNT', 1);
      this.#last = newest?.[0] ?? '0';
    } catch (error) {
      // The next watcher opens it anew.
      this.#ready = undefined;
      urls.disconnect();
      throw error;
    }
    if (this.#isClosed) return;
    this.#stream = this.#connect();
    void this.#read(this.#stream);
  }

  #connect(): Redis {
    const connection = this.#store.redis.duplicate();
    connection.on('error', this.#onError);
    // Later ones follow a cut. What was under way is sent again by the client, without an error.
    connection.once('ready', () => {
      connection.on('ready', () => {
        this.#wasCut = true;
      });
    });
    return connection;
  }

  async #read(stream: Redis): Promise<void> {
    while (!this.#isClosed) {
      try {
        const reply = await stream.xread(
          'COUNT',
          1000,
          'BLOCK',
          BLOCK,
          'STREAMS',
          this.#store.keys.transitions,
          this.#last,
        );
        if (this.#wasCut) {
          // The stream is trimmed, a server that came back may have lost its end, and URLs are sent once: the snapshots
          // are the truth.
          this.#wasCut = false;
          await this.#reread();
        }
        for (const [id, fields] of reply?.[0]?.[1] ?? []) {
          this.#last = id;
          this.#deliver(toTransition(fields));
        }
      } catch (error) {
        if (this.#isClosed) return;
        this.#wasCut = true;
        this.#onError(error as Error);
        await new Promise((resolve) => setTimeout(resolve, 1_000));
        await this.#restart();
      }
    }
  }

  /** A stream that ends before the place that was read to has lost entries: it is read from its new end on. */
  async #restart(): Promise<void> {
    const [newest] = await this.#store.redis
      .xrevrange(this.#store.keys.transitions, '+', '-', 'COUNT', 1)
      .catch(() => []);
    if (newest && isBefore(newest[0], this.#last)) this.#last = newest[0];
  }

  async #reread(): Promise<void> {
    await Promise.all(
      [...this.#watchers].map(async ([job, watchers]) => {
        const snapshot = await this.#store.read(job);
        for (const watcher of [...watchers]) watcher.onSnapshot(snapshot);
      }),
    );
  }

  #deliver(transition: StoredTransition): void {
    for (const watcher of [...(this.#watchers.get(transition.job) ?? [])]) watcher.onTransition(transition);
  }

  #onMessage(message: string): void {
    const [job, gen, , json] = JSON.parse(message) as [string, string, number, string];
    const watchers = this.#watchers.get(job);
    if (!watchers) return;
    const urls = JSON.parse(json) as VideoUrls | StoredLoss;
    if (!('reason' in urls)) this.#onUrls(job, gen, urls);
    for (const watcher of [...watchers]) watcher.onUrls(gen, urls);
  }
}

function toTransition(fields: readonly string[]): StoredTransition {
  const hash = Object.fromEntries(
    Array.from({ length: fields.length / 2 }, (_, at) => [fields[2 * at] as string, fields[2 * at + 1] as string]),
  );
  const { job = '', gen = '', seq = '0', task = '', lost = '' } = hash;
  return {
    job,
    gen,
    seq: Number(seq),
    ...(task && { task: JSON.parse(task) as StoredTask }),
    ...(lost && { lost: JSON.parse(lost) as StoredLoss }),
  };
}

/** Whether one id of a stream (`ms-sequence`) is older than another. */
function isBefore(one: string, other: string): boolean {
  const [ms = 0, sequence = 0] = one.split('-').map(Number);
  const [otherMs = 0, otherSequence = 0] = other.split('-').map(Number);
  return ms < otherMs || (ms === otherMs && sequence < otherSequence);
}
