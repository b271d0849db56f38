import { asyncScheduler, type Observable, type Observer, type Subscription } from 'rxjs';
import { assignDefined, isQueryError, QueryError, TrackingError, type TrackingErrorReason } from '../errors.js';
import { isTerminal, type Task } from '../task.js';
import type { CheckedPollConfig } from './poll-config.js';
import { draw, LONGEST_DELAY, now, type Due, type Wait } from './time.js';

const MAX_RETRY_AFTER = 900_000;

/** How long to wait, and for what; the tracker's depend on the task's model. All in ms. */
export interface PollPlan<Ref = unknown> extends Omit<CheckedPollConfig, 'interval' | 'minInterval'> {
  /** The wait after an ask when no answer has said how long. */
  readonly interval: (ref: Ref) => number;
  /** The shortest time from one ask to the next. */
  readonly floor: (ref: Ref, last: Task | undefined) => number;
  readonly wait: Wait;
}

/** What is known of a task before it is asked about. */
export interface PollRef {
  readonly id?: string;
  readonly provider?: string;
  /** Epoch ms. A deadline in ms counts from it. */
  readonly createdAt?: number | undefined;
}

/**
 * The poll loop of one task: asks, and asks again after each answer or miss until a terminal answer or the end of
 * patience. Its observer gets every answer; completion after the terminal one; a TrackingError, or what a function of
 * the caller threw.
 */
export class Poll<Ref extends PollRef = PollRef> implements Due {
  wait: Due['wait'];
  isRunning = false;
  readonly #source: Observable<Task>;
  readonly #plan: PollPlan<Ref>;
  readonly #observer: Observer<Task>;
  readonly #ref: Ref;
  #last: Task | undefined;
  #isAsking = false;
  /** Time is up, but no query has been answered yet. */
  #isOverdue = false;
  /** Somebody called since the last ask. */
  #isWanted = false;
  #startedAt = 0;
  #askedAt = -Infinity;
  #answeredAt = 0;
  /** The service said Retry-After: no ask sooner, whoever calls. */
  #holdUntil = 0;
  /** Misses in a row; then what the last of them were about, how many such there are in a row, and since when. */
  #misses = 0;
  #about = '';
  #repeats = 0;
  #since = 0;
  #deadline: Due | undefined;
  #inFlight: Subscription | undefined;
  #notifier: Subscription | undefined;

  constructor(source: Observable<Task>, plan: PollPlan<Ref>, observer: Observer<Task>, ref: Ref) {
    this.#source = source;
    this.#plan = plan;
    this.#observer = observer;
    this.#ref = ref;
  }

