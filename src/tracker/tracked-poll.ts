import type { Observable, Subscriber } from 'rxjs';
import type { DueQueue } from '../operators/due-queue.js';
import { newsOfTask } from '../operators/dedupe-status.js';
import { draw } from '../operators/durations.js';
import { Poll } from '../operators/poll.js';
import type { ResolvedRef } from '../query.js';
import { copyTask, isTerminal, type Task } from '../task.js';
import type { Pace } from './pace.js';

export interface TrackedPollEvents {
  readonly onTerminal: (poll: TrackedPoll, task: Task) => void;
  /** Nobody listens any more, or tracking ended in an error. */
  readonly onIdle: (poll: TrackedPoll) => void;
}

/**
 * One task, polled once for all who follow it: poll loop, dedupe, replay of the last transition and list of followers
 * in one object. Composed of the operators and `share` the same costs 1.7 to 8 kB a task, this 0.9.
 */
export class TrackedPoll extends Poll {
  #followers: Subscriber<Task>[] = [];
  /** The last transition; a late follower gets it first. */
  #transition: Task | undefined;
  #isRedrawn = false;

  constructor(
    readonly key: string,
    private readonly ref: ResolvedRef,
    private readonly pace: Pace,
    source: Observable<Task>,
    queue: DueQueue,
    private readonly events: TrackedPollEvents,
  ) {
    super(source, pace.config, queue);
  }

  get isIdle(): boolean {
    return this.#followers.length === 0;
  }

  /** Starts polling with the first follower, as soon as the floor allows. */
  join(follower: Subscriber<Task>): void {
    const isFirst = this.isIdle;
    this.#followers = [...this.#followers, follower];
    follower.add(() => {
      this.#leave(follower);
    });
    if (this.#transition) follower.next(this.#transition);
    if (!isFirst || this.isIdle) return;
    this.start(Math.max(this.config.initialDelay, this.untilAllowed), this.ref.createdAt);
  }

  #leave(follower: Subscriber<Task>): void {
    this.#followers = this.#followers.filter((other) => other !== follower);
    if (!this.isIdle || this.isStopped) return;
    this.stop();
    this.events.onIdle(this);
  }

  /** Ends every stream of this task. */
  complete(): void {
    this.stop();
    this.#dismiss((follower) => {
      follower.complete();
    });
  }

  protected override onAnswer(task: Task): void {
    const before = this.#transition;
    if (before && !isTerminal(task) && newsOfTask(task) === newsOfTask(before)) return;
    const transition = copyTask(task, { seq: (before?.seq ?? 0) + 1 });
    this.#transition = transition;
    for (const follower of this.#followers) follower.next(transition);
  }

  protected override onTerminal(): void {
    this.events.onTerminal(this, this.#transition as Task);
    this.#dismiss((follower) => {
      follower.complete();
    });
  }

  protected override onFailure(error: unknown): void {
    this.events.onIdle(this);
    this.#dismiss((follower) => {
      follower.error(error);
    });
  }

  #dismiss(farewell: (follower: Subscriber<Task>) => void): void {
    const followers = this.#followers;
    this.#followers = [];
    followers.forEach(farewell);
  }

  /** After a suspension everything is due at once: what ends more than a second late is spread over some seconds, once. */
  override run(late: number): void {
    if (late > 1000 && !this.#isRedrawn) {
      this.#isRedrawn = true;
      this.askIn(draw(this.config.random) * Math.max(2_000, Math.min(this.interval, 10_000)));
      return;
    }
    this.#isRedrawn = false;
    super.run(late);
  }

  protected override get interval(): number {
    return this.pace.interval(this.ref);
  }

  protected override get floor(): number {
    return this.pace.floor(this.ref, this.last?.model);
  }

  protected override identity(): { readonly provider: string; readonly id: string } {
    return { provider: this.ref.provider.name, id: this.ref.id };
  }
}
