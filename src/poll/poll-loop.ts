import { asyncScheduler, Subscriber, Subscription, type Observable } from 'rxjs';
import { QueryError, type TrackingErrorReason } from '../errors.js';
import { assignDefined } from '../fields.js';
import type { Task } from '../task.js';
import { toStream } from '../to-stream.js';
import { trackingError } from '../tracking-error.js';
import { checkPollConfig, type CheckedPollConfig, type Miss, type PollConfig } from './poll-config.js';
import {
  begin,
  called,
  due,
  missed,
  next,
  sent,
  sentLate,
  type AskRules,
  type PollDecision,
  type PollState,
} from './policy.js';
import { cancel, now, type Schedule, type Scheduled } from './timer.js';

/** What an engine of this process needs to poll. */
export interface PollPlan extends AskRules {
  readonly notifier?: Observable<unknown> | undefined;
  readonly onMiss?: ((miss: Miss) => void) | undefined;
  readonly schedule: Schedule;
}

/** @throws RangeError or TypeError that names the option and the remedy. */
export function pollPlan(config: PollConfig, schedule: Schedule, speed?: number): PollPlan & CheckedPollConfig {
  const { notifier, onMiss } = config;
  const checked = checkPollConfig(config, asyncScheduler.now(), speed);
  const { minInterval, interval, initialDelay, deadline, count, delay, maxDelay, notFoundGrace, random } = checked;
  // Field by field: a spread with something after it takes 60 bytes more, for each operator that is made.
  return {
    minInterval,
    interval,
    initialDelay,
    deadline,
    count,
    delay,
    maxDelay,
    notFoundGrace,
    random,
    notifier: notifier && toStream('notifier', notifier),
    onMiss,
    schedule,
  };
}

/** What is known of a task before it is asked about. */
export interface PollRef {
  readonly id?: string;
  readonly providerName?: string;
  /** Epoch ms. A deadline in ms counts from it. */
  readonly createdAt?: number | undefined;
}

/**
 * The poll loop of one task: sends queries, waits, and passes the outcomes to the policy, which decides what comes
 * next. A subclass provides the query and receives the answers and the end.
 *
 * One object waits for one thing at a time: 180 bytes a task, where a timer for the deadline beside that of the next
 * ask takes 400, and closures 1,100.
 *
 * Callbacks of the caller (a subscriber's `next`, `onMiss`, a notifier) may stop this poll or start it again. So they
 * come last: what was decided is scheduled before.
 */
export abstract class Poll<T extends Task = Task> implements Scheduled {
  timer: Scheduled['timer'];
  isRunning = false;
  protected abstract readonly plan: PollPlan;
  protected abstract readonly state: PollState;
  abstract readonly ref: PollRef;
  /** The last answer, as far as it is kept. */
  protected last: T | undefined;
  #query: RunningQuery<T> | undefined;
  #notifier: Subscription | undefined;
  /** How far time is ahead of the clock; see `run`. */
  #skew = 0;

  /** One query. Calls `sent` when it goes. */
  protected abstract ask(): Observable<T>;
  /** Passes an answer to the policy. `ahead`: how far epoch ms are ahead of `time`. */
  protected abstract answered(answer: T, time: number, ahead: number): PollDecision;
  /** Whether there was a good answer before this process began. */
  protected abstract isAnswered(): boolean;
  protected abstract emit(answer: T): void;
  /** Emits the terminal answer and completes. */
  protected abstract complete(answer: T): void;
  /** Errors with a TrackingError, or with what a callback of the caller threw. */
  protected abstract fail(error: unknown): void;

