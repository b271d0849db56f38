import { Subscription, type Observable, type Observer } from 'rxjs';
import { isTerminal, type Task } from '../task.js';

/** One transition of a task, and its position in the order in which the relay received those of all tasks: 1, 2, ... */
export interface Transition {
  readonly position: number;
  readonly task: Task;
}

export interface TaskFeedOptions {
  readonly nextPosition: () => number;
  /** Called when the last subscriber has left, or the tracking has ended. */
  readonly onIdle: () => void;
}

/** How many transitions a feed keeps for streams that resume. */
const MAX_KEPT = 64;

/**
 * One task, tracked once for all streams that carry it. It keeps the last 64 transitions, also while no stream carries
 * it, so that a stream which was cut can resume.
 */
export class TaskFeed {
  /** What is subscribed to when tracking begins: the stream of the last grant's ref. */
  source: Observable<Task>;
  readonly #options: TaskFeedOptions;
  readonly #subscribers = new Set<Partial<Observer<Transition>>>();
  #kept: Transition[] = [];
  /** Transitions up to this position are not kept any more. */
  #droppedUpTo = 0;
  #tracking: Subscription | undefined;

  constructor(source: Observable<Task>, options: TaskFeedOptions) {
    this.source = source;
    this.#options = options;
  }

  /** Whether the task is terminal: nothing more will come. */
  get isSettled(): boolean {
    const last = this.#kept.at(-1);
    return last !== undefined && isTerminal(last.task);
  }

  /** The first subscriber starts the tracking; the last one to leave, by calling what is returned, ends it. */
  subscribe(subscriber: Partial<Observer<Transition>>): () => void {
    this.#subscribers.add(subscriber);
    if (!this.#tracking) this.#track();
    return () => {
      if (!this.#subscribers.delete(subscriber) || this.#subscribers.size > 0) return;
      this.#tracking?.unsubscribe();
      this.#tracking = undefined;
      this.#options.onIdle();
    };
  }

  /**
   * The transitions after a position; the last one alone where some of them are not kept, or the position is not known.
   */
  after(position: number | undefined): readonly Transition[] {
    if (position === undefined || position < this.#droppedUpTo) return this.#kept.slice(-1);
    return this.#kept.filter((transition) => transition.position > position);
  }

  #track(): void {
    const tracking = (this.#tracking = new Subscription());
    const end = (notify: (subscriber: Partial<Observer<Transition>>) => void) => {
      this.#tracking = undefined;
      const subscribers = [...this.#subscribers];
      this.#subscribers.clear();
      this.#options.onIdle();
      for (const subscriber of subscribers) notify(subscriber);
    };
    tracking.add(
      this.source.subscribe({
        next: (task) => {
          this.#next(task);
        },
        error: (error: unknown) => {
          end((subscriber) => subscriber.error?.(error));
        },
        complete: () => {
          end((subscriber) => subscriber.complete?.());
        },
      }),
    );
    // A tracker that remembers the end emits it at once. This one asks again, for instance because the URL has expired.
    if (this.#tracking && this.isSettled) this.#drop();
  }

  #next(task: Task): void {
    const last = this.#kept.at(-1);
    // A tracker emits the last transition again to each new subscriber.
    if (last?.task.seq === task.seq && last?.task.observedAt === task.observedAt) return;
    // A tracker that has forgotten the task counts from 1 again: what is kept does not lead up to this transition.
    if (last && (isTerminal(last.task) || (task.seq ?? 0) <= (last.task.seq ?? 0))) this.#drop();
    // A plain copy leaves the reply's text (`raw`) behind.
    const transition = { position: this.#options.nextPosition(), task: { ...task } };
    this.#kept.push(transition);
    if (this.#kept.length > MAX_KEPT) this.#droppedUpTo = (this.#kept.shift() as Transition).position;
    for (const subscriber of this.#subscribers) subscriber.next?.(transition);
  }

  #drop(): void {
    this.#droppedUpTo = this.#kept.at(-1)?.position ?? this.#droppedUpTo;
    this.#kept = [];
  }
}
