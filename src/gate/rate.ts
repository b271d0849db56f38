const SLOWEST = 1 / 60_000;

/**
 * How many requests a ms a key allows: what was configured, and, once the service has throttled, what was learned.
 *
 * At a throttling reply the rate falls to 0.9 of what it was, or to what was let through where that is less. It is put to
 * the test again by what succeeds, not by time: within a span of 30 requests, and never less than 8 s or four pauses, it
 * grows to where it was throttled. Where nobody objects, each further span adds four times what was learned.
 */
export class Rate {
  readonly #ceiling: number;
  /** At the last throttling reply that told something. */
  #learned = Infinity;
  #throttledAt = -Infinity;
  /** ms from there until the rate is where it was; before, those over which it is measured. */
  #span = 2_000;
  /** Successes since then. */
  #passed = 0;
  #spentAt = -Infinity;
  /** Successes since `countedFrom`, to measure what is let through. */
  #successes = 0;
  #countedFrom: number | undefined;

  constructor(requestsPerMinute: number | undefined) {
    this.#ceiling = requestsPerMinute === undefined ? Infinity : requestsPerMinute / 60_000;
  }

  /** ms from one request to the next; 0 where nothing is known. */
  get gap(): number {
    return 1 / this.#rate;
  }

  get #rate(): number {
    const spans = this.#spans;
    return Math.min(this.#ceiling, this.#learned * (spans < 1 ? 1 + spans ** 3 / 9 : 10 / 9 + 4 * (spans - 1)));
  }

  /** How many spans' requests have succeeded. */
  get #spans(): number {
    return this.#passed / (this.#learned * this.#span);
  }

  /** ms until the next request may go. */
  wait(now: number): number {
    const { gap } = this;
    return Math.min(gap, Math.max(0, this.#spentAt + gap - now));
  }

  spend(now: number): void {
    this.#spentAt = now;
    this.#countedFrom ??= now;
  }

  succeeded(now: number): void {
    const from = this.#countedFrom ?? now;
    if (now - from > 2 * this.#span) {
      this.#successes *= this.#span / (now - from);
      this.#countedFrom = now - this.#span;
    }
    this.#successes += 1;
    this.#passed += 1;
  }

  /** The service has throttled a request that went since the last time; nothing more goes before `resumeAt`. */
  throttled(now: number, resumeAt: number, isTold: boolean): void {
    // Once more before anything got through: that tells of the pause, which was too short, and nothing of the rate.
    if (this.#passed > 0 || this.#learned === Infinity) {
      const rate = this.#rate;
      const measured = this.#successes / Math.max(1_000, now - (this.#countedFrom ?? now));
      // A pause cuts what is measured short: no single reply more than halves a rate. What held for a span is good for more.
      const least = Math.max(rate / 2, this.#spans < 1 ? 0 : 1.05 * this.#learned);
      const most = rate === Infinity ? Math.max(measured, 1 / 1_000) : rate;
      this.#learned = Math.max(SLOWEST, Math.min(0.9 * most, Math.max(measured, least)));
      this.#throttledAt = now;
    }
    const pause = resumeAt - this.#throttledAt;
    // A service that does not say when to come back, or that allows less than one a second, counts by the minute, as a rule.
    const patience = isTold && this.#learned > 1 / 1_000 ? 1 : 2.5;
    this.#span = Math.max(4 * pause, patience * Math.max(8_000, 30 / this.#learned));
    this.#passed = 0;
    this.#successes = 0;
    this.#countedFrom = resumeAt - pause / 2;
  }

  /** Whether nothing that was learned still slows the key down. */
  hasRecovered(now: number): boolean {
    return now - this.#throttledAt > Math.max(60_000, this.#span);
  }
}
