import { Observable } from 'rxjs';
import { Lane, Visit } from './key-limiter.js';
import { Rate } from './rate.js';

export interface GateOptions {
  /** Requests that may be in flight at once for one key. @default 32 */
  readonly maxInFlight?: number;
  /**
   * What the key allows, spread evenly. Without it the rate is unbounded until the service throttles, and is then learned
   * from what it let through. @default undefined
   */
  readonly requestsPerMinute?: number;
}

/** Whose budget a request comes out of. */
export interface GateTicket {
  readonly origin: string;
  /** A key by value, a function that gives keys by identity. */
  readonly key: unknown;
  /** How much is lost by waiting, asked when there is room for one of several that wait: the largest goes first, else the oldest. */
  readonly urgency?: (() => number) | undefined;
}

/**
 * One request budget for each origin and key, shared by all who ask with that key: so many requests in flight, so many a
 * minute, and one pause for all whenever the service says Retry-After. Requests wait here, not in the transport, whose
 * time limits therefore begin at admission. A throttled key slows its tasks down and loses none.
 */
export interface Gate {
  /** The request, when its turn has come. Admission is synchronous where there is room. */
  admit<T>(ticket: GateTicket, request: Observable<T>): Observable<T>;
}

/**
 * A gate of your own, in place of the one that the whole process shares.
 *
 * @throws RangeError at call time for limits below 1.
 *
 * @example
 * createTracker({ provider: alad({ apiKey }), gate: createGate({ requestsPerMinute: 60 }) })
 */
export function createGate(options: GateOptions = {}): Gate {
  const { maxInFlight = 32, requestsPerMinute } = options;
  for (const [name, value] of Object.entries({ maxInFlight, requestsPerMinute })) {
    if (value !== undefined && !(Number.isFinite(value) && value >= 1)) {
      throw new RangeError(`${name}: ${String(value)} is not usable; write a number of at least 1`);
    }
  }
  const origins = new Map<string, Map<unknown, Lane>>();

  const laneOf = ({ origin, key }: GateTicket): Lane => {
    let lanes = origins.get(origin);
    if (!lanes) origins.set(origin, (lanes = new Map<unknown, Lane>()));
    let lane = lanes.get(key);
    if (!lane) {
      // No timer clears what is remembered of a key; the next new one does.
      for (const [other, { isForgettable }] of lanes) if (isForgettable) lanes.delete(other);
      lanes.set(key, (lane = new Lane(maxInFlight, new Rate(requestsPerMinute))));
    }
    return lane;
  };

  return {
    admit: (ticket, request) =>
      new Observable((subscriber) => {
        const visit = new Visit(laneOf(ticket), request, subscriber, ticket.urgency);
        visit.lane.enter(visit);
        return visit;
      }),
  };
}

/** The gate of the process: whoever asks the same origin with the same key shares its budget. */
export const sharedGate: Gate = /* @__PURE__ */ createGate();
