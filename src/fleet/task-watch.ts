import type { Subscriber, Unsubscribable } from 'rxjs';
import { isTerminal } from '../task.js';
import { lostTask, type TrackedTask } from '../tracked-task.js';
import {
  isSettledSnapshot,
  toTrackingError,
  withUrls,
  type Snapshot,
  type StoredLoss,
  type StoredRef,
  type StoredTask,
  type VideoUrls,
} from './snapshot.js';
import type { StoredTransition, Watcher } from './transition-reader.js';

/** What a watch asks of its tracker. */
export interface WatchHost {
  /** Starts to watch; gives the snapshot of the task, which is tracked from now on. */
  readonly open: (watch: TaskWatch) => Promise<Snapshot>;
  readonly close: (watch: TaskWatch) => void;
  /** A transition was delivered. */
  readonly onDelivered: (watch: TaskWatch, gen: string, seq: number) => void;
  /** Whole URLs that this process has seen already. */
  readonly urlsOf: (watch: TaskWatch, gen: string) => VideoUrls | undefined;
  /** Asks a worker for fresh URLs; they arrive by `onUrls`. */
  readonly refresh: (watch: TaskWatch) => void;
}

/** What a snapshot and a transition have in common. */
interface Change {
  readonly seq: number;
  readonly task?: StoredTask | undefined;
  readonly lost?: StoredLoss | undefined;
}

/** ms that whole URLs, which travel beside the stream, may take before a worker is asked for fresh ones. */
const URL_PATIENCE = 2_000;

/** One subscription to one task: the snapshot first, then the transitions by number, none twice. */
export class TaskWatch implements Watcher, Unsubscribable {
  gen: string | undefined;
  #seq = 0;
  #sinceSeq = 0;
  /** Transitions that came before the snapshot. */
  #early: StoredTransition[] = [];
  /** A completed task whose URLs have not come yet. */
  #withoutUrls: { readonly task: StoredTask; readonly seq: number } | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #host: WatchHost;
  readonly #subscriber: Subscriber<TrackedTask>;
  readonly #isResumed: boolean;

  /** @param isResumed leaves out the snapshot's transition if it was acknowledged. */
  constructor(
    readonly job: string,
    readonly ref: StoredRef,
    host: WatchHost,
    subscriber: Subscriber<TrackedTask>,
    isResumed: boolean,
  ) {
    this.#host = host;
    this.#subscriber = subscriber;
    this.#isResumed = isResumed;
    subscriber.add(this);
    host.open(this).then(
      (snapshot) => {
        this.#begin(snapshot);
      },
      (error: unknown) => {
        subscriber.error(error);
      },
    );
  }

  unsubscribe(): void {
    clearTimeout(this.#timer);
    this.#host.close(this);
  }

  #begin(snapshot: Snapshot): void {
    this.gen = snapshot.gen;
    if (this.#isResumed && snapshot.acked >= snapshot.seq) {
      this.#seq = snapshot.seq;
      if (isSettledSnapshot(snapshot)) this.#subscriber.complete();
    }
    this.onSnapshot(snapshot);
    for (const transition of this.#early.splice(0)) this.onTransition(transition);
  }

  onSnapshot(snapshot: Snapshot | undefined): void {
    if (this.gen === undefined) return;
    // It was forgotten, and perhaps tracked anew, in the meantime; or it expired with its video.
    if (snapshot?.gen !== this.gen) this.#subscriber.complete();
    else {
      this.#sinceSeq = snapshot.sinceSeq;
      this.#takeChange(snapshot);
    }
  }

  onTransition(transition: StoredTransition): void {
    if (this.gen === undefined) {
      this.#early.push(transition);
    } else if (transition.gen === this.gen) {
      if (transition.seq === 0) this.#subscriber.complete();
      else this.#takeChange(transition);
    }
  }

  /**
   * A server that lost the end of its log uses numbers again: an end is taken whatever its number is, but not the loss
   * after which tracking began anew.
   */
  #takeChange({ seq, task, lost }: Change): void {
    const isEnd = isSettledSnapshot({ task, lost }) && seq > this.#sinceSeq && !this.#withoutUrls;
    if (seq > this.#seq || isEnd) this.#take({ seq, task, lost });
  }

  onUrls(gen: string, urls: VideoUrls | StoredLoss): void {
    const waiting = this.#withoutUrls;
    if (gen !== this.gen || !waiting) return;
    if ('reason' in urls) this.#lose(urls, waiting.seq, waiting.task);
    else this.#emit(withUrls(waiting.task, urls), waiting.seq);
  }

  #take({ seq, task, lost }: Change): void {
    this.#seq = seq;
    if (lost) {
      this.#lose(lost, seq, task);
    } else if (task?.hasBareUrls) {
      const urls = this.#host.urlsOf(this, this.gen as string);
      if (urls) {
        this.#emit(withUrls(task, urls), seq);
        return;
      }
      this.#withoutUrls = { task, seq };
      this.#timer = setTimeout(() => {
        this.#host.refresh(this);
      }, URL_PATIENCE);
    } else if (task) {
      this.#emit(withUrls(task), seq);
    }
  }

  #lose(loss: StoredLoss, seq: number, last: StoredTask | undefined): void {
    const error = toTrackingError(this.ref, loss, last && withUrls(last));
    this.#emit(lostTask(this.ref, error, loss.at), seq);
  }

  #emit(task: TrackedTask, seq: number): void {
    this.#withoutUrls = undefined;
    clearTimeout(this.#timer);
    this.#subscriber.next({ ...task, seq });
    // A task that its service may still have is returned by `resume`, until its loss is acknowledged by hand.
    const isPaused = task.status === 'lost' && task.error.reason !== 'expired';
    if (!isPaused) this.#host.onDelivered(this, this.gen as string, seq);
    if (task.status === 'lost' || isTerminal(task)) this.#subscriber.complete();
  }
}
