import { randomBytes } from 'node:crypto';
import { Queue, type JobsOptions } from 'bullmq';
import type { Redis } from 'ioredis';
import { jobOf, QUEUE, type Keys } from './keys.js';
import type { Snapshot, StoredRef } from './snapshot.js';
import { RedisStore } from './redis-store.js';

/** A poll, or a refresh of a completed task's URLs. */
export interface JobData {
  /** The key of the task. */
  readonly job: string;
  readonly isRefresh?: true;
}

/** Nothing of a job outlives it: what is known of its task has a key of its own. */
const JOB: JobsOptions = { removeOnComplete: true, removeOnFail: true };

/** BullMQ writes several events a poll; nothing reads them. */
const EVENTS = { events: { maxLen: 100 } };

/** One queue: its tasks, and the jobs that poll them. */
export class FleetQueue {
  readonly store: RedisStore;
  #queue: Queue<JobData> | undefined;
  readonly #onError: (error: Error) => void;

  constructor(
    readonly redis: Redis,
    readonly keys: Keys,
    onError: (error: Error) => void,
  ) {
    this.#onError = onError;
    this.store = new RedisStore(redis, keys);
  }

  get #jobs(): Queue<JobData> {
    if (this.#queue) return this.#queue;
    const { redis, keys } = this;
    this.#queue = new Queue<JobData>(QUEUE, { connection: redis, prefix: keys.prefix, streams: EVENTS });
    this.#queue.on('error', this.#onError);
    return this.#queue;
  }

  /** Tracks a task for the whole fleet, once. */
  async track(ref: StoredRef): Promise<Snapshot> {
    const job = jobOf(ref.provider, ref.id);
    const { isNew, snapshot } = await this.store.track(job, randomBytes(6).toString('base64url'), ref);
    if (isNew) await this.addPoll(job);
    return snapshot;
  }

  /**
   * Adds the job again where the task was tracked anew while its job ended. Until a job is gone, BullMQ ignores another
   * one of its id.
   */
  async addPollAgain(job: string): Promise<void> {
    if ((await this.redis.sismember(this.keys.open, job)) === 1) await this.addPoll(job);
  }

  /** Adds the job that polls a task; without effect where there is one. */
  async addPoll(job: string): Promise<void> {
    await this.#jobs.add('poll', { job }, { ...JOB, jobId: job });
  }

  /** Has a worker ask for fresh URLs of a completed task. */
  async refresh(job: string): Promise<void> {
    await this.#jobs.add('refresh', { job, isRefresh: true }, { ...JOB, jobId: `r${job}` });
  }

  /** Ends tracking; a job that is running finds that its task is gone. */
  async forget({ provider, id }: StoredRef): Promise<void> {
    const job = jobOf(provider, id);
    await this.store.forget(job);
    await this.#jobs.remove(job);
  }

  /** Has the task polled as soon as its floor and a Retry-After allow. */
  async wake(job: string, gen: string): Promise<void> {
    const due = await this.store.wake(job, gen);
    if (due === 0) return;
    const poll = await this.#jobs.getJob(job);
    // One that is active, or due already, is in no set of delayed jobs.
    if (poll) await poll.changeDelay(Math.max(0, due - (await this.store.now()))).catch(() => undefined);
  }

  async counts(): Promise<{
    readonly open: number;
    readonly delayed: number;
    readonly due: number;
    readonly active: number;
  }> {
    const [open, jobs] = await Promise.all([
      this.redis.scard(this.keys.open),
      this.#jobs.getJobCounts('delayed', 'waiting', 'prioritized', 'active'),
    ]);
    const { delayed = 0, waiting = 0, prioritized = 0, active = 0 } = jobs;
    return { open, delayed, due: waiting + prioritized, active };
  }

  async close(): Promise<void> {
    await this.#queue?.close();
    this.redis.disconnect();
  }
}
