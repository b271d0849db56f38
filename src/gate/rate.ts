import { LearnedRate, type Throttling } from './learned-rate.js';

/** A key of which nothing is known starts with so many requests at once, and so many per ms in its first second. */
const FIRST_BURST = 8;
const FIRST_RATE = 16 / 1_000;
const SECOND = 1_000;
/** ms that a timer may be late without a loss of throughput. */
const TIMER_SLACK = 25;

/**
 * When the next request of a key may go.
 *
 * With a configured limit, requests are spread evenly. Without one the rate doubles after each second in which requests
 * had to wait for it, until the first 429; from then on it is learned.
 */
export class Rate {
  /** Requests per ms. */
  readonly #limit: number;
  #startingRate: number;
  #doubledAt = -Infinity;
  readonly #learned = new LearnedRate();
  #nextAt = -Infinity;
  /** Since when requests have been waiting for this rate; `Infinity` where none is. */
  #waitingSince = Infinity;

  /** @param requestsPerMinute `Infinity` declares that there is no limit; `undefined`, that none is known. */
  constructor(requestsPerMinute = NaN) {
    const isKnown = !Number.isNaN(requestsPerMinute);
    this.#limit = isKnown ? withinSlack(requestsPerMinute / 60_000) : Infinity;
    this.#startingRate = isKnown ? Infinity : FIRST_RATE;
  }

  /** Whether the key has a limit, as far as is known. */
  get isLimited(): boolean {
    return this.#limit < Infinity || this.#learned.isLearned;
  }

  /** Requests per ms. */
  get #perMs(): number {
    return Math.min(this.#limit, this.#learned.isLearned ? this.#learned.perMs : this.#startingRate);
  }

  /** Requests a minute, as configured or learned; `Infinity` where no limit is known. */
  get perMinute(): number {
    return this.isLimited ? Math.round(60_000 * this.#perMs) : Infinity;
  }

  /** ms from one request to the next; 0 where there is no limit. */
  get gap(): number {
    return 1 / this.#perMs;
  }

  /** ms until the next request may go. A clock that is set back costs a gap at most. */
  wait(now: number): number {
    this.#nextAt = Math.min(this.#nextAt, now + this.gap);
    const ms = Math.max(0, this.#nextAt - now);
    if (ms > 0) this.#waitingSince = Math.min(this.#waitingSince, now);
    return ms;
  }

  /** No request waits for this rate any more. */
  onIdle(): void {
    this.#waitingSince = Infinity;
  }

  onAdmitted(now: number): void {
    const { gap } = this;
    this.#nextAt = Math.max(this.#nextAt, this.#earliest(now, gap)) + gap;
    this.#learned.onAdmitted(now);
  }

  /** From when requests may count as due: a schedule by absolute time makes up for late timers, and for no more. */
  #earliest(now: number, gap: number): number {
    if (this.#learned.isLearned || this.#startingRate === Infinity) {
      return Math.max(Math.min(now, this.#waitingSince), now - TIMER_SLACK);
    }
    if (now - Math.max(this.#waitingSince, this.#doubledAt) >= SECOND) {
      this.#startingRate *= 2;
      this.#doubledAt = now;
    }
    return now - Math.max((FIRST_BURST - 1) * gap, TIMER_SLACK);
  }

  onSuccess(now: number, admittedAt: number): void {
    this.#learned.onSuccess(now, admittedAt);
  }

  onThrottled(throttling: Omit<Throttling, 'rate'>): void {
    this.#learned.onThrottled({ ...throttling, rate: this.#perMs });
  }

  /** Whether a request was admitted between the last 429 and the one before. */
  isOfLastEpoch(admittedAt: number): boolean {
    return this.#learned.isOfLastEpoch(admittedAt);
  }

  /** Whether nothing that was learned is worth remembering. */
  hasRecovered(now: number): boolean {
    return this.#learned.hasRecovered(now);
  }
}

/**
 * So much less than a limit per ms that no second has more than one request above it: requests may go up to TIMER_SLACK
 * early, and with gaps shorter than that, those are several.
 */
function withinSlack(limit: number): number {
  const isLimit = limit < Infinity && 1 / limit < TIMER_SLACK;
  return isLimit ? (SECOND * limit + 1) / (SECOND + TIMER_SLACK) : limit;
}
