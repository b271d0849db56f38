/** One attempt failed, another may succeed. */
export class RetryableError extends Error {
  /** Not to be tried again sooner than this, in ms (Retry-After). */
  readonly retryAfterMs: number;

  constructor(message: string, retryAfterMs = 0) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}
