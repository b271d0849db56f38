/** A poll that can be kept from asking. */
export interface Holdable {
  withdraw(): void;
  release(): void;
}

/**
 * Whether the polls of a tracker may start, by the caller's `active`, and which of them have not sent their request.
 */
export class Activity {
  #isActive = true;
  /** Due, but not allowed to ask. */
  readonly #held = new Set<Holdable>();
  /** Allowed to ask, but their request still waits for its turn. */
  readonly #queued = new Set<Holdable>();

  get isActive(): boolean {
    return this.#isActive;
  }

  set(isActive: boolean): void {
    this.#isActive = isActive;
    const polls = isActive ? this.#held : this.#queued;
    for (const poll of polls) {
      // A callback of a subscriber may have set it again.
      if (this.#isActive !== isActive) return;
      polls.delete(poll);
      if (isActive) poll.release();
      else poll.withdraw();
    }
  }

  /** A poll is due. Returns whether it has to wait until polls may start. */
  hold(poll: Holdable): boolean {
    if (!this.#isActive) this.#held.add(poll);
    return !this.#isActive;
  }

  /** A poll asks; its request goes when its turn comes. */
  queue(poll: Holdable): void {
    this.#queued.add(poll);
  }

  /** The request of a poll has gone, or the poll has stopped. */
  forget(poll: Holdable): void {
    this.#held.delete(poll);
    this.#queued.delete(poll);
  }
}
