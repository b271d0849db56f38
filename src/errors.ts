import { assignDefined } from './fields.js';
import { brief, causeOf } from './redact.js';
import type { Task } from './task.js';

/**
 * Why one query was not answered.
 * - `unauthorized` (401): the service refused the key. Not retryable.
 * - `forbidden` (402, 403): the account may not see the task, or its quota is used up. Not retryable.
 * - `not-found` (404, 410): the service has no such task, or not yet. Not retryable, but polled during `notFoundGrace`.
 * - `rate-limited` (429): too many requests of this key.
 * - `server` (5xx, other error replies): the service could not answer.
 * - `network`: no reply arrived.
 * - `timeout` (408, 425): no complete reply arrived in time.
 * - `malformed`: the reply does not describe the task.
 * - `misconfigured` (3xx, other 4xx, certificates): the base URL or the request is wrong. Not retryable.
 * - `expired`: the service has deleted its record of the task. Not retryable.
 */
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

/** The optional fields of a QueryError. */
export interface QueryErrorFields {
  /**
   * Distinguishes errors of one kind: `no-video` (completed, but no URL yet), `wrong-task` (the answer is about
   * another id), `empty` (the query completed without an answer), or the service's own code.
   */
  readonly code?: string | undefined;
  /** ms to wait, as the service demands with Retry-After. */
  readonly retryAfterMs?: number | undefined;
  /** The HTTP status of the reply; absent where there was none. */
  readonly httpStatus?: number | undefined;
  /** The service's trace id of the reply. */
  readonly requestId?: string | undefined;
  /** The name of the provider. */
  readonly provider?: string | undefined;
  /** The id of the task. */
  readonly id?: string | undefined;
  /** What caused it; copied without secrets, as `{ name, message, code }`. */
  readonly cause?: unknown;
}

/** An error whose cause holds no secrets. Its optional fields are absent where they have no value. */
class NamedError extends Error {
  /** Copies the cause without secrets. */
  constructor(message: string, cause: unknown) {
    super(message, cause === undefined ? {} : { cause: causeOf(cause) });
  }

  /** Returns the fields with the message and the cause, which `JSON.stringify` would leave out. */
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
 * One query could not be answered. A failed poll is not a failed task.
 * `pollUntilTerminal` turns retryable ones into missed polls.
 */
export class QueryError extends NamedError {
  /** `QueryError`. Guards compare it, so that errors of a second copy of this library count too. */
  override readonly name = 'QueryError';
  /** Why the query was not answered. */
  readonly kind: QueryErrorKind;
  /** Whether the same question can be expected to be answered later. About the reply alone, not about who asked. */
  readonly retryable: boolean;
  /** Distinguishes errors of one kind; see `QueryErrorFields`. */
  declare readonly code?: string;
  /** ms to wait, as the service demands with Retry-After. */
  declare readonly retryAfterMs?: number;
  /** The HTTP status of the reply; absent where there was none. */
  declare readonly httpStatus?: number;
  /** The service's trace id of the reply. */
  declare readonly requestId?: string;
  /** The name of the provider. */
  declare readonly provider?: string;
  /** The id of the task. */
  declare readonly id?: string;

  /** Made by queries and wires; fields that are `undefined` are left out. */
  constructor(kind: QueryErrorKind, message: string, fields: QueryErrorFields = {}) {
    const { cause, ...optional } = fields;
    super(message, cause);
    this.kind = kind;
    this.retryable = RETRYABLE[kind];
    assignDefined(this, optional satisfies OptionalFields);
  }
}

/** The fields of a QueryError that are absent where they have no value: those that its constructor takes. */
type OptionalFields = {
  readonly [Name in Exclude<keyof QueryErrorFields, 'cause'>]?: QueryError[Name] | undefined;
};

/** Why tracking ended without a terminal answer; see `TrackingError`. */
export type TrackingErrorReason = 'query' | 'deadline' | 'expired' | 'no-video' | 'journal';

/** The fields of a TrackingError. */
export interface TrackingErrorFields {
  /** The id of the task. */
  readonly id: string;
  /** The name of the provider. */
  readonly provider: string;
  /** The last answer, if there was one. Not enumerable. */
  readonly last?: Task | undefined;
  /** How many polls in a row had been missed. */
  readonly misses: number;
  /** What ended tracking; copied without secrets, as `{ name, message, code }`. */
  readonly cause?: unknown;
}

/**
 * Tracking ended without a terminal answer.
 *
 * `reason`: `query` (asking again is pointless, for the reason in `cause`), `deadline`, `journal` (tracking could not
 * be made durable): the task may still be running and can be tracked again by its id. `expired` (the service has
 * deleted its record), `no-video` (the task is done, but no URL came): asking again shows nothing more.
 */
export class TrackingError extends NamedError {
  /** `TrackingError`. Guards compare it, so that errors of a second copy of this library count too. */
  override readonly name = 'TrackingError';
  /** Why tracking ended. */
  readonly reason: TrackingErrorReason;
  /** The id of the task. */
  readonly id: string;
  /** The name of the provider. */
  readonly provider: string;
  /** How many polls in a row had been missed. */
  readonly misses: number;
  /** The last good answer. Not enumerable, so that it reaches no log by accident. */
  declare readonly last?: Task;

  /** Made by pollers and trackers. */
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
  /** `TaskFailedError`. Guards compare it, so that errors of a second copy of this library count too. */
  override readonly name = 'TaskFailedError';
  /** The id of the task. */
  readonly id: string;
  /** The name of the provider. */
  readonly provider: string;
  /** How the task ended. */
  readonly status: 'failed' | 'cancelled';
  /** The task as the service returned it. Not enumerable, so that it reaches no log by accident. */
  declare readonly task: Extract<Task, { status: 'failed' | 'cancelled' }>;

  /** Made by `throwOnFailure()`. */
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

/**
 * Returns whether the value is a QueryError, by name and shape: of this copy of the library, of another, or of another
 * realm.
 */
export function isQueryError(error: unknown): error is QueryError {
  return isNamed(error, 'QueryError', 'kind');
}

/**
 * Returns whether the value is a TrackingError, by name and shape: of this copy of the library, of another, or of
 * another realm.
 */
export function isTrackingError(error: unknown): error is TrackingError {
  return isNamed(error, 'TrackingError', 'reason');
}

/**
 * Returns whether the value is a TaskFailedError, by name and shape: of this copy of the library, of another, or of
 * another realm.
 */
export function isTaskFailedError(error: unknown): error is TaskFailedError {
  return isNamed(error, 'TaskFailedError', 'status');
}

function isNamed(error: unknown, name: string, field: string): boolean {
  return Object(error) === error && (error as Error).name === name && field in (error as Error);
}
