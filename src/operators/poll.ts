import { asyncScheduler, from, type Observable, type Subscription } from 'rxjs';
import { isQueryError, QueryError, TrackingError, type TrackingErrorReason } from '../errors.js';
import { isTerminal, type Task } from '../task.js';
import { draw, saneDuration } from './durations.js';
import { Due, type DueQueue } from './due-queue.js';
import type { CheckedPollConfig } from './poll-config.js';

const MAX_RETRY_AFTER = 900_000;
const MAX_MALFORMED_FIRST = 5;
const MAX_WITHOUT_VIDEO = 5;
const MIN_NOT_FOUND = 3;

/** The consecutive misses, by what they may end in. Absent while all is well. */
interface Trouble {
  misses: number;
  malformed: number;
  withoutVideo: number;
  notFound: number;
  notFoundSince: number;
}

/**
 * The poll loop of one task: asks, and asks again after each answer or miss until a terminal answer or the end of
 * patience. One wait at a time in the queue: for the next ask, or, while a query is in flight, for the deadline.
 */
export abstract class Poll extends Due {
  protected last: Task | undefined;
  #startedAt = 0;
  #deadlineAt = Infinity;
  #askedAt: number | undefined;
  #nextAskAt = 0;
  /** No ask sooner, whoever calls: the service said Retry-After. */
  #holdUntil = 0;
  #isOverdue = false;
  #isDeadlineNext = false;
  /** Whether somebody called since the last ask. */
  #isWanted = false;
  #isAsking = false;
  #answeredAt = 0;
  #trouble: Trouble | undefined;
  #inFlight: Subscription | undefined;
  #notifier: Subscription | undefined;

  constructor(
    protected readonly source: Observable<Task>,
    protected readonly config: CheckedPollConfig,
    protected readonly queue: DueQueue,
  ) {
    super();
  }

  /** Every answer. */
  protected abstract onAnswer(task: Task): void;
  /** After the terminal answer. */
  protected abstract onTerminal(): void;
  /** A TrackingError, or what a function of the caller threw. */
  protected abstract onFailure(error: unknown): void;

