import { asyncScheduler, type Observable, type Observer, type Subscription } from 'rxjs';
import { isQueryError, QueryError, TrackingError, type TrackingErrorReason } from '../errors.js';
import { assignDefined } from '../fields.js';
import { isTerminal, type Task } from '../task.js';
import type { CheckedPollConfig } from './poll-config.js';
import { draw, LONGEST_DELAY, now, rest, type Due, type Wait } from './timer.js';

const MAX_RETRY_AFTER = 900_000;

/** When to ask, and who waits for it. */
export interface PollPlan extends CheckedPollConfig {
  readonly wait: Wait;
}

/** What is known of a task before it is asked about. */
export interface PollRef {
  readonly id?: string;
  readonly provider?: string;
  /** Epoch ms. A deadline in ms counts from it. */
  readonly createdAt?: number | undefined;
}

/** Misses in a row. */
interface Misses {
  count: number;
  /** What the last of them were about, how many such there are in a row, and since when. */
  about: string;
  repeats: number;
  since: number;
}

/**
 * The poll loop of one task: asks, and asks again after each answer or miss until a terminal answer or the end of
 * patience. Whoever extends it says what to ask and how often, and is told what comes of it.
 *
 * One object waits for one thing at a time: 180 bytes a task, where a timer for the deadline beside that of the next ask
 * takes 400, and closures 1,100.
 */
export abstract class Poll<T extends Task = Task> implements Due, Observer<T> {
  wait: Due['wait'];
  isRunning = false;
  protected abstract readonly plan: PollPlan;
  abstract readonly ref: PollRef;
  /** The last answer, as far as it is kept. */
  protected last: T | undefined;
  #isAsking = false;
  /** What is waited for is the deadline. */
  #isLast = false;
  /** Somebody called since the last ask. */
  #isWanted = false;
  #startedAt = 0;
  #deadlineAt = 0;
  #askedAt: number | undefined;
  #answeredAt = 0;
  /** The service said Retry-After: no ask sooner, whoever calls. */
  #holdUntil: number | undefined;
  #misses: Misses | undefined;
  #inFlight: Subscription | undefined;
  #notifier: Subscription | undefined;

  /** Asks once. */
  protected abstract ask(): Observable<T>;
  /** How long to wait after an ask, in ms. */
  protected abstract interval(): number;
  /** The shortest time from one ask to the next, in ms. */
  protected abstract floor(): number;

  /** An answer came. */
  protected abstract emit(answer: T): void;
  /** It was a terminal one, and has been emitted. */
  protected abstract finish(): void;
  /** A TrackingError, or what a function of the caller threw. */
  protected abstract fail(error: unknown): void;

