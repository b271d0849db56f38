const SLOWEST = 1 / 60_000;

/**
 * How many requests a ms a key allows: what was configured, and, once the service has throttled, what was learned.
 *
 * At a throttling reply the rate falls to 0.85 of what was let through lately. It stays there for 5 s, then grows with
 * the cube of the time: gently at first, past a limit that still stands only by a little, and many times over within 15 s
 * where the limit is gone.
 */
export class Rate {
  readonly #ceiling: number;
  /** At the last throttling reply. */
  #learned = Infinity;
  #throttledAt = -Infinity;
  #spentAt = -Infinity;
  /** Successes since `countedFrom`, to measure what is let through. */
  #successes = 0;
  #countedFrom: number | undefined;

  constructor(requestsPerMinute: number | undefined) {
    this.#ceiling = requestsPerMinute === undefined ? Infinity : requestsPerMinute / 60_000;
  }

  /** Requests a ms. */
  at(now: number): number {
    const growing = Math.max(0, (now - this.#throttledAt) / 1000 - 5);
    return Math.min(this.#ceiling, this.#learned * (1 + 0.004 * growing ** 3));
  }

  /** ms until the next request may go. */
  wait(now: number): number {
    const gap = 1 / this.at(now);
    return Math.min(gap, Math.max(0, this.#spentAt + gap - now));
  }

  spend(now: number): void {
    this.#spentAt = now;
    this.#countedFrom ??= now;
  }

  succeeded(now: number): void {
    const from = this.#countedFrom ?? now;
    if (now - from > 4_000) {
      this.#successes *= 2_000 / (now - from);
      this.#countedFrom = now - 2_000;
    }
    this.#successes += 1;
  }

  /** A request that was admitted at some time was throttled; nothing more goes before `resumeAt`. */
  throttled(now: number, admittedAt: number, resumeAt: number): void {
    // The others of a burst that was on its way already tell nothing new.
    const isNews = admittedAt > this.#throttledAt;
    if (isNews) {
      const rate = this.at(now);
      const measured = this.#successes / Math.max(1000, now - (this.#countedFrom ?? now));
      // A pause cuts what is measured short: no single reply more than halves a rate.
      const passed = rate === Infinity ? measured || 1 / 1000 : Math.min(rate, Math.max(measured, rate / 2));
      this.#learned = Math.max(SLOWEST, 0.85 * passed);
      this.#throttledAt = now;
    }
    this.#successes = 0;
    this.#countedFrom = resumeAt;
  }

  /** Whether nothing that was learned still slows the key down. */
  hasRecovered(now: number): boolean {
    return now - this.#throttledAt > 60_000;
  }
}
