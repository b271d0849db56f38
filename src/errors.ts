import type { Task, TerminalTask } from './task.js';
import { isTerminal } from './task.js';

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

const RETRYABLE: ReadonlySet<QueryErrorKind> = new Set(['rate-limited', 'server', 'network', 'timeout', 'malformed']);

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

/**
 * One query could not be answered. It says nothing about the task: a failed poll is not a failed task.
 * `pollUntilTerminal` turns retryable ones into missed polls.
 */
export class QueryError extends Error {
  override readonly name = 'QueryError';
  readonly kind: QueryErrorKind;
  /** Whether the same question can be expected to be answered later. About the reply alone, not about who asked. */
  readonly retryable: boolean;
  readonly code?: string;
  /** ms, as the service asked with Retry-After. */
  readonly retryAfterMs?: number;
  readonly httpStatus?: number;
  /** The service's trace id. */
  readonly requestId?: string;
  readonly provider?: string;
  readonly id?: string;

  constructor(kind: QueryErrorKind, message: string, { cause, ...fields }: QueryErrorFields = {}) {
    super(message, cause === undefined ? undefined : { cause: causeOf(cause) });
    this.kind = kind;
    this.retryable = RETRYABLE.has(kind);
    assignDefined(this, fields);
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
export class TrackingError extends Error {
  override readonly name = 'TrackingError';
  readonly reason: TrackingErrorReason;
  readonly id: string;
  readonly provider: string;
  readonly misses: number;
  declare readonly last?: Task;

  constructor(reason: TrackingErrorReason, message: string, fields: TrackingErrorFields) {
    super(message, fields.cause === undefined ? undefined : { cause: causeOf(fields.cause) });
    this.reason = reason;
    this.id = fields.id;
    this.provider = fields.provider;
    this.misses = fields.misses;
    if (fields.last) Object.defineProperty(this, 'last', { value: fields.last });
  }

  toJSON(): object {
    const { name, message, reason, id, provider, misses, cause } = this;
    return { name, message, reason, id, provider, misses, cause };
  }
}

/** The task itself ended without a video: thrown by `throwOnFailure()` only. Elsewhere a failed task is a value. */
export class TaskFailedError extends Error {
  override readonly name = 'TaskFailedError';
  readonly id: string;
  readonly provider: string;
  readonly status: 'failed' | 'cancelled';
  /** The task as it came. Not enumerable. */
  declare readonly task: Extract<Task, { status: 'failed' | 'cancelled' }>;

  constructor(task: Extract<Task, { status: 'failed' | 'cancelled' }>) {
    const what = task.status === 'failed' ? `failed: ${redact(task.failure.message)}` : 'was cancelled at the service';
    super(`${task.provider} task ${task.id} ${what}`);
    this.id = task.id;
    this.provider = task.provider;
    this.status = task.status;
    Object.defineProperty(this, 'task', { value: task });
  }
}

/**
 * A task that cannot be tracked any more, as a value, so that it ends no merged stream. Whether the task itself failed
 * is not known: `isTerminal` is false for it, `isSettled` true.
 */
export interface LostTask {
  readonly status: 'lost';
  readonly id: string;
  readonly provider: string;
  /** Epoch ms. */
  readonly observedAt: number;
  readonly seq?: number;
  readonly error: TrackingError;
  readonly last?: Task;
}

/** What a merged stream of many tasks carries. */
export type TrackedTask = Task | LostTask;

/** Whether no more transitions will come: terminal, or lost. */
export function isSettled(task: TrackedTask): task is TerminalTask | LostTask {
  return task.status === 'lost' || isTerminal(task);
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
  return typeof error === 'object' && error !== null && (error as Error).name === name && field in error;
}

/**
 * A text from outside, fit for a message: at most 200 characters, without URL queries, bearer tokens and whatever
 * shares eight characters in a row with the secret.
 */
export function redact(text: string, secret = ''): string {
  let clean = text
    .slice(0, 1000)
    .replace(/(https?:\/\/[^\s?#"'<>]*)[?#][^\s"'<>]*/gi, '$1?…')
    .replace(/\bbearer\s+[^\s"',]+/gi, 'Bearer …')
    .replace(/\bsk-[\w-]+/gi, '…');
  for (let at = 0; at + 8 <= clean.length; at++) {
    let end = at + 8;
    if (!secret.includes(clean.slice(at, end))) continue;
    while (end < clean.length && secret.includes(clean.slice(at, end + 1))) end++;
    clean = `${clean.slice(0, at)}…${clean.slice(end)}`;
  }
  return clean.length > 200 ? `${clean.slice(0, 199)}…` : clean;
}

/** What may be known of an error's origin: its own fields and its stack stay behind, they can hold keys and bodies. */
function causeOf(error: unknown): object {
  if (typeof error !== 'object' || error === null) return { name: 'Error', message: redact(String(error)) };
  const { name, code, kind, message } = error as Error & { code?: unknown; kind?: unknown };
  const cause = { name: String(name), message: redact(String(message)) };
  const tag = code ?? kind;
  return typeof tag === 'string' ? { ...cause, code: tag } : cause;
}

/** Sets the fields that have a value, so that the others are absent, not `undefined`. */
export function assignDefined(target: object, fields: object): void {
  for (const [name, value] of Object.entries(fields) as [string, unknown][]) {
    if (value !== undefined) (target as Record<string, unknown>)[name] = value;
  }
}
