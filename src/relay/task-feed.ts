import { Subscription, type Observable, type Observer } from 'rxjs';
import { isTerminal, type Task } from '../task.js';

/** One transition, and when it came by the relay's count: 1, 2, ... over all tasks. */
export interface Transition {
  readonly at: number;
  readonly task: Task;
}

const KEPT = 64;

/**
 * One task, tracked once for all streams that carry it. Its last 64 transitions are kept, also while nobody follows, so
 * that a stream which was cut can go on where it was.
 */
export class Channel {
  readonly #followers = new Set<Partial<Observer<Transition>>>();
  #transitions: Transition[] = [];
  /** The one that was dropped last. */
  #dropped: Transition | undefined;
  #tracking: Subscription | undefined;

  constructor(
    private readonly source: Observable<Task>,
    private readonly nextAt: () => number,
    private readonly onIdle: () => void,
  ) {}

  /** Whether nothing more will come. */
  get isSettled(): boolean {
    const last = this.#transitions.at(-1);
    return last !== undefined && isTerminal(last.task);
  }

  /** Tracking starts with the first follower. Gives the way to leave; the last one to leave ends the tracking. */
  join(follower: Partial<Observer<Transition>>): () => void {
    this.#followers.add(follower);
    if (!this.#tracking) this.#track();
    return () => {
      if (!this.#followers.delete(follower) || this.#followers.size > 0) return;
      this.#tracking?.unsubscribe();
      this.#tracking = undefined;
      this.onIdle();
    };
  }

  /** All that came after; or the last one alone, where that is not known any more. */
  after(at: number | undefined): readonly Transition[] {
    if (at === undefined || at < (this.#dropped?.at ?? 0)) return this.#transitions.slice(-1);
    return this.#transitions.filter((one) => one.at > at);
  }

  /**
   * When the transition of this number came, if that is known. Not of the last one of all: another process may have
   * numbered otherwise, and what ends a task is told twice rather than never.
   */
  atOf(seq: string | null): number | undefined {
    const known = this.#dropped ? [this.#dropped, ...this.#transitions] : this.#transitions;
    return known.find(({ task }) => String(task.seq) === seq && !isTerminal(task))?.at;
  }

  #track(): void {
    const tracking = (this.#tracking = new Subscription());
    const end = (tell: (follower: Partial<Observer<Transition>>) => void) => {
      this.#tracking = undefined;
      for (const follower of this.#followers) tell(follower);
    };
    tracking.add(
      this.source.subscribe({
        next: (task) => {
          this.#next(task);
        },
        error: (error: unknown) => {
          end((follower) => follower.error?.(error));
        },
        complete: () => {
          end((follower) => follower.complete?.());
        },
      }),
    );
  }

  #next(task: Task): void {
    const last = this.#transitions.at(-1)?.task;
    // Whoever starts to track gets the last transition first, which is here already.
    if (last?.seq === task.seq && last?.observedAt === task.observedAt) return;
    // A tracker that has forgotten the task counts anew: what was before says nothing about what comes.
    if (last && (task.seq ?? 0) <= (last.seq ?? 0)) {
      this.#dropped = this.#transitions.at(-1);
      this.#transitions = [];
    }
    // A plain copy leaves the reply's text behind.
    const transition = { at: this.nextAt(), task: { ...task } };
    this.#transitions.push(transition);
    if (this.#transitions.length > KEPT) this.#dropped = this.#transitions.shift();
    for (const follower of this.#followers) follower.next?.(transition);
  }
}
