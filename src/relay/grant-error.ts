/**
 * What `authorize` returned is no grant: a fault of the application, so the relay's handler rejects with it (and
 * `nodeRelay` passes it to `next`, or answers 500) instead of answering the client.
 */
export class GrantError extends TypeError {
  /** `GrantError`. `isGrantError` compares it, so that errors of a second copy of this library count too. */
  override readonly name = 'GrantError';
}

/** Returns whether the value is a GrantError, by name: of this copy of the library, of another, or of another realm. */
export function isGrantError(error: unknown): error is GrantError {
  return Object(error) === error && (error as Error).name === 'GrantError';
}
