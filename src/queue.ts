/** An entry of a queue; of one queue at a time. */
export interface Waiter<T> {
  before?: T | undefined;
  after?: T | undefined;
}

/**
 * First in, first out, with removal from the middle. A linked list, since a `Set` that many entries pass through
 * replaces its hash table again and again, and each dead table keeps the next one alive, with all entries, until a full
 * collection.
 */
export class Queue<T extends Waiter<T>> {
  size = 0;
  first: T | undefined;
  #last: T | undefined;

  add(one: T): void {
    one.before = this.#last;
    if (this.#last) this.#last.after = one;
    else this.first = one;
    this.#last = one;
    this.size += 1;
  }

  /** Returns whether it waited here; it must not wait in another queue. */
  delete(one: T): boolean {
    const { before, after } = one;
    if (!before && this.first !== one) return false;
    if (before) before.after = after;
    else this.first = after;
    if (after) after.before = before;
    else this.#last = before;
    one.before = one.after = undefined;
    this.size -= 1;
    return true;
  }
}
