import { LONGEST_RETRY_AFTER } from '../durations.js';
import { QueryError, type QueryErrorKind } from '../errors.js';
import { brief } from '../redact.js';

/** Why a stream failed; with the value of the relay's limit that the request exceeds, where the relay names one. */
export type StreamError = QueryError & { readonly limit?: number };

/** @param shownUrl the URL of the relay, without its query */
export function streamError(shownUrl: string, kind: QueryErrorKind, what: string, fields?: object): StreamError {
  return new QueryError(kind, `the relay at ${shownUrl} ${what}`, fields);
}

/**
 * Passes a stream of events, and 204 (nothing is left to send).
 * @throws StreamError for anything else; `misconfigured` where the reply is no stream. WHATWG HTML, 9.2.2: an
 *   EventSource fails then, too, instead of reconnecting.
 */
export function checkResponse({ status, type, headers }: Response, shownUrl: string): void {
  const contentType = headers.get('content-type') ?? '';
  if (status === 204 || (status === 200 && contentType.startsWith('text/event-stream'))) return;
  // `redirect: 'manual'` hides the status: https://fetch.spec.whatwg.org/#concept-filtered-response-opaque-redirect
  if (type === 'opaqueredirect') throw streamError(shownUrl, 'misconfigured', 'redirects');
  const [seconds = NaN, limit = 0] = ['retry-after', 'relay-limit'].map((name) => Number(headers.get(name) ?? NaN));
  const which = status === 429 ? 'streamsPerSubject' : 'idsPerStream';
  const why = limit
    ? `; its limit is ${which}: ${limit}`
    : status < 300
      ? ` with ${brief(contentType)}, no event stream`
      : '';
  const retryAfterMs = seconds >= 0 ? Math.min(seconds * 1000, LONGEST_RETRY_AFTER) : undefined;
  const kind = KINDS[status] ?? (status < 500 ? 'misconfigured' : 'server');
  const error = streamError(shownUrl, kind, `answered HTTP ${status}${why}`, { httpStatus: status, retryAfterMs });
  throw Object.assign(error, limit && { limit });
}

const KINDS: Readonly<Record<number, QueryErrorKind>> = {
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not-found',
  408: 'timeout',
  410: 'not-found',
  425: 'timeout',
  429: 'rate-limited',
};
