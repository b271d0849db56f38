import { randomUUID } from 'node:crypto';
import { DelayedError, Worker, type Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { catchError, defaultIfEmpty, firstValueFrom, map, merge, of, Subject, timer, type Subscriber } from 'rxjs';
import { DAY, LONGEST_RETRY_AFTER } from '../durations.js';
import { isQueryError, QueryError, type TrackingError } from '../errors.js';
import type { PollOutcome, PollPolicy } from '../poll/policy.js';
import type { Query, TaskRefFields } from '../query.js';
import { copyTask, type Task } from '../task.js';
import { lostTask } from '../tracked-task.js';
import { trackingError } from '../tracking-error.js';
import type { FleetEvent } from './fleet-event.js';
import { FleetQueue, type JobData } from './fleet-queue.js';
import { QUEUE, type Keys } from './keys.js';
import type { Limiter } from './limiter.js';
import { stepOf, takeUp, type StepResult } from './poll-step.js';
import { RedisClock } from './redis-clock.js';
import { flawsOf } from './redis-connection.js';
import {
  toStoredLoss,
  urlsOf,
  withBareUrls,
  type Snapshot,
  type StoredLoss,
  type StoredTask,
  type VideoUrls,
} from './snapshot.js';
import { sweep, SWEEP_INTERVAL } from './sweep.js';

/** How the tasks of one queue are polled. */
export interface Polling {
  readonly query: Query;
  /** By the name of the provider. */
  readonly policies: ReadonlyMap<string, PollPolicy>;
  /** The floor of a task that was never asked about, in ms. */
  readonly floor: number;
  readonly limiter: Limiter;
  readonly concurrency: number;
  readonly storeUrls: boolean;
}

/** ms that all tasks of a queue pause after a 429 without Retry-After. */
const PAUSE = 2_000;

/** ms after which a task that this worker cannot poll is offered again. */
const LATER = 10_000;

/**
 * ms for which a job is locked; renewed while it runs, by one command for all jobs of a worker. A worker that is frozen
 * for longer loses nothing but the answers that it waits for: it cannot write them without the lock, and its successor
 * does not ask below the floor.
 */
const LOCK = 5_000;

/** ms that a settled task is kept at least. */
const HOUR = 3_600_000;

/** ms that a task is kept which was lost, but which its service may still have. */
const WEEK = 7 * DAY;

/** Queries for fresh URLs of one task before it is lost for the observer that asked for them. */
const REFRESH_ATTEMPTS = 5;

/** What a job comes to, where an outcome did not arrive. */
const ABORTED = 'aborted' as const;

/**
 * Runs the jobs of one queue: one run is one query and one step of the policy; then the job waits for the next due
 * time.
 */
export class QueueWorker {
  readonly #queue: FleetQueue;
  readonly #clock: RedisClock;
  readonly #abort = new Subject<typeof ABORTED>();
  #worker: Worker<JobData> | undefined;
  #sweeper: ReturnType<typeof setInterval> | undefined;
  #ended: Promise<void> | undefined;
  readonly #keys: Keys;
  readonly #events: Subscriber<FleetEvent>;
  readonly #polling: Polling;

  constructor(redis: Redis, keys: Keys, events: Subscriber<FleetEvent>, polling: Polling) {
    this.#keys = keys;
    this.#events = events;
    this.#polling = polling;
    redis.on('error', this.#warn);
    this.#queue = new FleetQueue(redis, keys, this.#warn);
    this.#clock = new RedisClock(
      this.#queue.store,
      (skewMs, isUsable) => {
        this.#onClock(skewMs, isUsable);
      },
      this.#warn,
    );
  }

  readonly #warn = (error: Error): void => {
    this.#events.next({ type: 'warning', message: error.message });
  };

  async start(): Promise<void> {
    const { redis } = this.#queue;
    for (const message of await flawsOf(redis)) this.#events.next({ type: 'warning', message });
    try {
      await this.#clock.start();
    } catch (error) {
      // Its connection was closed under it.
      if (!this.#ended) throw error;
    }
    if (this.#ended) return;
    const { limiter, concurrency } = this.#polling;
    this.#worker = new Worker<JobData>(QUEUE, (job) => this.#run(job), {
      ...{ connection: redis, prefix: this.#keys.prefix, limiter, concurrency },
      // A job that stalls is taken up again, however often: as `failed` its task would never be polled again.
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      // A job of a worker that died or froze is taken up within twice this time.
      ...{ lockDuration: LOCK, stalledInterval: LOCK },
      runRetryDelay: 1_000,
      autorun: false,
    });
    this.#worker.on('error', this.#warn);
    this.#worker.on('completed', ({ data: { job } }) => {
      // Where it fails, a sweep adds the job.
      this.#queue.addPollAgain(job).catch(() => undefined);
    });
    this.#sweeper = setInterval(() => {
      sweep(this.#queue).catch(this.#warn);
    }, SWEEP_INTERVAL);
    if (!this.#clock.isUsable) this.#onClock(this.#clock.skew, false);
    void this.#worker.run().catch(this.#warn);
  }

  /** Finishes what runs, starts nothing, and closes. */
  drain(): Promise<void> {
    return (this.#ended ??= this.#close());
  }

  /** Aborts what runs, and closes. */
  abort(): void {
    this.#abort.next(ABORTED);
    this.#abort.complete();
    this.drain().catch(() => undefined);
  }

  async #close(): Promise<void> {
    clearInterval(this.#sweeper);
    this.#clock.stop();
    await this.#worker?.close();
    await this.#queue.close();
  }

  #onClock(skewMs: number, isUsable: boolean): void {
    this.#events.next({ type: 'clock', skewMs, isUsable });
    if (isUsable) void this.#worker?.resume();
    else void this.#worker?.pause(true);
  }

  async #run(job: Job<JobData>): Promise<void> {
    const { token = '', data } = job;
    const run = data.isRefresh ? this.#refresh(data.job, job.attemptsStarted) : this.#poll(data.job, token);
    // Whatever hinders a run, it must end as delayed: a job whose lock expires is taken up by another worker, but one
    // that failed is gone.
    const end = await run.catch((error: unknown) => {
      this.#warn(error as Error);
      return this.#clock.now() + LATER;
    });
    if (end === 'done') return;
    if (end !== 'lock-lost') await job.moveToDelayed(end, token).catch(this.#warn);
    throw new DelayedError();
  }

  /** One query and one step of the policy. Returns when the next one is due, in epoch ms of Redis. */
  async #poll(job: string, token: string): Promise<number | 'done' | 'lock-lost'> {
    const { store } = this.#queue;
    const { verdict, now, due, snapshot } = await store.begin(job, token, this.#polling.floor);
    if (verdict === 'lock-lost') return verdict;
    if (verdict === 'early') return due;
    if (!snapshot || verdict === 'gone') return 'done';
    const policy = this.#polling.policies.get(snapshot.ref.provider);
    if (!policy) {
      const { provider, id } = snapshot.ref;
      this.#warn(
        new Error(
          `task ${id}: this worker has no provider "${provider}"; give every worker of a queue all of its providers`,
        ),
      );
      return now + LATER;
    }
    const { state, decision } = takeUp(policy, snapshot, now);
    if (decision.type === 'wait') return now + decision.delay;
    const outcome: PollOutcome | typeof ABORTED =
      decision.type === 'ask' ? await this.#ask(snapshot, decision.patience) : { type: 'due' };
    if (outcome === ABORTED) return now + state.floor;
    return this.#write(job, token, snapshot, stepOf(policy, snapshot, state, outcome, this.#clock.now()), outcome);
  }

  /** Sends the query; gives its outcome, or `due` after `patience` ms. */
  async #ask({ ref, trackedAt }: Snapshot, patience: number): Promise<PollOutcome | typeof ABORTED> {
    const { provider, id, createdAt = trackedAt } = ref;
    const start = performance.now();
    const outcome = await firstValueFrom(
      merge(
        this.#polling.query({ ...ref, createdAt } as TaskRefFields).pipe(
          map((task): PollOutcome => ({ type: 'answer', task })),
          defaultIfEmpty<PollOutcome, PollOutcome>({
            type: 'miss',
            error: new QueryError('malformed', 'no answer', { code: 'empty', provider, id }),
          }),
          catchError((error: unknown) => of<PollOutcome>({ type: 'miss', error })),
        ),
        timer(patience).pipe(map((): PollOutcome => ({ type: 'due' }))),
        this.#abort,
      ),
      { defaultValue: ABORTED },
    );
    if (outcome === ABORTED) return outcome;
    const kind =
      outcome.type === 'answer'
        ? 'answer'
        : outcome.type === 'miss' && isQueryError(outcome.error)
          ? outcome.error.kind
          : 'timeout';
    this.#events.next({ type: 'polled', provider, id, kind, durationMs: Math.round(performance.now() - start) });
    return outcome;
  }

  async #write(
    job: string,
    token: string,
    snapshot: Snapshot,
    result: StepResult,
    outcome: PollOutcome,
  ): Promise<number | 'done' | 'lock-lost'> {
    const { gen, ref, task: last } = snapshot;
    const { state, due, earliest = due, transition, error, miss } = result;
    const now = this.#clock.now();
    const isSettled = due === undefined;
    const stored: StoredTask | undefined =
      transition && (this.#polling.storeUrls ? transition : withBareUrls(transition));
    const written = await this.#queue.store.step(job, token, {
      gen,
      state: JSON.stringify(state),
      due: due ?? 0,
      earliest: earliest ?? 0,
      floor: state.floor,
      transition: stored ? JSON.stringify(stored) : '',
      urls: transition && stored?.hasBareUrls ? JSON.stringify(urlsOf(transition)) : '',
      lost: error ? JSON.stringify(toStoredLoss(error, now)) : '',
      pause: pauseAfter(outcome),
      ...(isSettled && { expiry: expiryOf(transition, error, now) }),
    });
    if (written.verdict === 'lock-lost') return written.verdict;
    if (written.verdict !== 'written') return now;
    if (miss && outcome.type === 'miss') {
      const { provider, id } = ref;
      this.#events.next({
        type: 'miss',
        provider,
        id,
        ...miss,
        error: outcome.error as QueryError,
        ...(last && { last }),
      });
    }
    if (transition) this.#events.next({ type: 'transition', task: copyTask(transition, { seq: written.seq }) });
    if (error) this.#events.next({ type: 'lost', task: { ...lostTask(ref, error, now), seq: written.seq } });
    return isSettled ? 'done' : written.due;
  }

  /** Asks for fresh URLs of a completed task and publishes them, or why there are none. */
  async #refresh(job: string, attempt: number): Promise<number | 'done'> {
    const { redis, store } = this.#queue;
    const snapshot = await store.read(job);
    if (snapshot?.task?.status !== 'completed') return 'done';
    // The floor holds for whatever asks about a task.
    const now = this.#clock.now();
    if (!(await store.lease(`${this.#keys.task(job)}:refresh`, randomUUID(), this.#polling.floor)))
      return now + this.#polling.floor;
    const outcome = await this.#ask(snapshot, LATER);
    if (outcome === ABORTED) return now + this.#polling.floor;
    const publish = (content: VideoUrls | StoredLoss) =>
      redis.publish(this.#keys.urls, JSON.stringify([job, snapshot.gen, snapshot.seq, JSON.stringify(content)]));
    const urls = outcome.type === 'answer' ? urlsOf(outcome.task) : undefined;
    if (urls) {
      await publish(urls);
      return 'done';
    }
    const error = outcome.type === 'miss' ? outcome.error : undefined;
    const isGone = isQueryError(error) && (error.kind === 'expired' || error.kind === 'not-found');
    if (!isGone && attempt < REFRESH_ATTEMPTS) return now + this.#polling.floor;
    const loss = trackingError(isGone ? 'expired' : 'query', { ...snapshot.ref, last: snapshot.task, cause: error });
    await publish(toStoredLoss(loss, now));
    return 'done';
  }
}

/** For how long a reply makes all tasks of the queue pause, in ms. */
function pauseAfter(outcome: PollOutcome): number {
  if (outcome.type !== 'miss' || !isQueryError(outcome.error)) return 0;
  const { kind, retryAfterMs } = outcome.error;
  return Math.min(LONGEST_RETRY_AFTER, retryAfterMs ?? (kind === 'rate-limited' ? PAUSE : 0));
}

/**
 * When a settled task is dropped: with its video, but not before an observer that restarts has had the time to see it.
 */
function expiryOf(task: Task | undefined, error: TrackingError | undefined, now: number): number {
  if (error && error.reason !== 'expired') return now + WEEK;
  const expiresAt = task?.status === 'completed' ? task.video.expiresAt : undefined;
  return Math.max(now + HOUR, expiresAt ?? now + DAY);
}
