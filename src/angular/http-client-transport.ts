import type { HttpClient } from '@angular/common/http';
import { catchError, map, of, throwError, timeout } from 'rxjs';
import { QueryError } from '../errors.js';
import { check, checkLimit, checkOptions } from '../options.js';
import type { Transport, TransportReply } from '../transport/index.js';

/** The limit of an exchange. */
export interface HttpClientTransportOptions {
  /** For the whole exchange, in ms. @default 60_000 */
  readonly totalTimeout?: number;
}

/**
 * Returns the transport over Angular's HttpClient, so that an application's interceptors see every query: for a backend
 * of your own that stands before the services and adds the key (`apiKey: null` and a relative base URL).
 *
 * Answers are never taken from the transfer cache (https://angular.dev/guide/ssr#caching-data-when-using-httpclient): a
 * poll after hydration must not get what the server saw. What HttpClient keeps to itself, this cannot do: bound the
 * size of a reply, or refuse a redirect.
 *
 * @throws TypeError at call time without an HttpClient, and for an unknown option; RangeError for a limit that no timer
 * can keep.
 *
 * @example
 * provideVideoTasks(() => {
 *   const provider = alad({ apiKey: null, baseUrl: '/api/alad' });
 *   return createTracker({ provider, transport: httpClientTransport(inject(HttpClient)) });
 * })
 */
export function httpClientTransport(http: HttpClient, options: HttpClientTransportOptions = {}): Transport {
  check('http', http, typeof http?.get === 'function', 'inject(HttpClient)');
  checkOptions('httpClientTransport', 'httpClientTransport(http, { totalTimeout })', options, ['totalTimeout']);
  const { totalTimeout = 60_000 } = options;
  checkLimit('totalTimeout', totalTimeout);
  return ({ url, headers }) =>
    http.get(url, { headers, observe: 'response', responseType: 'text', transferCache: false }).pipe(
      map(({ status, headers: own, body }) => replyOf(status, own, body)),
      catchError((error: unknown) => {
        const { status, headers: own, error: body } = error as Partial<ErrorResponse>;
        // HttpClient errors for every status outside 200..299. Without a status there was no reply.
        if (own && status) return of(replyOf(status, own, body));
        return throwError(() => new QueryError('network', 'the exchange failed', { cause: error }));
      }),
      timeout({
        first: totalTimeout,
        with: () => throwError(() => new QueryError('timeout', `no reply within ${totalTimeout} ms`)),
      }),
    );
}

type HeadersLike = { keys(): string[]; get(name: string): string | null };
interface ErrorResponse {
  readonly status: number;
  readonly headers: HeadersLike;
  readonly error: unknown;
}

function replyOf(status: number, headers: HeadersLike, body: unknown): TransportReply {
  const named = headers.keys().map((name) => [name.toLowerCase(), headers.get(name) ?? '']);
  return {
    status,
    headers: Object.fromEntries(named) as Record<string, string>,
    body: typeof body === 'string' ? body : '',
  };
}
