import { asyncScheduler, type Observable, type Subscriber, type Unsubscribable } from 'rxjs';
import { publish } from '../diagnostics.js';
import { isTrackingError } from '../errors.js';
import { timeUnseen } from '../poll/cadence.js';
import { Poll } from '../poll/poll-loop.js';
import {
  hold,
  newTaskState,
  release,
  taskAnswered,
  windowIn,
  type PollDecision,
  type PollState,
} from '../poll/policy.js';
import { spreadOf, type Scheduled } from '../poll/timer.js';
import type { Ask, RequestContext, ResolvedRef } from '../query.js';
import { Queue } from '../queue.js';
import { draw } from '../options.js';
import { changeKey, copyTask, isTerminal, type Task, type TaskStatus } from '../task.js';
import type { TaskPlan } from '../task-plan.js';
import { mergeRefs } from '../track-many.js';
import type { Activity } from './activity.js';

/** What the tracker passes to each shared poll. */
export interface SharedPollHost {
  /** Whether polls may start; undefined where they always may. */
  readonly activity: Activity | undefined;
  readonly ask: Ask;
  /** Whether a good answer is known from before this process. */
  readonly isAnswered: (ref: ResolvedRef) => boolean;
  /** The task is terminal; called before the transition is emitted. */
  readonly onTerminal: (poll: SharedPoll) => void;
  /** The last subscriber has left, or tracking ended in an error. */
  readonly onIdle: (poll: SharedPoll) => void;
  /** All subscribers have received the last transition, or the error. `seq`: the number of the last transition. */
  readonly onDelivered: (ref: ResolvedRef, seq: number) => void;
}

/**
 * One task, polled once for all its subscribers: poll loop, dedupe, replay of the last transition and multicast in one
 * object. Composed of the operators and `share` the same costs 4 to 8 kB a waiting task.
 */
export class SharedPoll extends Poll implements RequestContext {
  // Of the list of those that share its timer.
  before: Scheduled | undefined;
  after: Scheduled | undefined;
  ref: ResolvedRef;
  protected readonly plan: TaskPlan;
  protected state: PollState;
  readonly #host: SharedPollHost;
  readonly #subscribers = new Queue<Member>();
  /** Requests sent. */
  #requests = 0;

  constructor(ref: ResolvedRef, plan: TaskPlan, host: SharedPollHost) {
    super();
    this.ref = ref;
    this.plan = plan;
    this.#host = host;
    this.state = this.#newState();
  }

  /** The terminal transition, if the task has ended. */
  get terminal(): Task | undefined {
    return this.last && isTerminal(this.last) ? this.last : undefined;
  }

  /** The status of the last transition; undefined where nothing polls the task and nothing is known of its end. */
  get status(): TaskStatus | 'unanswered' | undefined {
    return this.isRunning || this.terminal ? (this.last?.status ?? 'unanswered') : undefined;
  }

