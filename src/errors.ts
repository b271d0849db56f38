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

/** An error whose cause holds no secrets. Its optional fields are absent where they have no value. */
class NamedError extends Error {
  constructor(message: string, cause: unknown) {
    super(message, cause === undefined ? {} : { cause: causeOf(cause) });
  }

  /** With the message and the cause, which `JSON.stringify` would leave out. */
  toJSON(): object {
    const { message, cause } = this;
    return Object.assign({ message, cause }, this);
  }
}

/** Whether the same query can be expected to be answered later. */
const RETRYABLE: Readonly<Record<QueryErrorKind, boolean>> = {
  unauthorized: false,
  forbidden: false,
  'not-found': false,
  'rate-limited': true,
  server: true,
  network: true,
  timeout: true,
  malformed: true,
  misconfigured: false,
  expired: false,
};

/**
 * One query could not be answered. It says nothing about the task: a failed poll is not a failed task.
 * `pollUntilTerminal` turns retryable ones into missed polls.
 */
export class QueryError extends NamedError {
  override readonly name = 'QueryError';
  readonly kind: QueryErrorKind;
  /** Whether the same question can be expected to be answered later. About the reply alone, not about who asked. */
  readonly retryable: boolean;
  declare readonly code?: string;
  /** ms, as the service asked with Retry-After. */
  declare readonly retryAfterMs?: number;
  declare readonly httpStatus?: number;
  /** The service's trace id. */
  declare readonly requestId?: string;
  declare readonly provider?: string;
  declare readonly id?: string;

  constructor(kind: QueryErrorKind, message: string, fields: QueryErrorFields = {}) {
    const { cause, ...optional } = fields;
    super(message, cause);
    this.kind = kind;
    this.retryable = RETRYABLE[kind];
    assignDefined(this, optional);
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
  override readonly name = 'TrackingError';
  readonly reason: TrackingErrorReason;
  readonly id: string;
  readonly provider: string;
  readonly misses: number;
  /** Not enumerable. */
  declare readonly last?: Task;

  constructor(reason: TrackingErrorReason, message: string, fields: TrackingErrorFields) {
    super(message, fields.cause);
    this.reason = reason;
    this.id = fields.id;
    this.provider = fields.provider;
    this.misses = fields.misses;
    Object.defineProperty(this, 'last', { value: fields.last });
  }
}

/** The task itself ended without a video: thrown by `throwOnFailure()` only. Elsewhere a failed task is a value. */
export class TaskFailedError extends NamedError {
  override readonly name = 'TaskFailedError';
  readonly id: string;
  readonly provider: string;
  readonly status: 'failed' | 'cancelled';
  /** The task as the service returned it. Not enumerable. */
  declare readonly task: Extract<Task, { status: 'failed' | 'cancelled' }>;

  constructor(task: Extract<Task, { status: 'failed' | 'cancelled' }>) {
    const { id, provider, status } = task;
    const what = status === 'failed' ? `failed: ${brief(task.failure.message)}` : 'was cancelled at the service';
    super(`${provider} task ${id} ${what}`, undefined);
    this.id = id;
    this.provider = provider;
    this.status = status;
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
