import { asyncScheduler, type Observable, type Observer, type Subscriber, type Subscription } from 'rxjs';
import { steadyNow } from '../clock.js';
import { isQueryError, QueryError } from '../errors.js';
import { Queue, type Waiter } from '../queue.js';
import type { Rate } from './rate.js';

/** So many failures to reach the host in a row, and it is taken to be down. */
const DOWN_AFTER = 5;
const LONGEST_PAUSE = 900_000;

/** A request on its way through a lane: waiting, then in flight, then gone. Hears the request for its subscriber. */
export class Visit implements Observer<unknown>, Waiter<Visit> {
  before: Visit | undefined;
  after: Visit | undefined;
  admittedAt = 0;
  isFlying = false;
  flight: Subscription | undefined;

  constructor(
    readonly lane: Lane,
    readonly request: Observable<unknown>,
    readonly subscriber: Subscriber<never>,
    readonly urgency: (() => number) | undefined,
  ) {}

  next(value: unknown): void {
    this.lane.reached(this);
    this.subscriber.next(value as never);
  }

  error(error: unknown): void {
    this.lane.heed(error, this);
    this.lane.land(this);
    this.subscriber.error(error);
  }

  complete(): void {
    this.lane.land(this);
    this.subscriber.complete();
  }

  unsubscribe(): void {
    this.lane.leave(this);
  }
}

/** The budget of one key at one origin. */
export class Lane {
  readonly #waiting = new Queue<Visit>();
  #flying = 0;
  #pausedUntil = 0;
  #pause = 0;
  /** Throttling replies in a row, and when the last of them came. */
  #throttles = 0;
  #throttledAt = -Infinity;
  /** Failures to reach the host, in a row. */
  #failures = 0;
  #isAdmitting = false;
  #timer: Subscription | undefined;

  constructor(
    private readonly maxInFlight: number,
    private readonly rate: Rate,
  ) {}

  /** Whether nothing that still matters would be lost with it. */
  get isForgettable(): boolean {
    const now = steadyNow();
    return this.#waiting.size + this.#flying === 0 && now >= this.#pausedUntil && this.rate.hasRecovered(now);
  }

  enter(visit: Visit): void {
    this.#waiting.add(visit);
    this.#admit();
  }

  leave(visit: Visit): void {
    this.#waiting.delete(visit);
    visit.flight?.unsubscribe();
    if (visit.isFlying) this.land(visit);
    else if (this.#waiting.size === 0) this.#restTimer();
  }

  /** Lets in who may go now, and comes back when the next one may. */
  #admit(): void {
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    while (this.#waiting.size > 0 && this.#hasRoom) {
      const now = steadyNow();
      const wait = Math.max(this.rate.wait(now), Math.min(this.#pause, this.#pausedUntil - now));
      if (wait > 0) {
        this.#comeBackIn(wait);
        break;
      }
      this.#send(this.#next(), now);
    }
    this.#isAdmitting = false;
  }

  /**
   * A host that is down gets one request at a time, and so does a key whose pause was too short. The others are deferred,
   * never failed.
   */
  get #hasRoom(): boolean {
    const isProbed = this.#failures >= DOWN_AFTER || this.#throttles > 1;
    return this.#flying < (isProbed ? 1 : this.maxInFlight);
  }

  #comeBackIn(ms: number): void {
    this.#timer ??= asyncScheduler.schedule(() => {
      this.#timer = undefined;
      this.#admit();
    }, Math.ceil(ms));
  }

  #restTimer(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
  }

  /** The most urgent of those who wait; the oldest, unless the rate makes it worth while to look. */
  #next(): Visit {
    let next = this.#waiting.first as Visit;
    if (this.rate.gap === 0) return next;
    let most = -Infinity;
    for (let visit: Visit | undefined = next; visit; visit = visit.after) {
      const urgency = visit.urgency?.() || 0;
      if (urgency <= most) continue;
      most = urgency;
      next = visit;
    }
    return next;
  }

  #send(visit: Visit, now: number): void {
    this.#waiting.delete(visit);
    this.#flying += 1;
    visit.isFlying = true;
    this.rate.spend(now);
    visit.admittedAt = now;
    const flight = visit.request.subscribe(visit);
    if (visit.isFlying) visit.flight = flight;
    else flight.unsubscribe();
  }

  // What a visit tells of its request.

  reached(visit: Visit): void {
    this.#failures = 0;
    if (!this.#isNews(visit)) return;
    this.#throttles = 0;
    this.rate.succeeded(steadyNow());
  }

  land(visit: Visit): void {
    visit.isFlying = false;
    visit.flight = undefined;
    this.#flying -= 1;
    this.#admit();
  }

  /** Whether it went after the key was throttled last: what was on its way already tells nothing new. */
  #isNews({ admittedAt }: Visit): boolean {
    return admittedAt > this.#throttledAt;
  }

  /** What one failed request tells about all others of the key. */
  heed(error: unknown, visit: Visit): void {
    if (!isQueryError(error)) return;
    const { kind, retryAfterMs } = error;
    if (kind === 'network' || kind === 'timeout') {
      this.#failures += 1;
      return;
    }
    this.#failures = 0;
    const now = steadyNow();
    const isThrottled = kind === 'rate-limited';
    const isNews = isThrottled && this.#isNews(visit);
    if (isNews) {
      this.#throttles += 1;
      this.#throttledAt = now;
    }
    if (retryAfterMs !== undefined || isThrottled) {
      const backOff = Math.max(1_000, 4 * this.rate.gap) * 2 ** Math.max(0, this.#throttles - 1);
      // Whoever is throttled again at the time that was told was told too early.
      const isOwn = isThrottled && (retryAfterMs === undefined || this.#throttles > 1);
      const ms = Math.min(LONGEST_PAUSE, Math.max(retryAfterMs ?? 0, isOwn ? Math.min(30_000, backOff) : 0));
      if (now + ms > this.#pausedUntil) {
        this.#pause = ms;
        this.#pausedUntil = now + ms;
      }
    }
    if (isNews) this.rate.throttled(now, this.#pausedUntil, retryAfterMs !== undefined);
    if (kind === 'unauthorized') this.#dismiss(error);
  }

  /** The key is refused: those who wait would hear the same. */
  #dismiss({ kind, code, httpStatus }: QueryError): void {
    const message = 'the API key was refused for another task, so this one was not asked about';
    const refused: Visit[] = [];
    for (let { first } = this.#waiting; first; first = this.#waiting.first) {
      this.#waiting.delete(first);
      refused.push(first);
    }
    for (const { subscriber } of refused) subscriber.error(new QueryError(kind, message, { code, httpStatus }));
  }
}
