import { asyncScheduler, type Observable, type Subscriber, type Unsubscribable } from 'rxjs';
import { publish } from '../diagnostics.js';
import { Poll } from '../poll/poll-loop.js';
import { beginningOf, timeLeft, timeUnseen, waitAfter } from '../poll/cadence.js';
import type { Ask, RequestContext, ResolvedRef } from '../query.js';
import { copyTask, isTerminal, newsOf, type Task } from '../task.js';
import type { PollWindow } from '../windows.js';
import type { Pace } from './poll-plan.js';

/** What a tracked task has of its tracker. */
export interface TrackedHome {
  readonly ask: Ask;
  readonly onTerminal: (tracked: Tracked, task: Task) => void;
  /** Nobody follows any more, or tracking ended in an error. */
  readonly onIdle: (tracked: Tracked) => void;
  /** All who follow have heard the last transition, or the error; `heard` is the number of the last transition. */
  readonly onDelivered: (ref: ResolvedRef, heard: number) => void;
}

/**
 * One task, polled once for all who follow it: poll loop, dedupe, replay of the last transition and list of followers
 * in one object. Composed of the operators and `share` the same costs 4 to 8 kB a waiting task.
 */
export class Tracked extends Poll implements RequestContext {
  #followers: readonly Follower[] = [];
  #window: PollWindow;
  /** The model that an answer named last. */
  #model: string | undefined;
  /** When its generation began, as far as is known: epoch ms. */
  #began: number | undefined;
  /** How long to wait after the last answer, in ms. */
  #pollAfter: number | undefined;

  constructor(
    readonly ref: ResolvedRef,
    protected readonly plan: Pace,
    private readonly home: TrackedHome,
  ) {
    super();
    this.#window = plan.windowOf(ref);
    this.#began = ref.createdAt;
  }

  /** Polling starts with the first follower, as soon as the floor allows. */
  join(subscriber: Subscriber<Task>): void {
    const isFirst = this.#followers.length === 0;
    const follower = new Follower(this, subscriber);
    this.#followers = isFirst ? [follower] : [...this.#followers, follower];
    subscriber.add(follower);
    if (this.last) subscriber.next(this.last);
    if (isFirst && !subscriber.closed) this.start();
  }

  leave(follower: Follower): void {
    this.#followers = this.#followers.filter((other) => other !== follower);
    if (this.#followers.length > 0 || !this.isRunning) return;
    this.stop();
    if (!this.last || !isTerminal(this.last)) this.home.onIdle(this);
  }

  /** Ends every stream of this task. */
  close(): void {
    this.stop();
    for (const { subscriber } of this.#dismiss()) subscriber.complete();
  }

  protected ask(): Observable<Task> {
    return this.home.ask(this.ref, this);
  }

  protected interval(): number {
    // What came from outside may be no number.
    const told = this.#pollAfter ?? -1;
    return told >= 0 ? told : waitAfter(this.#window, 'uniform', this.plan.random);
  }

  protected floor(): number {
    return this.#window.floor as number;
  }

  urgency(): number {
    const { unseen } = this;
    // Times from outside may lie ahead, or be none: then it began when it was seen last.
    const age = Math.max(unseen, asyncScheduler.now() - (this.#began ?? NaN)) || unseen;
    // In parts of its window, so that all families compare. Without documented times a task may end at any time; documented
    // ones take about five windows.
    const { min, max, generation } = this.#window;
    const middle = (min + max) / 2;
    const lost = generation
      ? timeUnseen(this.#window, age, this.last ? age - unseen : 0)
      : unseen * (1 - Math.exp(-unseen / (5 * middle)));
    return lost / middle;
  }

  protected emit(task: Task): void {
    this.#model = task.model ?? this.#model;
    this.#window = this.plan.windowOf(this.ref, this.#model);
    const { last } = this;
    const { isFixed, cadence, random } = this.plan;
    const wall = asyncScheduler.now();
    this.#began = beginningOf(task, this.#began, wall);
    const pollAfter = isFixed
      ? task.pollAfter
      : waitAfter(this.#window, cadence, random, wall - this.#began, timeLeft(task, last));
    this.#pollAfter = pollAfter;
    if (last && !isTerminal(task) && newsOf(task) === newsOf(last)) return;
    // A journal has numbered it already.
    const { seq = (last?.seq ?? 0) + 1 } = task;
    const transition = copyTask(task, pollAfter === undefined ? { seq } : { pollAfter, seq });
    this.last = transition;
    // Also if the one who follows leaves as soon as it hears.
    if (isTerminal(transition)) this.home.onTerminal(this, transition);
    for (const { subscriber } of this.#followers) subscriber.next(transition);
    this.home.onDelivered(this.ref, seq);
  }

  protected finish(): void {
    for (const { subscriber } of this.#dismiss()) subscriber.complete();
  }

  protected fail(error: unknown): void {
    const { provider, id } = this.ref;
    publish('lost', { provider, id, error });
    this.home.onIdle(this);
    for (const { subscriber } of this.#dismiss()) subscriber.error(error);
    this.home.onDelivered(this.ref, this.last?.seq ?? 0);
  }

  /** Whoever comes back at once is the first of a new round. */
  #dismiss(): readonly Follower[] {
    const followers = this.#followers;
    this.#followers = [];
    return followers;
  }
}

/** One who follows a task, until it unsubscribes. */
class Follower implements Unsubscribable {
  constructor(
    private readonly tracked: Tracked,
    readonly subscriber: Subscriber<Task>,
  ) {}

  unsubscribe(): void {
    this.tracked.leave(this);
  }
}
