/**
 * What `authorize` returned is no grant: a fault of the application, so the relay's handler rejects with it (and
 * `nodeRelay` passes it to `next`, or answers 500) instead of answering the client.
 */
export class GrantError extends TypeError {
  override readonly name = 'GrantError';
}

/** Goes by the name, so that it holds across realms and for a second copy of this library. */
export function isGrantError(error: unknown): error is GrantError {
  return Object(error) === error && (error as Error).name === 'GrantError';
}
