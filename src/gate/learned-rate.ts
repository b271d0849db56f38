// Requests per ms.
const SLOWEST = 1 / 60_000;
const ONE_A_SECOND = 1 / 1_000;

/** A 429, with what it depends on. Times in ms, rates per ms. */
export interface Throttling {
  /** When the 429 arrived. */
  readonly now: number;
  /** When its request was admitted. */
  readonly admittedAt: number;
  /** When the pause that it causes ends. */
  readonly resumeAt: number;
  /** Whether the service sent Retry-After. */
  readonly hasRetryAfter: boolean;
  /** The rate at which requests were sent. */
  readonly rate: number;
}

/** The requests from one 429 to the next: what they show about the limit. */
interface Epoch {
  /** Requests admitted later than this belong to it, up to `endedAt`. */
  readonly startedAt: number;
  readonly endedAt: number;
  /** ms over which the successes are counted. */
  readonly elapsed: number;
  readonly rateBefore: number;
  /** What is learned lies between these. */
  readonly least: number;
  readonly most: number;
  /** ms that the 429 costs, from its request to the end of the pause. */
  readonly cost: number;
  /** A service that sends no Retry-After is tested again later. */
  readonly patience: number;
  successes: number;
}

/**
 * The rate that a key without a declared limit allows, learned from its 429s; see decision 3. `Infinity` before the
 * first.
 *
 * A 429 lowers the rate to what succeeded since the one before, or to 0.9 of what it was. The rate grows again with the
 * requests that succeed: within a span to where it was throttled, then faster and faster.
 */
export class LearnedRate {
  #learned = Infinity;
  /** ms until the rate is where it was throttled; before the first 429, those over which it is measured. */
  #span = 2_000;
  /** Successes since the last 429, which raise the rate. */
  #passed = 0;
  /** Successes since `#countedFrom`, which measure it. */
  #successes = 0;
  #countedFrom: number | undefined;
  /** The last 429. */
  #throttledAt = -Infinity;
  /** The last 429 that lowered the rate. */
  #loweredAt = -Infinity;
  #lastEpoch: Epoch | undefined;

  /** Whether there was a 429 to learn from. */
  get isLearned(): boolean {
    return this.#learned < Infinity;
  }

  /** Requests per ms: within a span it grows by a ninth, slowly at first; beyond it, faster and faster. */
  get perMs(): number {
    const spans = this.#spans;
    const beyond = spans - 1;
    return this.#learned * (spans < 1 ? 1 + spans ** 3 / 9 : 10 / 9 + beyond / 3 + 6 * beyond ** 2);
  }

  /** How many spans' requests have succeeded. */
  get #spans(): number {
    return this.#passed / (this.#learned * this.#span);
  }

  onAdmitted(now: number): void {
    this.#countedFrom ??= now;
  }

  onSuccess(now: number, admittedAt: number): void {
    if (admittedAt <= this.#throttledAt) {
      this.#onLateSuccess(admittedAt);
      return;
    }
    const from = this.#countedFrom ?? now;
    if (now - from > 2 * this.#span) {
      this.#successes *= this.#span / (now - from);
      this.#countedFrom = now - this.#span;
    }
    this.#successes += 1;
    this.#passed += 1;
  }

  /** A 429 is often faster than the successes of the same burst: those count for the epoch that it ended. */
  #onLateSuccess(admittedAt: number): void {
    const epoch = this.#lastEpoch;
    if (!epoch || !this.isOfLastEpoch(admittedAt)) return;
    epoch.successes += 1;
    this.#learnFrom(epoch);
  }

  /** Whether a request was admitted between the last 429 and the one before. */
  isOfLastEpoch(admittedAt: number): boolean {
    return this.#lastEpoch !== undefined && admittedAt > this.#lastEpoch.startedAt && admittedAt <= this.#throttledAt;
  }

  /** Takes a 429 of a request that was admitted after the last one. */
  onThrottled({ now, admittedAt, resumeAt, hasRetryAfter, rate }: Throttling): void {
    const isFirst = !this.isLearned;
    const elapsed = Math.max(1_000, now - (this.#countedFrom ?? now));
    const wasSustained = this.#spans >= 1;
    // Without a success in between, the pause was too short: it counts from the 429 before.
    if (isFirst || this.#passed > 0) this.#loweredAt = now;
    const pause = resumeAt - this.#loweredAt;
    const epoch: Epoch = {
      startedAt: this.#throttledAt,
      endedAt: now,
      elapsed,
      rateBefore: this.#learned,
      // The pause is among the ms that are counted, so one 429 may halve a rate at most. A rate that held for a span is
      // good.
      least: isFirst ? 0.9 * ONE_A_SECOND : Math.max(rate / 2, wasSustained ? 1.05 * this.#learned : 0),
      most: isFirst ? Infinity : 0.9 * rate,
      cost: pause + now - admittedAt,
      patience: hasRetryAfter ? 1 : 2.5,
      successes: this.#successes,
    };
    this.#lastEpoch = epoch;
    this.#throttledAt = now;
    this.#passed = 0;
    this.#successes = 0;
    this.#countedFrom = resumeAt - pause / 2;
    this.#learnFrom(epoch);
  }

  #learnFrom({ successes, elapsed, rateBefore, least, most, cost, patience }: Epoch): void {
    const isFirst = rateBefore === Infinity;
    if (successes > 0 || isFirst) {
      const measured = (isFirst ? 0.9 : 1) * (successes / elapsed);
      this.#learned = Math.max(SLOWEST, Math.min(most, Math.max(measured, least)));
    } else this.#learned = rateBefore;
    // Less than one a second is counted by the minute, as a rule: it takes a minute to show.
    const isByTheMinute = this.#learned <= ONE_A_SECOND;
    this.#span = Math.max(8 * cost, (isByTheMinute ? 2.5 : patience) * Math.max(8_000, 30 / this.#learned));
  }

  /** Whether nothing that was learned is worth remembering. */
  hasRecovered(now: number): boolean {
    return now - this.#loweredAt > Math.max(60_000, this.#span);
  }
}
