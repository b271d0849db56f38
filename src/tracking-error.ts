import { isTrackingError, TrackingError, type TrackingErrorReason } from './errors.js';
import { brief, messageOf } from './redact.js';
import type { Task } from './task.js';

interface Ending {
  readonly provider: string;
  readonly id: string;
  /** The last good answer. */
  readonly last?: Task | undefined;
  /** How many polls in a row had been missed. @default 0 */
  readonly misses?: number | undefined;
  /** Says more than the message of the cause. */
  readonly detail?: string | undefined;
  /** What ended it. A TrackingError is not wrapped in another one: its message and cause stay. */
  readonly cause?: unknown;
}

/** A TrackingError with its message: which task, why, what is known of it, what to do. */
export function trackingError(reason: TrackingErrorReason, ending: Ending): TrackingError {
  const { provider, id, last, misses = 0, cause } = ending;
  const { detail = textOf(cause) } = ending;
  if (isTrackingError(cause)) {
    const fields = { provider, id, misses, cause: cause.cause, last: cause.last ?? last };
    return new TrackingError(cause.reason, cause.message, fields);
  }
  let message = `${provider} task ${id}: tracking ended [${reason}]`;
  if (detail) message += `: ${detail.replace(/\.$/, '')}`;
  // Times from outside may be no dates: toJSON accepts those too.
  message += last ? ` (${last.status} at ${new Date(last.observedAt).toJSON()})` : ' (no answer)';
  if (reason !== 'expired' && reason !== 'no-video') message += '. It may still be running: track it again by its id';
  return new TrackingError(reason, message, { provider, id, misses, cause, last });
}

function textOf(cause: unknown): string {
  if (cause === undefined) return '';
  return cause instanceof Error ? cause.message : brief(messageOf(cause));
}
