import { Queue, type Waiter } from '../queue.js';

/** How many waiting requests are compared for one admission: its cost must not grow with the queue. */
const LOOK = 64;

export interface Admissible<T> extends Waiter<T> {
  /** The number of requests that were added before it. */
  position: number;
  /** How much is lost by waiting. Without it a request goes in order of arrival. */
  readonly urgency: (() => number) | undefined;
}

/** The requests that wait for a key. */
export class AdmissionQueue<T extends Admissible<T>> {
  readonly #byUrgency = new Queue<T>();
  readonly #byArrival = new Queue<T>();
  #added = 0;
  /** Requests that have left. One without urgency whose position is no higher has its turn in order of arrival. */
  #removed = 0;
  /** Where the next look at a long queue begins. */
  #hand: T | undefined;

  get size(): number {
    return this.#byUrgency.size + this.#byArrival.size;
  }

  add(request: T): void {
    request.position = this.#added++;
    this.#queueOf(request).add(request);
  }

  /** Without effect on a request that does not wait here. */
  delete(request: T): void {
    const { after } = request;
    if (!this.#queueOf(request).delete(request)) return;
    this.#removed += 1;
    if (this.#hand === request) this.#hand = after;
  }

  #queueOf({ urgency }: T): Queue<T> {
    return urgency ? this.#byUrgency : this.#byArrival;
  }

  /** The oldest request. */
  get oldest(): T | undefined {
    const [first, other] = [this.#byArrival.first, this.#byUrgency.first];
    return first && other ? (first.position < other.position ? first : other) : (first ?? other);
  }

  /** The most urgent request, or one without urgency whose turn has come in order of arrival. */
  get mostUrgent(): T | undefined {
    const { first } = this.#byArrival;
    const isItsTurn = first && first.position <= this.#removed;
    return isItsTurn || this.#byUrgency.size === 0 ? first : this.#mostUrgentInSight();
  }

  /** Of a short queue all are compared, of a long one the next LOOK, round and round. */
  #mostUrgentInSight(): T | undefined {
    const { first, size } = this.#byUrgency;
    let request = size > LOOK ? (this.#hand ?? first) : first;
    let best = request;
    let most = -Infinity;
    for (let left = Math.min(size, LOOK); request && left > 0; left--) {
      const urgency = request.urgency?.() || 0;
      if (urgency > most) {
        most = urgency;
        best = request;
      }
      request = request.after ?? first;
    }
    this.#hand = request;
    return best;
  }
}
