export type SaveErrorKind = 'expired' | 'refused' | 'not-a-video' | 'too-large' | 'network' | 'storage';

/**
 * A video could not be saved. `kind`: `expired` (the URL has, and a fresh one did not help), `refused` (its host may not
 * be connected to), `not-a-video` (what came is no whole MP4), `too-large`, `network` (no download was complete),
 * `storage` (the directory or the sink). Its messages hold no URL query.
 */
export class SaveError extends Error {
  override readonly name = 'SaveError';

  constructor(
    readonly kind: SaveErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