  /** Asks at once, or after `initialDelay`; never before a floor or a Retry-After of an earlier run allows. */
  start(): void {
    const { deadline, notifier, initialDelay, wait } = this.#plan;
    this.#startedAt = now();
    const { createdAt = Infinity } = this.#ref;
    // Dates are by the wall's clock; all waits are by one that nobody sets.
    const wall = asyncScheduler.now();
    const patience = deadline instanceof Date ? +deadline - wall : deadline - Math.max(0, wall - createdAt);
    const delay = Math.max(initialDelay, this.#untilAllowed);
    this.isRunning = true;
    this.#misses = this.#repeats = 0;
    this.#isOverdue = patience <= 0;
    const deadlineDue: Due = {
      run: () => {
        // At least one query is tried, however short the deadline, and given an ordinary wait to be answered.
        this.#isOverdue = true;
        if (this.#askedAt >= this.#startedAt) this.#giveUp('deadline');
        else {
          wait(deadlineDue, this.#plan.interval(this.#ref));
          this.run();
        }
      },
    };
    this.#deadline = deadlineDue;
    wait(deadlineDue, this.#isOverdue ? this.#plan.interval(this.#ref) : patience);
    if (delay > 0) wait(this, delay);
    this.#notifier = notifier?.subscribe({
      next: () => {
        this.#isWanted = true;
        if (!this.#isAsking) wait(this, this.#untilAllowed);
      },
      error: (error: unknown) => {
        this.#end(error);
      },
    });
    // The notifier may have ended it already.
    if (!this.isRunning) this.stop();
    else if (delay <= 0) this.run();
  }

  stop(): void {
    // It may have waited at the gate, and gone only now: the floor counts from here.
    if (this.#isAsking) this.#askedAt = now();
    this.isRunning = this.#isAsking = false;
    for (const left of [this.wait, this.#deadline?.wait, this.#inFlight, this.#notifier]) left?.unsubscribe();
  }

  /** Asks. */
  run(): void {
    this.wait?.unsubscribe();
    this.#inFlight?.unsubscribe();
    this.#isAsking = true;
    this.#isWanted = false;
    this.#askedAt = now();
    const inFlight = this.#source.subscribe({
      next: (task) => {
        this.#handle(this.#answered, task);
      },
      error: (error: unknown) => {
        this.#handle(this.#missed, error);
      },
      complete: () => {
        this.#inFlight = undefined;
        // The wait counts from the end of a query. One that never ends is waited for no longer than its answer says.
        if (!this.#isAsking && this.isRunning && now() > this.#answeredAt) this.#goOn(this.#pause());
        if (this.#isAsking) {
          this.#handle(this.#missed, new QueryError('malformed', 'no answer', { code: 'empty' }));
        }
      },
    });
    // What is over is not held on to while the next ask is waited for.
    this.#inFlight = inFlight.closed ? undefined : inFlight;
    if (!this.isRunning) this.stop();
  }

  /** What a caller's function throws goes down the stream, instead of leaving its consumer to hang. */
  #handle<T>(handler: (outcome: T) => void, outcome: T): void {
    if (!this.#isAsking) return;
    this.#isAsking = false;
    this.#answeredAt = now();
    try {
      handler.call(this, outcome);
    } catch (error) {
      this.#end(error);
    }
  }

  #answered(task: Task): void {
    this.#last = task;
    this.#misses = this.#repeats = this.#holdUntil = 0;
    this.#observer.next(task);
    if (!this.isRunning) return;
    if (isTerminal(task)) {
      this.stop();
      this.#observer.complete();
    } else this.#goOn(this.#pause());
  }

  #missed(error: unknown): void {
    const end = isQueryError(error) ? this.#verdict(error) : error instanceof TrackingError ? error.reason : 'query';
    if (end) {
      this.#giveUp(end, error);
      return;
    }
    const { kind, retryAfterMs } = error as QueryError;
    const { retry, onMiss, random } = this.#plan;
    const misses = this.#misses;
    this.#holdUntil = this.#answeredAt + Math.min(retryAfterMs || 0, MAX_RETRY_AFTER);
    const nextPollIn = this.#pause(draw(random) * Math.min(retry.maxDelay, retry.delay * 2 ** Math.min(misses, 30)));
    const miss = { ...this.#who(error), kind, misses, nextPollIn, error: error as QueryError };
    onMiss?.(assignDefined(miss, { last: this.#last }));
    if (this.isRunning) this.#goOn(nextPollIn);
  }

  /** Counts a query without an answer; gives the reason to give up, if it is one. */
  #verdict({ kind, code, retryable }: QueryError): TrackingErrorReason | undefined {
    if (kind === 'expired') return kind;
    const { notFoundGrace, count } = this.#plan.retry;
    const isNotFound = kind === 'not-found';
    if (!retryable && !isNotFound) return 'query';
    if (kind !== 'rate-limited') this.#misses++;
    // Just after its creation a task may not be stored yet: what is not found then does not count.
    const isGrace = isNotFound && this.#answeredAt - this.#startedAt < notFoundGrace;
    const about = isGrace || code === 'empty' ? '' : code === 'no-video' ? code : kind;
    if (this.#about !== about) this.#repeats = 0;
    if (this.#repeats++ === 0) this.#since = this.#answeredAt;
    this.#about = about;

    const isFifth = this.#repeats >= 5;
    if (isFifth && about === 'no-video') return about;
    const isWrongPlace = isFifth && about === 'malformed' && !this.#last;
    const isGone = about === 'not-found' && this.#repeats >= 3 && this.#answeredAt - this.#since >= notFoundGrace;
    return isWrongPlace || isGone || this.#misses > count ? 'query' : undefined;
  }

  #goOn(ms: number): void {
    if (this.#isOverdue) this.#giveUp('deadline');
    else this.#plan.wait(this, ms);
  }

  /** How long to wait after an answer, or, with a back-off, after a miss. */
  #pause(backOff = 0): number {
    const allowed = this.#untilAllowed;
    if (this.#isWanted) return allowed;
    // What came from outside may be no number, or more than a timer can take.
    const told = this.#last?.pollAfter ?? -1;
    const ordinary = told >= 0 ? told : this.#plan.interval(this.#ref);
    return Math.min(LONGEST_DELAY, Math.max(allowed, this.#plan.floor(this.#ref, this.#last), ordinary, backOff));
  }

  /** How long the floor and a Retry-After still forbid to ask, in ms. */
  get #untilAllowed(): number {
    const floor = this.#plan.floor(this.#ref, this.#last);
    // A clock that was set back makes no floor longer than itself.
    return Math.max(0, Math.min(floor, this.#askedAt + floor - now()), this.#holdUntil - now());
  }

  #who(error: unknown): { readonly provider: string; readonly id: string } {
    const { provider = '', id = '' }: PollRef = { ...(error as PollRef), ...this.#last, ...this.#ref };
    return { provider, id };
  }

  #giveUp(reason: TrackingErrorReason, cause?: unknown): void {
    const who = this.#who(cause);
    const last = this.#last;
    let message = `${who.provider} task ${who.id}: tracking ended [${reason}]`;
    if (cause instanceof Error) message += `: ${cause.message}`;
    message += last ? ` (${last.status} at ${new Date(last.observedAt).toISOString()})` : ' (no answer)';
    if (reason === 'query' || reason === 'deadline') message += '. It may still be running: track it again by its id';
    this.#end(new TrackingError(reason, message, { ...who, misses: this.#misses, cause, last }));
  }

  #end(error: unknown): void {
    if (!this.isRunning) return;
    this.stop();
    this.#observer.error(error);
  }
}
