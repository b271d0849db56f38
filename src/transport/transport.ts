import type { Observable } from 'rxjs';
import { LONGEST_RETRY_AFTER } from '../durations.js';

/** A GET request. */
export interface TransportRequest {
  /** The absolute URL, or a path where the page's own server is asked. */
  readonly url: string;
  /** Request headers by name; they may hold the API key. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A reply, whatever its status. */
export interface TransportReply {
  /** The HTTP status. */
  readonly status: number;
  /** Response headers; names in lower case, several of one name joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** The body as text. */
  readonly body: string;
}

/**
 * One GET per subscription: emits one reply, whatever its status, and completes. Errors (with a QueryError) only when
 * there is no reply. Unsubscribing aborts the request. Tasks, keys and the time of the next ask are none of its
 * concern.
 */
export type Transport = (request: TransportRequest) => Observable<TransportReply>;

/** The limits of every transport, in ms and bytes. */
export interface TransportLimits {
  /** ms until the headers of the reply have arrived. @default 30_000 */
  readonly headersTimeout?: number;
  /** ms for the whole exchange, from sending the request to the last byte of the reply. @default 60_000 */
  readonly totalTimeout?: number;
  /** The largest body, in bytes. @default 1_048_576 (1 MiB) */
  readonly maxBytes?: number;
}

export const DEFAULT_LIMITS: Required<TransportLimits> = {
  headersTimeout: 30_000,
  totalTimeout: 60_000,
  maxBytes: 1_048_576,
};

/**
 * How long a reply asks us to wait, in ms: from `retry-after-ms` (as the OpenAI clients do), or `Retry-After` in
 * seconds or as a date (RFC 9110, section 10.2.3). A date counts from the server's own Date header. Anything else is
 * ignored; the most is 15 minutes.
 */
export function retryAfterOf(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const text = headers['retry-after'];
  const ms = decimal(headers['retry-after-ms']) ?? decimal(text, 1000);
  if (ms !== undefined) return Math.min(ms, LONGEST_RETRY_AFTER);
  if (text === undefined || !/[a-z]{3}/i.test(text)) return undefined;
  const wait = Date.parse(text) - serverTime(headers, now);
  return wait > 0 ? Math.min(wait, LONGEST_RETRY_AFTER) : undefined;
}

/** The server's clock when it replied, in epoch ms; `now` without a Date header. */
export function serverTime({ date }: Readonly<Record<string, string>>, now: number): number {
  // Many replies arrive within the same second.
  if (date !== lastDate) lastTime = Date.parse((lastDate = date) ?? '');
  return lastTime || now;
}

let lastDate: string | undefined;
let lastTime = NaN;

function decimal(text: string | undefined, unit = 1): number | undefined {
  return text !== undefined && /^\s*\d+(\.\d+)?\s*$/.test(text) ? Number(text) * unit : undefined;
}
