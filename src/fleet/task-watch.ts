import { asyncScheduler, type Observable, type Subscriber, type Unsubscribable } from 'rxjs';
import type { TrackingError } from '../errors.js';
import { brief, messageOf } from '../redact.js';
import { isSettled, lostTask, type TrackedTask } from '../tracked-task.js';
import { trackingError } from '../tracking-error.js';
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
  /** Starts to watch; emits the snapshot of the task, which is tracked from now on. */
  readonly open: (watch: TaskWatch) => Observable<Snapshot>;
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

/**
 * ms that whole URLs, which travel beside the stream, may take before a worker is asked for fresh ones. Each further
 * wait is twice as long, up to five times.
 */
const URL_PATIENCE = 2_000;
const MAX_DOUBLINGS = 5;

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
    const opening = host.open(this).subscribe({
      next: (snapshot) => {
        this.#begin(snapshot);
      },
      error: (cause: unknown) => {
        this.#refuse(cause);
      },
    });
    subscriber.add(opening);
    subscriber.add(this);
  }

  unsubscribe(): void {
    clearTimeout(this.#timer);
    this.#host.close(this);
  }

  #begin(snapshot: Snapshot): void {
    this.gen = snapshot.gen;
    if (this.#isResumed && snapshot.acked >= snapshot.seq) {
      this.#seq = snapshot.seq;
      if (isSettledSnapshot(snapshot)) {
        this.#subscriber.complete();
        return;
      }
    }
    this.onSnapshot(snapshot);
    for (const transition of this.#early.splice(0)) this.onTransition(transition);
  }

  /** Redis refuses to track the task, for good. */
  #refuse(cause: unknown): void {
    const detail = `Redis could not store it: ${brief(messageOf(cause))}`;
    const error = trackingError('journal', { ...this.ref, cause, detail });
    this.#subscriber.next(lostTask(this.ref, error, asyncScheduler.now()));
    this.#subscriber.complete();
  }

  onSnapshot(snapshot: Snapshot | undefined): void {
    if (!this.#isOpen) return;
    const waiting = this.#withoutUrls;
    if (snapshot && snapshot.gen === this.gen) {
      this.#sinceSeq = snapshot.sinceSeq;
      if (waiting) this.#awaitUrls();
      else this.#takeChange(snapshot);
    } else if (!snapshot && waiting) {
      const last = withUrls(waiting.task);
      const error = trackingError('expired', { ...this.ref, last, detail: 'its video has expired' });
      this.#lose(error, asyncScheduler.now(), waiting.seq);
    } else {
      // It was forgotten, and perhaps tracked anew, in the meantime; or it expired with its video.
      this.#subscriber.complete();
    }
  }

  onTransition(transition: StoredTransition): void {
    if (this.gen === undefined) {
      this.#early.push(transition);
    } else if (transition.gen === this.gen && this.#isOpen) {
      if (transition.seq === 0) this.#subscriber.complete();
      else this.#takeChange(transition);
    }
  }

  /** Whether something can be delivered: a subscriber that left in `next` is still called for what comes with it. */
  get #isOpen(): boolean {
    return this.gen !== undefined && !this.#subscriber.closed;
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
    if (gen !== this.gen || !waiting || !this.#isOpen) return;
    if ('reason' in urls) this.#lose(toTrackingError(this.ref, urls, withUrls(waiting.task)), urls.at, waiting.seq);
    else this.#emit(withUrls(waiting.task, urls), waiting.seq);
  }

  #take({ seq, task, lost }: Change): void {
    this.#seq = seq;
    if (lost) {
      this.#lose(toTrackingError(this.ref, lost, task && withUrls(task)), lost.at, seq);
    } else if (task?.hasBareUrls) {
      const urls = this.#host.urlsOf(this, this.gen as string);
      if (urls) {
        this.#emit(withUrls(task, urls), seq);
        return;
      }
      this.#withoutUrls = { task, seq };
      this.#awaitUrls();
    } else if (task) {
      this.#emit(withUrls(task), seq);
    }
  }

  /** A message with URLs may be lost, and so may the job that fetches them: asks again until something arrives. */
  #awaitUrls(asked = 0): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => {
        this.#host.refresh(this);
        this.#awaitUrls(asked + 1);
      },
      URL_PATIENCE * 2 ** Math.min(asked, MAX_DOUBLINGS),
    );
  }

  #lose(error: TrackingError, at: number, seq: number): void {
    this.#emit(lostTask(this.ref, error, at), seq);
  }

  #emit(task: TrackedTask, seq: number): void {
    this.#withoutUrls = undefined;
    clearTimeout(this.#timer);
    this.#subscriber.next({ ...task, seq });
    // A task that its service may still have is returned by `resume`, until its loss is acknowledged by hand.
    const isPaused = task.status === 'lost' && task.error.reason !== 'expired';
    if (!isPaused) this.#host.onDelivered(this, this.gen as string, seq);
    if (isSettled(task)) this.#subscriber.complete();
  }
}
