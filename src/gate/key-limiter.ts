import { asyncScheduler, type Observable, type Observer, type Subscriber, type Subscription } from 'rxjs';
import { steadyNow } from '../clock.js';
import { LONGEST_RETRY_AFTER } from '../durations.js';
import { isQueryError, QueryError } from '../errors.js';
import { AdmissionQueue, type Admissible } from './admission-queue.js';
import type { Rate } from './rate.js';

/** A host counts as down after so many failures in a row to reach it. */
const DOWN_AFTER = 5;
/** ms that an accepted key is remembered while it is not used. */
const REMEMBER_ACCEPTED = 900_000;

/** The requests of one key at one origin, as they are now. */
export interface GateStats {
  /** Requests that wait for the budget. */
  readonly waiting: number;
  /** Requests that were sent and have no reply yet. */
  readonly inFlight: number;
  /** The limit in effect, configured or learned from 429s; absent where none is known. */
  readonly requestsPerMinute?: number;
}

/** A request on its way through the limiter of its key: waiting, then in flight, then done. */
export class PendingRequest implements Observer<unknown>, Admissible<PendingRequest> {
  before: PendingRequest | undefined;
  after: PendingRequest | undefined;
  position = 0;
  admittedAt = 0;
  isInFlight = false;
  isAnswered = false;
  /** Whether it was refused once, by a key that had been accepted before. */
  isRepeated = false;
  subscription: Subscription | undefined;

  constructor(
    readonly limiter: KeyLimiter,
    readonly request: Observable<unknown>,
    readonly subscriber: Subscriber<never>,
    readonly urgency: (() => number) | undefined,
  ) {}

  next(value: unknown): void {
    this.isAnswered = true;
    this.limiter.onReply(this);
    this.subscriber.next(value as never);
  }

  error(error: unknown): void {
    const goesAgain = this.limiter.onError(error, this);
    this.limiter.release(this);
    if (!goesAgain) this.subscriber.error(error);
  }

  complete(): void {
    this.limiter.release(this);
    this.subscriber.complete();
  }

  unsubscribe(): void {
    this.limiter.leave(this);
  }
}

/** The request budget of one key at one origin. */
export class KeyLimiter {
  readonly #maxInFlight: number;
  readonly #rate: Rate;
  readonly #waiting = new AdmissionQueue<PendingRequest>();
  #inFlight = 0;
  #lastAdmittedAt = 0;
  #pausedUntil = 0;
  /** The length of that pause, in ms. */
  #pause = 0;
  /**
   * 429s in a row, one an epoch, and the time of the last one. An epoch lasts from one 429 to the next: LearnedRate.
   */
  #throttles = 0;
  #throttledAt = -Infinity;
  /** Failures in a row to reach the host. */
  #failures = 0;
  /** Whether the key was accepted by the last reply that shows it. */
  #isAccepted = false;
  /** Requests that were refused although the key had been accepted: they wait for its confirmation. */
  readonly #refused = new Set<PendingRequest>();
  /** Whether an accepted key was refused, and its confirmation is not in yet. */
  #isInDoubt = false;
  /** The one request that is in flight meanwhile. */
  #confirmation: PendingRequest | undefined;
  #isAdmitting = false;
  #timer: Subscription | undefined;
  /** When it is due. */
  #timerAt = 0;

  constructor(maxInFlight: number, rate: Rate) {
    this.#maxInFlight = maxInFlight;
    this.#rate = rate;
  }

  /** Whether nothing that still matters would be lost with it. */
  get isForgettable(): boolean {
    const now = steadyNow();
    const isIdle = this.#queued + this.#inFlight === 0;
    const isStale = !this.#isAccepted || now - this.#lastAdmittedAt > REMEMBER_ACCEPTED;
    return isIdle && isStale && now >= this.#pausedUntil && this.#rate.hasRecovered(now);
  }