  /**
   * Emits the last transition. Polling starts with the first subscriber, as soon as the floor allows; its ref adds to
   * those of before.
   */
  subscribe(subscriber: Subscriber<Task>, ref: ResolvedRef): void {
    if (!this.isRunning && ref !== this.ref) this.#add(ref);
    const member = new Member(this, subscriber);
    this.#subscribers.add(member);
    subscriber.add(member);
    if (this.last) subscriber.next(this.last);
    // The subscriber may have left, and others may have come, inside `next`.
    if (!this.isRunning && this.#subscribers.size > 0) this.start();
  }

  leave(member: Member): void {
    const { size } = this.#subscribers;
    this.#subscribers.delete(member);
    if (size === 0 || this.#subscribers.size > 0) return;
    if (this.isRunning) this.stop();
    this.#host.onIdle(this);
  }

  /** Completes every stream of this task. Of the task only the floor is remembered, and what the ref contains. */
  reset(ref = this.ref): void {
    this.stop();
    this.ref = ref;
    this.last = undefined;
    this.#requests = 0;
    this.#renew();
    for (const subscriber of this.#dismiss()) subscriber.complete();
  }

  /**
   * How long the task has probably been done without a poll that saw it, in parts of its window, so that all families
   * compare. Without documented generation times a task may end at any time; documented ones take about five windows.
   */
  urgency(): number {
    const { unseen, state } = this;
    // Times from outside may lie ahead, or be none: then the generation began when the task was seen last.
    const age = Math.max(unseen, this.now() - (state.beganAt ?? NaN)) || unseen;
    const window = windowIn(this.plan, state.model);
    const middle = (window.min + window.max) / 2;
    const lost = window.generation
      ? timeUnseen(window, age, state.isAnswered ? age - unseen : 0)
      : unseen * (1 - Math.exp(-unseen / (5 * middle)));
    return lost / middle;
  }

  override stop(): void {
    super.stop();
    this.#host.activity?.forget(this);
  }

  override sent(): void {
    super.sent();
    this.#requests++;
    this.#host.activity?.forget(this);
  }

  protected override due(time: number): PollDecision {
    const { activity } = this.#host;
    if (this.state.isAsking || !activity?.hold(this)) return super.due(time);
    return hold(this.state, time);
  }

  /** Polls must not start any more: a request that waits for its turn is withdrawn. */
  withdraw(): void {
    if (!this.state.isAsking) return;
    this.abort();
    this.#host.activity?.hold(this);
    this.apply(hold(this.state, this.now()));
  }

  /** Polls may start again. */
  release(): void {
    const { state, plan } = this;
    this.apply(release(state, draw(plan.random) * spreadOf(state.wait), this.now()));
  }

  protected ask(): Observable<Task> {
    this.#host.activity?.queue(this);
    return this.#host.ask(this.ref, this);
  }

  protected isAnswered(): boolean {
    return this.#host.isAnswered(this.ref);
  }

  protected answered(task: Task, time: number, ahead: number): PollDecision {
    return taskAnswered(this.state, task, this.plan, time, ahead);
  }

  protected emit(task: Task): void {
    const { last } = this;
    if (last && changeKey(task) === changeKey(last)) return;
    const transition = (this.last = this.#transition(task));
    this.#publish(transition);
    for (const subscriber of this.#snapshot()) subscriber.next(transition);
    this.#host.onDelivered(this.ref, transition.seq);
  }

  protected complete(task: Task): void {
    const transition = (this.last = this.#transition(task));
    const subscribers = this.#dismiss();
    this.#host.onTerminal(this);
    this.#publish(transition);
    for (const subscriber of subscribers) subscriber.next(transition);
    this.#host.onDelivered(this.ref, transition.seq);
    for (const subscriber of subscribers) subscriber.complete();
  }

  protected fail(error: unknown): void {
    const { providerName: provider, id } = this.ref;
    publish('rx-video-tasks:lost', () => ({ provider, id, error }));
    publish('rx-video-tasks:settled', () => {
      const reason = isTrackingError(error) ? error.reason : 'query';
      return { provider, id, status: 'lost', reason, model: this.last?.model, requests: this.#requests };
    });
    const seq = this.last?.seq ?? 0;
    const subscribers = this.#dismiss();
    this.#host.onIdle(this);
    for (const subscriber of subscribers) subscriber.error(error);
    this.#host.onDelivered(this.ref, seq);
  }

  #publish(task: Task & { readonly seq: number }): void {
    const { provider, id, status, seq, progress, model, observedAt, createdAt, startedAt, finishedAt } = task;
    publish('rx-video-tasks:transition', () => ({ provider, id, status, seq, progress, model, observedAt }));
    if (!isTerminal(task)) return;
    publish('rx-video-tasks:settled', () => {
      const generationMs = span(startedAt ?? createdAt, finishedAt);
      const detectionDelayMs = span(finishedAt, observedAt);
      return { provider, id, status: task.status, model, generationMs, detectionDelayMs, requests: this.#requests };
    });
  }

  #add(ref: ResolvedRef): void {
    const { state } = this;
    const before = windowNameIn(this.ref);
    this.ref = mergeRefs(this.ref, ref);
    const name = windowNameIn(this.ref);
    if (state.seenAt === undefined) this.#renew();
    // The model that an answer has named holds, and so does the age. No answer names `flex`.
    else if (name === 'flex' || state.model === before) {
      state.model = name;
      state.floor = Math.max(state.floor, windowIn(this.plan, name).floor ?? 0);
    }
  }

  /** Drops what answers have shown. The floor and a Retry-After of before still hold. */
  #renew(): void {
    const { askedAt, heldUntil, floor } = this.state;
    const state = (this.state = this.#newState());
    Object.assign(state, { askedAt, heldUntil, floor: Math.max(floor, state.floor) });
  }

  #newState(): PollState {
    const { createdAt } = this.ref;
    const state = newTaskState(this.plan, windowNameIn(this.ref));
    if (createdAt !== undefined) state.beganAt = createdAt - (asyncScheduler.now() - this.now());
    return state;
  }

  #transition(task: Task): Task & { readonly seq: number } {
    // A journal has numbered it already.
    const { seq = (this.last?.seq ?? 0) + 1 } = task;
    const changes = this.plan.fixed === undefined ? { pollAfter: this.state.wait, seq } : { seq };
    return copyTask(task, changes) as Task & { readonly seq: number };
  }

  /** Subscribers come and go while they are iterated over. */
  #snapshot(): readonly Subscriber<Task>[] {
    const subscribers: Subscriber<Task>[] = [];
    for (let member = this.#subscribers.first; member; member = member.after) subscribers.push(member.subscriber);
    return subscribers;
  }

  /** Takes all subscribers out: one that subscribes again is the first of a new run. */
  #dismiss(): readonly Subscriber<Task>[] {
    const subscribers = this.#snapshot();
    while (this.#subscribers.first) this.#subscribers.delete(this.#subscribers.first);
    return subscribers;
  }
}

function windowNameIn({ hint, model }: ResolvedRef): string | undefined {
  return hint ?? model;
}

/** ms from one time to another, if both are known. Times of two clocks may be the wrong way round. */
function span(from: number | undefined, to: number | undefined): number | undefined {
  return from === undefined || to === undefined ? undefined : Math.max(0, to - from);
}

/** A subscriber in the list of its task, until it unsubscribes. */
class Member implements Unsubscribable {
  before: Member | undefined;
  after: Member | undefined;
  readonly #poll: SharedPoll;
  readonly subscriber: Subscriber<Task>;

  constructor(poll: SharedPoll, subscriber: Subscriber<Task>) {
    this.#poll = poll;
    this.subscriber = subscriber;
  }

  unsubscribe(): void {
    this.#poll.leave(this);
  }
}