  /** Asks at once, or after `initialDelay`; never before a floor or a Retry-After of an earlier run allows. */
  start(): void {
    const { deadline, notifier, initialDelay } = this.plan;
    // Dates are by the wall's clock; all waits are by one that nobody sets.
    const wall = asyncScheduler.now();
    const from = deadline instanceof Date ? 0 : Math.min(wall, this.ref.createdAt ?? wall);
    const time = (this.#startedAt = this.#answeredAt = now());
    this.#deadlineAt = this.#startedAt + Math.max(0, from + +deadline - wall);
    this.#misses = undefined;
    this.isRunning = true;
    const delay = Math.max(initialDelay, this.#untilAllowed(time));
    if (delay > 0) this.#waitFor(delay, time);
    this.#notifier = notifier?.subscribe({
      next: () => {
        this.#isWanted = true;
        const time = now();
        if (!this.#isAsking) this.#waitFor(this.#untilAllowed(time), time);
      },
      error: (error: unknown) => {
        this.#end(error);
      },
    });
    // The notifier may have ended it already.
    if (!this.isRunning) this.stop();
    else if (delay <= 0) this.#ask();
  }

  stop(): void {
    this.isRunning = this.#isAsking = false;
    rest(this);
    this.#inFlight?.unsubscribe();
    this.#notifier?.unsubscribe();
  }

  /** A wait is over. */
  run(): void {
    // At least one query is tried, however short the deadline.
    if (this.#isLast && (this.#askedAt ?? -Infinity) >= this.#startedAt) this.#giveUp('deadline');
    else this.#ask();
  }

  /** ms since an ask brought something, or since the start. */
  protected get unseen(): number {
    return now() - this.#answeredAt;
  }

  /** The request goes only now: it had to wait its turn. */
  sent(): void {
    this.#askedAt = now();
  }

  #ask(): void {
    rest(this);
    this.#inFlight?.unsubscribe();
    this.#isAsking = true;
    this.#isWanted = false;
    this.#askedAt = now();
    const inFlight = this.ask().subscribe(this);
    // What is over is not held on to while the next ask is waited for.
    this.#inFlight = inFlight.closed ? undefined : inFlight;
    if (!this.isRunning) this.stop();
    else if (this.#isAsking) {
      // What is asked after the deadline is given an ordinary wait to be answered.
      const patience = this.#deadlineAt - now();
      this.#isLast = true;
      this.plan.wait(this, patience > 0 ? patience : this.interval());
    }
  }

  // What the query says.

  next(task: T): void {
    this.#handle(this.#answered, task);
  }

  error(error: unknown): void {
    this.#handle(this.#missed, error);
  }

  complete(): void {
    this.#inFlight = undefined;
    // The wait counts from the end of a query. One that never ends is waited for no longer than its answer says.
    if (!this.#isAsking && this.isRunning && now() > this.#answeredAt) this.#goOn();
    if (this.#isAsking) this.error(new QueryError('malformed', 'no answer', { code: 'empty' }));
  }

  /** What a caller's function throws goes down the stream, instead of leaving its consumer to hang. */
  #handle<O>(handler: (outcome: O) => void, outcome: O): void {
    if (!this.#isAsking) return;
    this.#isAsking = false;
    this.#answeredAt = now();
    try {
      handler.call(this, outcome);
    } catch (error) {
      this.#end(error);
    }
  }

  #answered(task: T): void {
    this.#misses = this.#holdUntil = undefined;
    this.emit(task);
    if (!this.isRunning) return;
    if (isTerminal(task)) {
      this.stop();
      this.finish();
    } else this.#goOn();
  }

  #missed(error: unknown): void {
    const end = isQueryError(error) ? this.#verdict(error) : error instanceof TrackingError ? error.reason : 'query';
    if (end) {
      this.#giveUp(end, error);
      return;
    }
    const { kind, retryAfterMs } = error as QueryError;
    const { delay, maxDelay, onMiss, random } = this.plan;
    const misses = this.#misses?.count ?? 0;
    this.#holdUntil = this.#answeredAt + Math.min(retryAfterMs || 0, MAX_RETRY_AFTER);
    const backOff = draw(random) * Math.min(maxDelay, delay * 2 ** Math.min(misses, 30));
    const nextPollIn = this.#pause(this.#answeredAt, Math.round(backOff));
    const miss = { ...this.#who(error), kind, misses, nextPollIn, error: error as QueryError };
    onMiss?.(assignDefined(miss, { last: this.last }));
    // Whoever called in the meantime does not wait as long.
    if (this.isRunning) this.#goOn(this.#isWanted ? undefined : nextPollIn);
  }

  /** Counts a query without an answer; gives the reason to give up, if it is one. */
  #verdict({ kind, code, retryable }: QueryError): TrackingErrorReason | undefined {
    if (kind === 'expired') return kind;
    const { notFoundGrace, count } = this.plan;
    const isNotFound = kind === 'not-found';
    if (!retryable && !isNotFound) return 'query';
    const misses = (this.#misses ??= { count: 0, about: '', repeats: 0, since: 0 });
    if (kind !== 'rate-limited') misses.count++;
    // Just after its creation a task may not be stored yet: what is not found then does not count.
    const isGrace = isNotFound && this.#answeredAt - this.#startedAt < notFoundGrace;
    const about = isGrace || code === 'empty' ? '' : code === 'no-video' ? code : kind;
    if (misses.about !== about) misses.repeats = 0;
    if (misses.repeats++ === 0) misses.since = this.#answeredAt;
    misses.about = about;

    const isFifth = misses.repeats >= 5;
    if (isFifth && about === 'no-video') return about;
    const isWrongPlace = isFifth && about === 'malformed' && !this.last;
    const isGone = about === 'not-found' && misses.repeats >= 3 && this.#answeredAt - misses.since >= notFoundGrace;
    return isWrongPlace || isGone || misses.count > count ? 'query' : undefined;
  }

  // To read the clock is a tenth of what a poll costs: it is read once for all that is done at a time.

  #goOn(pause?: number): void {
    const time = now();
    if (time < this.#deadlineAt) this.#waitFor(pause ?? this.#pause(time), time);
    else this.#giveUp('deadline');
  }

  /** Waits for the next ask, or for the deadline if that is sooner. */
  #waitFor(ms: number, time: number): void {
    // A call may come after the deadline, and before its timer.
    const patience = Math.max(0, this.#deadlineAt - time);
    this.#isLast = ms >= patience;
    this.plan.wait(this, Math.min(ms, patience));
  }

  /** How long to wait after an answer, or, with a back-off, after a miss. */
  #pause(time: number, backOff = 0): number {
    const allowed = this.#untilAllowed(time);
    if (this.#isWanted) return allowed;
    return Math.min(LONGEST_DELAY, Math.max(allowed, this.floor(), this.interval(), backOff));
  }

  /** How long the floor and a Retry-After still forbid to ask, in ms. */
  #untilAllowed(time: number): number {
    // A clock that was set back makes no floor longer than itself.
    const floor = this.floor() + Math.min(0, (this.#askedAt ?? -Infinity) - time);
    return Math.max(0, floor, (this.#holdUntil ?? -Infinity) - time);
  }

  #who(error: unknown): { readonly provider: string; readonly id: string } {
    const { provider = '', id = '' }: PollRef = { ...(error as PollRef), ...this.last, ...this.ref };
    return { provider, id };
  }

  #giveUp(reason: TrackingErrorReason, cause?: unknown): void {
    const who = this.#who(cause);
    const last = this.last;
    let message = `${who.provider} task ${who.id}: tracking ended [${reason}]`;
    if (cause instanceof Error) message += `: ${cause.message.replace(/\.$/, '')}`;
    // Times from outside may be no dates: toJSON does not mind.
    message += last ? ` (${last.status} at ${new Date(last.observedAt).toJSON()})` : ' (no answer)';
    if (reason === 'query' || reason === 'deadline') message += '. It may still be running: track it again by its id';
    this.#end(new TrackingError(reason, message, { ...who, misses: this.#misses?.count ?? 0, cause, last }));
  }

  #end(error: unknown): void {
    if (!this.isRunning) return;
    this.stop();
    this.fail(error);
  }
}
