import type { Observable, Observer, Subscriber } from 'rxjs';
import { newsOfTask } from '../operators/dedupe-status.js';
import { publish } from '../diagnostics.js';
import { Poll } from '../operators/poll.js';
import type { ResolvedRef } from '../query.js';
import { copyTask, isTerminal, type Task } from '../task.js';
import type { Pace } from './pace.js';

export interface TrackedEvents {
  readonly onTerminal: (key: string, task: Task) => void;
  /** Nobody follows any more, or tracking ended in an error. */
  readonly onIdle: (key: string) => void;
  /** All who follow have heard the last transition, or the error. */
  readonly onDelivered: (key: string) => void;
}

/**
 * One task, polled once for all who follow it: poll loop, dedupe, replay of the last transition and list of followers.
 * Composed of the operators and `share` the same costs 1.7 to 8 kB a waiting task.
 */
export class Tracked implements Observer<Task> {
  readonly #poll: Poll<ResolvedRef>;
  #followers: readonly Subscriber<Task>[] = [];
  /** The last transition; a late follower gets it first. */
  #transition: Task | undefined;

  constructor(
    private readonly key: string,
    private readonly ref: ResolvedRef,
    pace: Pace,
    source: Observable<Task>,
    private readonly events: TrackedEvents,
  ) {
    this.#poll = new Poll(source, pace, this, ref);
  }

  /** Polling starts with the first follower, as soon as the floor allows. */
  join(follower: Subscriber<Task>): void {
    const isFirst = this.#followers.length === 0;
    this.#followers = [...this.#followers, follower];
    follower.add(() => {
      this.#leave(follower);
    });
    if (this.#transition) follower.next(this.#transition);
    if (isFirst && !follower.closed) this.#poll.start();
  }

  #leave(follower: Subscriber<Task>): void {
    this.#followers = this.#followers.filter((other) => other !== follower);
    if (this.#followers.length > 0 || !this.#poll.isRunning) return;
    this.#poll.stop();
    this.events.onIdle(this.key);
  }

  /** Ends every stream of this task. */
  close(): void {
    this.#poll.stop();
    for (const follower of this.#dismiss()) follower.complete();
  }

  // What the poll says.

  next(task: Task): void {
    const before = this.#transition;
    if (before && !isTerminal(task) && newsOfTask(task) === newsOfTask(before)) return;
    // A journal has numbered it already.
    const transition = copyTask(task, { seq: task.seq ?? (before?.seq ?? 0) + 1 });
    this.#transition = transition;
    for (const follower of this.#followers) follower.next(transition);
    this.events.onDelivered(this.key);
  }

  complete(): void {
    this.events.onTerminal(this.key, this.#transition as Task);
    for (const follower of this.#dismiss()) follower.complete();
  }

  error(error: unknown): void {
    publish('lost', { provider: this.ref.provider, id: this.ref.id, error });
    this.events.onIdle(this.key);
    for (const follower of this.#dismiss()) follower.error(error);
    this.events.onDelivered(this.key);
  }

  /** Whoever comes back at once is the first of a new round. */
  #dismiss(): readonly Subscriber<Task>[] {
    const followers = this.#followers;
    this.#followers = [];
    return followers;
  }
}