  /** A deadline in ms counts from `createdAt` (epoch ms) where that is known. */
  start(initialDelay: number, createdAt?: number): void {
    const { deadline, notifier } = this.config;
    const now = this.queue.now();
    const clock = asyncScheduler.now();
    const patience = deadline instanceof Date ? deadline.getTime() - clock : deadline - (clock - (createdAt ?? clock));
    this.#startedAt = now;
    this.#deadlineAt = now + patience;
    this.#isOverdue = patience <= 0;
    this.#isWanted = false;
    this.#trouble = undefined;
    if (notifier !== undefined) {
      this.#notifier = from(notifier).subscribe({
        next: () => {
          this.bringForward();
        },
        error: (error: unknown) => {
          this.#end(error);
        },
      });
    }
    if (this.isStopped) this.#notifier?.unsubscribe();
    else if (initialDelay > 0) this.askIn(initialDelay);
    else this.#ask();
  }

  stop(): void {
    this.queue.remove(this);
    this.#isAsking = false;
    this.#inFlight?.unsubscribe();
    this.#notifier?.unsubscribe();
    this.#startedAt = NaN;
  }

  get isStopped(): boolean {
    return Number.isNaN(this.#startedAt);
  }

  /** Asks as soon as the floor and a Retry-After allow, if that is sooner than planned. */
  bringForward(): void {
    if (this.isStopped) return;
    this.#isWanted = true;
    if (this.#isAsking) return;
    const now = this.queue.now();
    const soonest = this.#soonest(now);
    if (soonest < this.#nextAskAt) this.askIn(soonest - now);
  }

  override run(_late: number): void {
    if (this.#isDeadlineNext) {
      // At least one query is tried, however short the deadline.
      this.#isOverdue = true;
      if (this.#askedAt !== undefined) {
        this.#giveUp('deadline', undefined);
        return;
      }
    }
    this.#ask();
  }

  #ask(): void {
    this.#inFlight?.unsubscribe();
    this.#inFlight = undefined;
    this.#askedAt = this.queue.now();
    this.#isWanted = false;
    this.#isAsking = true;
    this.#waitFor(Infinity);
    let isOver = false;
    const inFlight = this.source.subscribe({
      next: (task) => {
        if (!this.#isAsking || isOver) return;
        this.#isAsking = false;
        this.#answeredAt = this.queue.now();
        this.#guard(() => {
          this.#answered(task);
        });
      },
      error: (error: unknown) => {
        isOver = true;
        if (!this.#isAsking) return;
        this.#isAsking = false;
        this.#guard(() => {
          this.#failed(error);
        });
      },
      complete: () => {
        isOver = true;
        this.#guard(() => {
          this.#completed();
        });
      },
    });
    if (isOver || this.isStopped) inFlight.unsubscribe();
    else this.#inFlight = inFlight;
  }

  /** What a caller's function throws goes down the stream, instead of leaving its consumer to hang. */
  #guard(handle: () => void): void {
    try {
      if (!this.isStopped) handle();
    } catch (error) {
      this.#end(error);
    }
  }

  #answered(task: Task): void {
    this.last = task;
    this.#trouble = undefined;
    this.#holdUntil = 0;
    this.onAnswer(task);
    if (this.isStopped) return;
    if (isTerminal(task)) {
      this.stop();
      this.onTerminal();
    } else if (this.#isOverdue) {
      this.#giveUp('deadline', undefined);
    } else {
      this.askIn(this.#pause());
    }
  }

  #completed(): void {
    this.#inFlight = undefined;
    if (this.#isAsking) {
      this.#isAsking = false;
      this.#failed(new QueryError('malformed', 'the query completed without an answer', { code: 'empty' }));
    } else if (this.queue.now() > this.#answeredAt) {
      // The wait counts from the end of a query. One that never ends is waited for no longer than its answer says.
      this.askIn(this.#pause());
    }
  }

  #failed(error: unknown): void {
    if (!isQueryError(error)) {
      this.#giveUp('query', error);
      return;
    }
    const end = this.#verdict(error);
    if (end !== undefined) {
      this.#giveUp(end, error);
      return;
    }
    const { retry, onMiss, random } = this.config;
    const misses = this.#trouble?.misses ?? 0;
    const retryAfter = Math.min(saneDuration(error.retryAfterMs) ?? 0, MAX_RETRY_AFTER);
    this.#holdUntil = this.queue.now() + retryAfter;
    const nextPollIn = this.#pause(draw(random) * Math.min(retry.maxDelay, retry.delay * 2 ** misses));
    const { provider, id } = this.identity(error);
    const { kind } = error;
    const last = this.last === undefined ? {} : { last: this.last };
    onMiss?.({ provider, id, kind, misses, nextPollIn, error, ...last });
    if (!this.isStopped) this.askIn(nextPollIn);
  }

  /** Counts a query without an answer; gives the reason to give up, if it is one. */
  #verdict(error: QueryError): TrackingErrorReason | undefined {
    if (error.kind === 'expired') return 'expired';
    if (!error.retryable && error.kind !== 'not-found') return 'query';
    const trouble = (this.#trouble ??= { misses: 0, malformed: 0, withoutVideo: 0, notFound: 0, notFoundSince: 0 });
    if (error.kind !== 'rate-limited') trouble.misses += 1;

    const isWithoutVideo = error.code === 'no-video';
    trouble.withoutVideo = isWithoutVideo ? trouble.withoutVideo + 1 : 0;
    if (trouble.withoutVideo >= MAX_WITHOUT_VIDEO) return 'no-video';

    const isMalformed = error.kind === 'malformed' && !isWithoutVideo && error.code !== 'empty';
    trouble.malformed = isMalformed ? trouble.malformed + 1 : 0;
    if (!this.last && trouble.malformed >= MAX_MALFORMED_FIRST) return 'query';

    const { notFoundGrace, count } = this.config.retry;
    const now = this.queue.now();
    const isNotFound = error.kind === 'not-found' && now - this.#startedAt >= notFoundGrace;
    if (!isNotFound) trouble.notFound = 0;
    else if (trouble.notFound++ === 0) trouble.notFoundSince = now;
    if (trouble.notFound >= MIN_NOT_FOUND && now - trouble.notFoundSince >= notFoundGrace) return 'query';

    if (trouble.misses > count) return 'query';
    return this.#isOverdue ? 'deadline' : undefined;
  }

  /** How long to wait after an answer, or, with a back-off, after a miss. */
  #pause(backOff = 0): number {
    const now = this.queue.now();
    if (this.#isWanted) return this.#soonest(now) - now;
    const ordinary = saneDuration(this.last?.pollAfter) ?? this.interval;
    return Math.max(this.floor, ordinary, backOff, this.#holdUntil - now);
  }

  /** The wait after an ask when no answer has said how long, in ms. */
  protected get interval(): number {
    return this.config.interval;
  }

  /** How long the floor and a Retry-After still forbid to ask, in ms. */
  protected get untilAllowed(): number {
    const now = this.queue.now();
    return this.#soonest(now) - now;
  }

  /** When the floor and a Retry-After let the next ask be, in the queue's time. */
  #soonest(now: number): number {
    const sinceAsk = this.#askedAt === undefined ? Infinity : now - this.#askedAt;
    // A clock that was set back makes no floor longer than itself.
    const untilFloor = Math.min(this.floor, Math.max(0, this.floor - sinceAsk));
    return Math.max(now + untilFloor, this.#holdUntil);
  }

  /** Plans the next ask. */
  protected askIn(ms: number): void {
    this.#nextAskAt = this.queue.now() + ms;
    this.#waitFor(ms);
  }

  /** Waits for the deadline, if that comes first. */
  #waitFor(ms: number): void {
    const patience = this.#isOverdue ? Infinity : Math.max(0, this.#deadlineAt - this.queue.now());
    this.#isDeadlineNext = patience <= ms;
    if (patience !== Infinity || ms !== Infinity) this.queue.add(this, Math.min(ms, patience));
  }

  /** The shortest time from one ask to the next, in ms. */
  protected get floor(): number {
    return this.config.minInterval;
  }

  /** Who this is about, as far as the stream has told. */
  protected identity(error?: unknown): { readonly provider: string; readonly id: string } {
    const { provider = 'the provider', id = '(unknown)' } = this.last ?? (isQueryError(error) ? error : {});
    return { provider, id };
  }

  #giveUp(reason: TrackingErrorReason, cause: unknown): void {
    const { provider, id } = this.identity(cause);
    const misses = this.#trouble?.misses ?? 0;
    const message = `${provider} task ${id} is not tracked any more: ${this.#why(reason, cause)}`;
    this.#end(new TrackingError(reason, message, { provider, id, misses, cause, last: this.last }));
  }

  #why(reason: TrackingErrorReason, cause: unknown): string {
    const since = this.last
      ? `last seen ${this.last.status} at ${isoTime(this.last.observedAt)}`
      : 'no answer ever came';
    const said = cause instanceof Error || isQueryError(cause) ? ` ${cause.message}` : '';
    const again = 'It may still be running and can be tracked again by its id.';
    if (reason === 'deadline') return `its deadline has passed (${since}). ${again}`;
    if (reason === 'no-video')
      return `the service says that it is completed, but gave no video URL ${MAX_WITHOUT_VIDEO} times in a row. Track it again by its id, or ask the service.`;
    if (reason === 'expired') return `its record is gone (${since}).${said}`;
    return `asking again is pointless (${since}).${said} ${again}`;
  }

  #end(error: unknown): void {
    if (this.isStopped) return;
    this.stop();
    this.onFailure(error);
  }
}

function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
