/** What can wait in a queue, in one at a time. */
export interface Waiter<T> {
  before?: T | undefined;
  after?: T | undefined;
}

/**
 * First come, first served; whoever waits may leave. Linked, and unlinked wholly: a Set through which much passes drops its
 * tables one after the other, and until a full garbage collection each dead one holds the next, with all that stood in it.
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

  /** Without effect on what does not wait here. */
  delete(one: T): void {
    const { before, after } = one;
    if (!before && this.first !== one) return;
    if (before) before.after = after;
    else this.first = after;
    if (after) after.before = before;
    else this.#last = before;
    one.before = one.after = undefined;
    this.size -= 1;
  }
}