  stats(): GateStats {
    const counts = { waiting: this.#queued, inFlight: this.#inFlight };
    const { perMinute } = this.#rate;
    return perMinute < Infinity ? { ...counts, requestsPerMinute: perMinute } : counts;
  }

  enqueue(pending: PendingRequest): void {
    this.#waiting.add(pending);
    this.#admit();
  }

  /**
   * Its subscriber has unsubscribed. The next request is admitted in a later turn: many may unsubscribe in this one.
   */
  leave(pending: PendingRequest): void {
    this.#waiting.delete(pending);
    this.#refused.delete(pending);
    pending.subscription?.unsubscribe();
    if (this.#queued === 0) this.#cancelTimer();
    if (!pending.isInFlight) return;
    this.#free(pending);
    if (this.#queued > 0 && this.#hasRoom) this.#admitIn(0, steadyNow());
  }

  /** Its request has ended. */
  release(pending: PendingRequest): void {
    this.#free(pending);
    this.#admit();
  }

  #free(pending: PendingRequest): void {
    pending.isInFlight = false;
    pending.subscription = undefined;
    this.#inFlight -= 1;
    if (this.#confirmation === pending) this.#confirmation = undefined;
  }

  /** Sends the requests that the budget allows now, and schedules the next admission. */
  #admit(): void {
    if (this.#isAdmitting) return;
    this.#isAdmitting = true;
    while (this.#queued > 0 && this.#hasRoom) {
      const now = steadyNow();
      const wait = Math.max(this.#rate.wait(now), Math.min(this.#pause, this.#pausedUntil - now));
      if (wait > 0) {
        this.#admitIn(wait, now);
        break;
      }
      this.#send(this.#next(), now);
    }
    if (this.#queued === 0 || !this.#hasRoom) this.#rate.onIdle();
    this.#isAdmitting = false;
  }

  get #queued(): number {
    return this.#waiting.size + this.#refused.size;
  }

  /**
   * A host that is down gets one request at a time, and so does a key that is in doubt or whose pause was too short.
   */
  get #hasRoom(): boolean {
    if (this.#isInDoubt && this.#confirmation) return false;
    const isOneAtATime = this.#failures >= DOWN_AFTER || this.#throttles > 1;
    return this.#inFlight < (isOneAtATime ? 1 : this.#maxInFlight);
  }

  #admitIn(ms: number, now: number): void {
    const delay = Math.ceil(ms);
    // A timer is lost where a test takes its fake timers away, and may be due later than is needed by now.
    if (this.#timer && now <= this.#timerAt && this.#timerAt <= now + delay) return;
    this.#cancelTimer();
    this.#timerAt = now + delay;
    this.#timer = asyncScheduler.schedule(() => {
      this.#timer = undefined;
      this.#admit();
    }, delay);
  }

  #cancelTimer(): void {
    this.#timer?.unsubscribe();
    this.#timer = undefined;
  }

  /** By age while no limit is known: urgencies are worth their cost only where requests compete. */
  #next(): PendingRequest {
    const next = this.#rate.isLimited ? this.#waiting.mostUrgent : this.#waiting.oldest;
    // A refused request confirms its own refusal only where no other one can.
    return next ?? (this.#refused.values().next().value as PendingRequest);
  }

  #send(pending: PendingRequest, now: number): void {
    this.#waiting.delete(pending);
    this.#refused.delete(pending);
    if (this.#isInDoubt) this.#confirmation = pending;
    this.#inFlight += 1;
    this.#lastAdmittedAt = now;
    this.#rate.onAdmitted(now);
    pending.isInFlight = true;
    pending.admittedAt = now;
    const subscription = pending.request.subscribe(pending);
    if (pending.isInFlight) pending.subscription = subscription;
    else subscription.unsubscribe();
  }

  onReply(pending: PendingRequest): void {
    this.#failures = 0;
    this.#isAccepted = true;
    if (this.#confirmation === pending) this.#endDoubt();
    // A success of the last epoch shows that the pause before it was long enough.
    if (this.#isAfterThrottle(pending)) this.#throttles = 0;
    else if (this.#rate.isOfLastEpoch(pending.admittedAt)) this.#throttles = Math.min(1, this.#throttles);
    this.#rate.onSuccess(steadyNow(), pending.admittedAt);
  }

  /** Requests that were in flight already when the key was throttled show nothing about the time after it. */
  #isAfterThrottle({ admittedAt }: PendingRequest): boolean {
    return admittedAt > this.#throttledAt;
  }

  /**
   * Applies what one failed request shows about the others of its key. Returns whether the request waits to go
   * again.
   */
  onError(error: unknown, pending: PendingRequest): boolean {
    // Without a key nothing was sent.
    if (!isQueryError(error) || error.code === 'api-key') return false;
    const { kind, httpStatus, retryAfterMs } = error;
    if ((kind === 'network' || kind === 'timeout') && httpStatus === undefined) {
      this.#failures += 1;
      return false;
    }
    this.#failures = 0;
    if (isAboutTask(error)) this.onReply(pending);
    if (kind === 'unauthorized') return this.#onRefused(error, pending);
    if (kind === 'rate-limited' || retryAfterMs !== undefined) this.#onThrottled(error, pending);
    return false;
  }

  #onThrottled({ kind, retryAfterMs }: QueryError, pending: PendingRequest): void {
    const now = steadyNow();
    const is429 = kind === 'rate-limited';
    const isFirstOfEpoch = is429 && this.#isAfterThrottle(pending);
    if (isFirstOfEpoch) {
      this.#throttles += 1;
      this.#throttledAt = now;
    }
    const backOff = Math.max(1_000, 4 * this.#rate.gap) * 2 ** Math.max(0, this.#throttles - 1);
    // A second 429 right after Retry-After means that Retry-After was too short.
    const needsBackOff = is429 && (retryAfterMs === undefined || this.#throttles > 1);
    const ms = Math.min(LONGEST_RETRY_AFTER, Math.max(retryAfterMs ?? 0, needsBackOff ? Math.min(30_000, backOff) : 0));
    if (now + ms > this.#pausedUntil) {
      this.#pause = ms;
      this.#pausedUntil = now + ms;
    }
    if (!isFirstOfEpoch) return;
    const { admittedAt } = pending;
    const hasRetryAfter = retryAfterMs !== undefined;
    this.#rate.onThrottled({ now, admittedAt, resumeAt: this.#pausedUntil, hasRetryAfter });
  }

  /**
   * One 401 may be the service's mistake, or be about one task. So a key that was accepted before is confirmed by one
   * further request, while the others wait.
   */
  #onRefused(error: QueryError, pending: PendingRequest): boolean {
    const isConfirmation = this.#confirmation === pending;
    // A request that was refused twice may be about a task that is not this account's: one that came since is asked.
    if (isConfirmation && pending.isRepeated && this.#waiting.size > 0) return false;
    if (!this.#isAccepted || isConfirmation) {
      this.#isAccepted = false;
      this.#endDoubt();
      this.#dismiss(error);
      return false;
    }
    if (pending.isRepeated || pending.isAnswered) return false;
    this.#isInDoubt = true;
    pending.isRepeated = true;
    this.#refused.add(pending);
    return true;
  }

  #endDoubt(): void {
    this.#isInDoubt = false;
    this.#confirmation = undefined;
    for (const pending of this.#refused) this.#waiting.add(pending);
    this.#refused.clear();
  }

  /** Errors the requests that wait: the key is refused, so they would get the same reply. */
  #dismiss({ kind, code, httpStatus }: QueryError): void {
    const message = 'the API key was refused for another task; check the key and its quota';
    const dismissed: PendingRequest[] = [];
    for (let { oldest } = this.#waiting; oldest; oldest = this.#waiting.oldest) {
      this.#waiting.delete(oldest);
      dismissed.push(oldest);
    }
    for (const { subscriber } of dismissed) subscriber.error(new QueryError(kind, message, { code, httpStatus }));
  }
}

/**
 * Whether the service has looked for the task: then the key is neither refused nor throttled. Other replies show less:
 * a 403, a 5xx or a page may come from a proxy in front of the service, and a reply about another task from a cache.
 */
function isAboutTask({ kind, code }: QueryError): boolean {
  return kind === 'not-found' || kind === 'expired' || code === 'no-video';
}