  /** Asks at once, or after `initialDelay`; never before a floor or a Retry-After of an earlier run allows. */
  start(): void {
    const { plan, state, ref } = this;
    const time = this.now();
    const { delay } = begin(state, plan, time, asyncScheduler.now() - time, ref.createdAt);
    this.isRunning = true;
    if (delay > 0) plan.schedule(this, delay);
    if (plan.notifier) {
      const notifier = (this.#notifier = new Subscription());
      notifier.add(
        plan.notifier.subscribe({
          next: () => {
            if (notifier.closed) return;
            const decision = called(state, this.now());
            if (decision.type === 'wait') plan.schedule(this, decision.delay);
          },
          error: (error: unknown) => {
            if (!notifier.closed) this.end(error);
          },
        }),
      );
      // The notifier may have stopped this run, and started another one.
      if (notifier.closed) return;
    }
    if (delay <= 0) this.run();
  }

  stop(): void {
    this.isRunning = false;
    cancel(this);
    const notifier = this.#notifier;
    this.#notifier = undefined;
    this.abort();
    notifier?.unsubscribe();
  }

  /** A wait, or the patience with a query, is over. */
  run(): void {
    // A timer that fires proves that its time has come. Fake timers may leave `performance.now()` alone.
    const time = this.now();
    const early = Math.max(0, this.state.dueAt - time);
    this.#skew += early;
    const decision = this.due(time + early);
    if (decision.type === 'ask') this.#ask(time + early);
    else this.apply(decision);
  }

  /** A wait, or the patience with a query, is over at `time`. */
  protected due(time: number): PollDecision {
    return due(this.state, time);
  }

  /** Aborts the query under way, without an outcome. */
  protected abort(): void {
    const query = this.#query;
    this.#query = undefined;
    query?.unsubscribe();
  }

  /** ms since the last good answer, or since the start. */
  protected get unseen(): number {
    return this.now() - (this.state.seenAt ?? this.state.startedAt);
  }

  /** The query goes: at once, or only now, if it had to wait its turn. */
  sent(): void {
    const { state } = this;
    const query = this.#query;
    if (!query || !state.isAsking) return;
    if (query.isSubscribed) this.plan.schedule(this, sentLate(state, this.now()));
    else sent(state, query.time);
  }

  protected now(): number {
    return now() + this.#skew;
  }

  #ask(time: number): void {
    cancel(this);
    this.#query?.unsubscribe();
    const query = (this.#query = new RunningQuery(this, time));
    this.ask().subscribe(query);
    query.isSubscribed = true;
    if (query !== this.#query) return;
    if (this.state.isAsking) this.plan.schedule(this, this.state.dueAt - this.now());
    // What is over is not kept while the next ask is waited for.
    else if (query.closed) this.#query = undefined;
  }

  // What the query emits.

  onNext(query: RunningQuery<T>, task: T, answeredAt: number): void {
    if (query !== this.#query || !this.state.isAsking) return;
    let decision;
    try {
      sent(this.state, query.time);
      const time = this.now();
      decision = this.answered(task, time, answeredAt - time);
    } catch (error) {
      // A function of the caller threw.
      this.end(error);
      return;
    }
    if (decision.type === 'done') {
      this.stop();
      this.complete(task);
      return;
    }
    if (decision.type === 'wait') this.plan.schedule(this, decision.delay);
    this.emit(task);
    if (decision.type === 'end' && query === this.#query) this.#giveUp(decision.reason);
  }

  onError(query: RunningQuery<T>, error: unknown): void {
    const { state, plan } = this;
    if (query !== this.#query || !state.isAsking) return;
    sent(state, query.time);
    state.isAnswered ||= this.isAnswered();
    try {
      const decision = missed(state, error, plan, this.now());
      if (decision.type === 'wait') plan.schedule(this, decision.delay);
      const miss = 'miss' in decision && decision.miss;
      if (miss) {
        const report = { ...this.#names(error), ...miss, error: error as QueryError };
        plan.onMiss?.(assignDefined(report, { last: this.last }));
      }
      if (decision.type === 'end' && query === this.#query) this.#giveUp(decision.reason, error);
    } catch (thrown) {
      this.end(thrown);
    }
    if (query === this.#query) this.#query = undefined;
  }

  onComplete(query: RunningQuery<T>): void {
    if (query !== this.#query) return;
    const { state } = this;
    if (state.isAsking) {
      this.onError(query, new QueryError('malformed', 'no answer', { code: 'empty' }));
      return;
    }
    this.#query = undefined;
    // The wait counts from the end of a query. One that never ends is waited for no longer than its answer demands.
    if (asyncScheduler.now() !== query.answeredAt) this.apply(next(state, this.now()));
  }

  protected apply(decision: PollDecision): void {
    if (decision.type === 'wait') this.plan.schedule(this, decision.delay);
    else if (decision.type === 'end') this.#giveUp(decision.reason);
  }

  #names(error: unknown): { readonly provider: string; readonly id: string } {
    const named: Partial<Task> = this.last ?? (Object(error) as Partial<Task>);
    const { id = named.id ?? '', providerName = named.provider ?? '' } = this.ref;
    return { provider: providerName, id };
  }

  #giveUp(reason: TrackingErrorReason, cause?: unknown): void {
    const misses = this.state.misses?.count;
    this.end(trackingError(reason, { ...this.#names(cause), misses, cause, last: this.last }));
  }

  /** Stops with an error. */
  end(error: unknown): void {
    if (!this.isRunning) return;
    this.stop();
    this.fail(error);
  }
}

/**
 * One query of a poll. A poll that has stopped, or asked again, ignores what an earlier one emits.
 *
 * A subscriber of RxJS's own kind, so that it can be unsubscribed while it subscribes.
 */
// eslint-disable-next-line rxjs-x/no-subclass -- what RxJS's own operators do, in all of RxJS 7
class RunningQuery<T extends Task> extends Subscriber<T> {
  readonly #poll: Poll<T>;
  /** When it was subscribed to. */
  readonly time: number;
  isSubscribed = false;
  /** Epoch ms; undefined before the answer. */
  answeredAt: number | undefined;

  constructor(poll: Poll<T>, time: number) {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the same
    super();
    this.#poll = poll;
    this.time = time;
  }

  /** Takes one answer. A synchronous source may have no end: it is cut at the second one. */
  protected override _next(task: T): void {
    if (this.answeredAt === undefined) {
      this.answeredAt = asyncScheduler.now();
      this.#poll.onNext(this, task, this.answeredAt);
    } else if (!this.isSubscribed) this.unsubscribe();
  }

  protected override _error(error: unknown): void {
    this.unsubscribe();
    this.#poll.onError(this, error);
  }

  protected override _complete(): void {
    this.unsubscribe();
    this.#poll.onComplete(this);
  }
}
