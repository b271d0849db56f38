import type { Redis } from 'ioredis';
import type { Keys } from './keys.js';
import { ACK, BEGIN, FORGET, LEASE, RELEASE, STEP, TRACK, WAKE } from './scripts.js';
import { toSnapshot, type Snapshot, type StoredRef } from './snapshot.js';

/** About how many transitions the stream keeps for observers that were cut off for a while. */
const STREAM_LENGTH = '100000';

export type Verdict = 'lock-lost' | 'gone' | 'ask' | 'early' | 'written';

/** What one poll leaves behind. Times in epoch ms of Redis. */
export interface Step {
  readonly gen: string;
  /** The polling state, as JSON. */
  readonly state: string;
  readonly due: number;
  /** When a notifier may make it due. */
  readonly earliest: number;
  /** The floor from ask to ask, in ms. */
  readonly floor: number;
  /** JSON; empty where nothing changed. */
  readonly transition: string;
  /** Whole URLs as JSON, for observers that are connected now; empty where there are none. */
  readonly urls: string;
  /** A TrackingError as JSON; empty while tracking goes on. */
  readonly lost: string;
  /** When a settled task is dropped; absent while it is open. */
  readonly expiry?: number;
  /** For how long all tasks of the queue pause, in ms. */
  readonly pause: number;
}

type Call = (...args: (string | number)[]) => Promise<unknown>;
type Commands = Record<
  'rvtTrack' | 'rvtBegin' | 'rvtStep' | 'rvtAck' | 'rvtForget' | 'rvtWake' | 'rvtLease' | 'rvtRelease',
  Call
>;

const SCRIPTS = {
  rvtTrack: { lua: TRACK, numberOfKeys: 3 },
  rvtBegin: { lua: BEGIN, numberOfKeys: 2 },
  rvtStep: { lua: STEP, numberOfKeys: 5 },
  rvtAck: { lua: ACK, numberOfKeys: 3 },
  rvtForget: { lua: FORGET, numberOfKeys: 4 },
  rvtWake: { lua: WAKE, numberOfKeys: 1 },
  rvtLease: { lua: LEASE, numberOfKeys: 1 },
  rvtRelease: { lua: RELEASE, numberOfKeys: 1 },
} as const satisfies Record<keyof Commands, { lua: string; numberOfKeys: number }>;

/** The tasks of one queue, as Redis holds them. Each method is one round trip. */
export class RedisStore {
  readonly #commands: Commands;

  constructor(
    readonly redis: Redis,
    readonly keys: Keys,
  ) {
    for (const [name, script] of Object.entries(SCRIPTS)) redis.defineCommand(name, script);
    this.#commands = redis as unknown as Commands;
  }

  /** `isNew`: tracking begins, or begins anew, and the task needs a job. */
  async track(job: string, gen: string, ref: StoredRef): Promise<{ isNew: boolean; snapshot: Snapshot }> {
    const { task, open, kept } = this.keys;
    const reply = await this.#commands.rvtTrack(task(job), open, kept, job, gen, JSON.stringify(ref));
    const [isNew, fields] = reply as [number, string[]];
    return { isNew: isNew === 1, snapshot: toSnapshot(fields) as Snapshot };
  }

  async read(job: string): Promise<Snapshot | undefined> {
    const fields = await this.redis.hgetall(this.keys.task(job));
    return toSnapshot(Object.entries(fields).flat());
  }

  /** @param floor ms, for a task that was never asked about. */
  async begin(
    job: string,
    token: string,
    floor: number,
  ): Promise<{ verdict: Verdict; now: number; due: number; snapshot?: Snapshot }> {
    const { task, lock } = this.keys;
    const reply = await this.#commands.rvtBegin(task(job), lock(job), token, floor);
    const [verdict, now, fields] = reply as [number, number, string[]];
    const snapshot = toSnapshot(fields);
    const due = Number(fields[fields.indexOf('due') + 1]);
    const name = ({ '-1': 'lock-lost', 0: 'gone', 1: 'ask', 2: 'early' } as const)[String(verdict) as '0'];
    return { verdict: name, now, due, ...(snapshot && { snapshot }) };
  }

  async step(job: string, token: string, step: Step): Promise<{ verdict: Verdict; seq: number; due: number }> {
    const { task, lock, transitions, open, limiter, urls } = this.keys;
    const reply = await this.#commands.rvtStep(
      ...[task(job), lock(job), transitions, open, limiter],
      ...[token, step.gen, job, step.state, step.due, step.earliest, step.floor, step.transition, step.urls],
      // PX and PEXPIREAT refuse fractions of a millisecond.
      ...[
        urls,
        step.lost,
        step.expiry === undefined ? '' : Math.ceil(step.expiry),
        Math.ceil(step.pause),
        STREAM_LENGTH,
      ],
    );
    const [verdict, seq, due] = reply as [number, number, number];
    const name = ({ '-1': 'lock-lost', 0: 'gone', 1: 'written' } as const)[String(verdict) as '0'];
    return { verdict: name, seq, due };
  }

  /** @param gen the tracking that it is about; empty for whichever there is. */
  async ack(job: string, gen: string, seq: number): Promise<void> {
    const { task, kept, open } = this.keys;
    await this.#commands.rvtAck(task(job), kept, open, job, gen, seq);
  }

  async forget(job: string): Promise<void> {
    const { task, open, kept, transitions } = this.keys;
    await this.#commands.rvtForget(task(job), open, kept, transitions, job, STREAM_LENGTH);
  }

  /** When the task is due now, in epoch ms of Redis; 0 for one that is settled or gone. */
  async wake(job: string, gen: string): Promise<number> {
    return (await this.#commands.rvtWake(this.keys.task(job), gen)) as number;
  }

  /** Whether the lease is held, for so many ms from now. */
  async lease(key: string, owner: string, ms: number): Promise<boolean> {
    return (await this.#commands.rvtLease(key, owner, Math.ceil(ms))) === 1;
  }

  async release(key: string, owner: string): Promise<void> {
    await this.#commands.rvtRelease(key, owner);
  }

  /** Epoch ms of Redis. */
  async now(): Promise<number> {
    const [seconds, micros] = await this.redis.time();
    return Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
  }
}
