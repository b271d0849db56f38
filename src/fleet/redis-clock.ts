import type { RedisStore } from './redis-store.js';

/** ms between two readings of Redis's time. */
const RESYNC = 5_000;

/** Further off than this, in ms, and a worker takes no jobs: BullMQ promotes delayed jobs by the worker's own clock. */
const MAX_SKEW = 2_000;

/** A reply that took longer, in ms, is too inexact. */
const MAX_ROUND_TRIP = 1_000;

/** The time of Redis, by which the whole fleet reckons, and how far this machine's clock is from it. */
export class RedisClock {
  /** Epoch ms of Redis at which `performance.now()` was 0: a step of this machine's clock does not move it. */
  #origin = 0;
  #wasUsable = true;
  #timer: ReturnType<typeof setInterval> | undefined;
  #isStopped = false;
  readonly #store: RedisStore;
  /** Called whenever this machine's clock becomes usable or unusable. */
  readonly #onChange: (skewMs: number, isUsable: boolean) => void;
  readonly #onError: (error: Error) => void;

  constructor(
    store: RedisStore,
    onChange: (skewMs: number, isUsable: boolean) => void,
    onError: (error: Error) => void,
  ) {
    this.#store = store;
    this.#onChange = onChange;
    this.#onError = onError;
  }

  /** Reads the time now, and then every 5 s. Without effect after `stop`. */
  async start(): Promise<void> {
    if (this.#isStopped) return;
    this.#timer = setInterval(() => {
      this.#sync().catch(this.#onError);
    }, RESYNC);
    while (this.#origin === 0 && !this.#isStopped) await this.#sync();
  }

  /** For good. */
  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
  }

  /** Epoch ms of Redis. */
  now(): number {
    return Math.round(this.#origin + performance.now());
  }

  /** How far this machine's clock is ahead, in ms. */
  get skew(): number {
    return Date.now() - this.now();
  }

  get isUsable(): boolean {
    return Math.abs(this.skew) <= MAX_SKEW;
  }

  async #sync(): Promise<void> {
    const before = performance.now();
    const time = await this.#store.now();
    const roundTrip = performance.now() - before;
    if (roundTrip > MAX_ROUND_TRIP) return;
    this.#origin = time - before - roundTrip / 2;
    const { isUsable } = this;
    if (isUsable !== this.#wasUsable) this.#onChange(this.skew, isUsable);
    this.#wasUsable = isUsable;
  }
}
