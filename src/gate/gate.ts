import { Observable } from 'rxjs';
import { checkNumber, checkOptions } from '../options.js';
import { KeyLimiter, PendingRequest, type GateStats } from './key-limiter.js';
import { Rate } from './rate.js';

/** The limits of each key. */
export interface GateOptions {
  /** Requests of one key that may be in flight at once. @default 32 */
  readonly maxInFlight?: number;
  /**
   * What the key allows; requests are spread evenly. `Infinity` declares that there is no limit.
   *
   * Without it a key starts with a burst of 8 and 16 requests a second, doubled after each second in which requests had
   * to wait, until the service answers 429. From then on the rate is learned from what succeeds.
   * @default undefined: learned
   */
  readonly requestsPerMinute?: number;
}

/** The budget that a request is taken from. */
export interface GateTicket {
  /** The origin that the request goes to, such as `https://ai.alad.com`. */
  readonly origin: string;
  /** Strings are compared by value, functions that return keys by identity. */
  readonly key: unknown;
  /**
   * How much is lost by waiting. Once the rate limit of the key is known, configured or learned from a 429, the request
   * with the largest goes first; before that, requests go in order of arrival. A request without urgency goes in order
   * of arrival at the latest.
   */
  readonly urgency?: (() => number) | undefined;
}

/**
 * One request budget for each origin and key, shared by all tasks of the key: requests in flight, requests a minute,
 * and one pause for all whenever the service sends Retry-After. Requests wait here, not in the transport, whose time
 * limits therefore start at admission. A 429 slows the tasks of the key down and loses none.
 */
export interface Gate {
  /**
   * Subscribes to the request as soon as the budget allows: at once where there is room. A request that is refused with
   * 401 by a key that was accepted before may be subscribed to a second time.
   */
  admit<T>(ticket: GateTicket, request: Observable<T>): Observable<T>;
  /** What the budget of an origin and key is used for now. Without it `tracker.stats()` shows no requests. */
  stats?(ticket: GateTicket): GateStats;
}

/**
 * Returns a gate of your own, instead of the one that the whole process shares.
 *
 * @throws TypeError at call time for an unknown option; RangeError for a limit below 1.
 *
 * @example
 * createTracker({ provider: alad({ apiKey }), gate: createGate({ requestsPerMinute: 60 }) })
 */
export function createGate(options: GateOptions = {}): Required<Gate> {
  checkOptions('createGate', 'createGate({ requestsPerMinute })', options, ['maxInFlight', 'requestsPerMinute']);
  const { maxInFlight = 32, requestsPerMinute } = options;
  checkNumber('maxInFlight', maxInFlight, maxInFlight >= 1 && maxInFlight < Infinity, 'a number of at least 1');
  if (requestsPerMinute !== undefined) {
    const remedy = 'a number of at least 1, or Infinity if there is no limit';
    checkNumber('requestsPerMinute', requestsPerMinute, requestsPerMinute >= 1, remedy);
  }
  const origins = new Map<string, KeyLimiters>();

  const limiterOf = ({ origin, key }: GateTicket): KeyLimiter => {
    let limiters = origins.get(origin);
    if (!limiters) origins.set(origin, (limiters = new KeyLimiters()));
    return limiters.of(key) ?? limiters.add(key, new KeyLimiter(maxInFlight, new Rate(requestsPerMinute)));
  };

  return {
    admit: (ticket, request) =>
      new Observable((subscriber) => {
        const pending = new PendingRequest(limiterOf(ticket), request, subscriber, ticket.urgency);
        pending.limiter.enqueue(pending);
        return pending;
      }),
    stats: ({ origin, key }) => origins.get(origin)?.of(key)?.stats() ?? { waiting: 0, inFlight: 0 },
  };
}

/** The limiters of one origin. Without a timer: those that are not used any more are dropped when new ones come. */
class KeyLimiters {
  readonly #byKey = new Map<unknown, KeyLimiter>();
  /** The size at which the next sweep is due: twice what the last one left, so that all sweeps together stay linear. */
  #sweepAt = 1;

  of(key: unknown): KeyLimiter | undefined {
    return this.#byKey.get(key);
  }

  add(key: unknown, limiter: KeyLimiter): KeyLimiter {
    if (this.#byKey.size >= this.#sweepAt) {
      for (const [other, { isForgettable }] of this.#byKey) if (isForgettable) this.#byKey.delete(other);
      this.#sweepAt = Math.max(1, 2 * this.#byKey.size);
    }
    this.#byKey.set(key, limiter);
    return limiter;
  }
}

/** The gate of the process: all requests to one origin with one key share its budget. */
export const sharedGate: Gate = /* @__PURE__ */ createGate();
