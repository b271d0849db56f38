import { causeOf } from '../../redact.js';

/** Why a video could not be saved; see `SaveError`. */
export type SaveErrorKind = 'expired' | 'refused' | 'not-a-video' | 'too-large' | 'network' | 'storage';

/**
 * One video could not be saved. `kind`:
 * - `expired`: the URL has expired, and a fresh query gave none that works;
 * - `refused`: a rule of this library forbids the request (a private address, a downgrade to http, a key that would
 *   travel unencrypted), or the service refused the key;
 * - `not-a-video`: the reply is no complete MP4;
 * - `too-large`: the video exceeds `maxBytes`;
 * - `network`: no attempt completed;
 * - `storage`: the directory or the sink failed.
 *
 * No message holds a key or a URL query. `cause` is a copy of `name`, `message` and `code`.
 */
export class SaveError extends Error {
  /** `SaveError`. */
  override readonly name = 'SaveError';
  /** Why the video could not be saved. */
  readonly kind: SaveErrorKind;

  /** Made by `saveVideo`. */
  constructor(kind: SaveErrorKind, message: string, { cause }: ErrorOptions = {}) {
    super(message, cause === undefined ? {} : { cause: causeOf(cause) });
    this.kind = kind;
  }

  /** Returns the fields with the message and the cause, which `JSON.stringify` would leave out. */
  toJSON(): object {
    const { name, kind, message, cause } = this;
    return { name, kind, message, ...(cause === undefined ? {} : { cause }) };
  }
}
