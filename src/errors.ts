import { assignDefined } from './fields.js';
import { brief, causeOf } from './redact.js';
import type { Task } from './task.js';

/** Why one query was not answered. */
export type QueryErrorKind =
  | 'unauthorized'
  | 'forbidden'
  | 'not-found'
  | 'rate-limited'
  | 'server'
  | 'network'
  | 'timeout'
  | 'malformed'
  | 'misconfigured'
  | 'expired';

export interface QueryErrorFields {
  /**
   * What tells answers of one kind apart: `no-video` (completed, but no URL yet), `wrong-task` (the answer is about
   * another id), `empty` (the query completed without an answer), or the service's own code.
   */
  readonly code?: string | undefined;
  /** ms, as the service asked with Retry-After. */
  readonly retryAfterMs?: number | undefined;
  readonly httpStatus?: number | undefined;
  readonly requestId?: string | undefined;
  readonly provider?: string | undefined;
  readonly id?: string | undefined;
  readonly cause?: unknown;
}

/** An error with a literal name, fields that are there only if they have a value, and a cause that tells no secrets. */
class NamedError extends Error {
  constructor(
    name: string,
    message: string,
    { cause, ...fields }: { readonly cause?: unknown; readonly [field: string]: unknown },
  ) {
    super(message, cause === undefined ? {} : { cause: causeOf(cause) });
    assignDefined(this, { name, ...fields });
  }

  /** With the message and the cause, which `JSON.stringify` would leave out. */
  toJSON(): object {
    const { message, cause } = this;
    return Object.assign({ message, cause }, this);
  }
}

/**
 * One query could not be answered. It says nothing about the task: a failed poll is not a failed task.
 * `pollUntilTerminal` turns retryable ones into missed polls.
 */
export class QueryError extends NamedError {
  declare readonly name: 'QueryError';
  declare readonly kind: QueryErrorKind;
  /** Whether the same question can be expected to be answered later. About the reply alone, not about who asked. */
  declare readonly retryable: boolean;
  declare readonly code?: string;
  /** ms, as the service asked with Retry-After. */
  declare readonly retryAfterMs?: number;
  declare readonly httpStatus?: number;
  /** The service's trace id. */
  declare readonly requestId?: string;
  declare readonly provider?: string;
  declare readonly id?: string;

  constructor(kind: QueryErrorKind, message: string, fields: QueryErrorFields = {}) {
    const retryable = /^(rate|server|network|timeout|malformed)/.test(kind);
    super('QueryError', message, { kind, retryable, ...fields });
  }
}

export type TrackingErrorReason = 'query' | 'deadline' | 'expired' | 'no-video' | 'journal';

export interface TrackingErrorFields {
  readonly id: string;
  readonly provider: string;
  /** The last answer, if there was one. Not enumerable. */
  readonly last?: Task | undefined;
  /** How many polls in a row had been missed. */
  readonly misses: number;
  readonly cause?: unknown;
}

/**
 * Tracking ended without a terminal answer. The task may still be running and can be tracked again by its id.
 *
 * `reason`: `query` (asking again is pointless; `cause` says why), `deadline`, `expired` (the service has deleted its
 * record), `no-video` (the task is done, but no URL came), `journal` (tracking could not be made durable).
 */
export class TrackingError extends NamedError {
  declare readonly name: 'TrackingError';
  declare readonly reason: TrackingErrorReason;
  declare readonly id: string;
  declare readonly provider: string;
  declare readonly misses: number;
  /** Not enumerable. */
  declare readonly last?: Task;

  constructor(reason: TrackingErrorReason, message: string, { last, ...fields }: TrackingErrorFields) {
    super('TrackingError', message, { reason, ...fields });
    Object.defineProperty(this, 'last', { value: last });
  }
}

/** The task itself ended without a video: thrown by `throwOnFailure()` only. Elsewhere a failed task is a value. */
export class TaskFailedError extends NamedError {
  declare readonly name: 'TaskFailedError';
  declare readonly id: string;
  declare readonly provider: string;
  declare readonly status: 'failed' | 'cancelled';
  /** The task as it came. Not enumerable. */
  declare readonly task: Extract<Task, { status: 'failed' | 'cancelled' }>;

  constructor(task: Extract<Task, { status: 'failed' | 'cancelled' }>) {
    const { id, provider, status } = task;
    const what = status === 'failed' ? `failed: ${brief(task.failure.message)}` : 'was cancelled at the service';
    super('TaskFailedError', `${provider} task ${id} ${what}`, { id, provider, status });
    Object.defineProperty(this, 'task', { value: task });
  }
}

// The guards go by name and shape: a class of another realm, or of a second copy of this library, is as good.

export function isQueryError(error: unknown): error is QueryError {
  return isNamed(error, 'QueryError', 'kind');
}

export function isTrackingError(error: unknown): error is TrackingError {
  return isNamed(error, 'TrackingError', 'reason');
}

export function isTaskFailedError(error: unknown): error is TaskFailedError {
  return isNamed(error, 'TaskFailedError', 'status');
}

function isNamed(error: unknown, name: string, field: string): boolean {
  return Object(error) === error && (error as Error).name === name && field in (error as Error);
}
