import { Observable } from 'rxjs';
import { QueryError } from '../errors.js';
import { checkFunction } from '../options.js';
import { DEFAULT_LIMITS, type Transport, type TransportLimits, type TransportReply } from './transport.js';
import { Body, checkLimits, transportError } from './reply.js';

/** The limits of an exchange, and the `fetch` that sends it. */
export interface FetchTransportOptions extends TransportLimits {
  /** Another `fetch`, for instance one with a proxy. @default globalThis.fetch, looked up at each request */
  readonly fetch?: typeof globalThis.fetch;
}

/**
 * Returns the transport that runs everywhere, over `fetch`. Follows no redirect, sends no cookies, caches nothing.
 *
 * `fetch` hides too much for the following; in Node, `undiciTransport` does it:
 * - A compressed reply is unpacked, not refused. Reading stops at `maxBytes` of unpacked text.
 * - The time to connect has no limit of its own: `headersTimeout` covers it, and the wait for a socket in a browser.
 * - The number of sockets is not bounded.
 * - A request that meets a socket which the server has just closed is not sent again in Node (nodejs/undici#3492): that
 *   poll is missed.
 *
 * @throws TypeError at call time for an unknown option or a `fetch` that is no function; RangeError for a limit that no
 * timer or buffer can keep.
 */
export function fetchTransport(options: FetchTransportOptions = {}): Transport {
  const { headersTimeout, totalTimeout, maxBytes } = checkLimits('fetchTransport', options, DEFAULT_LIMITS, ['fetch']);
  if (options.fetch !== undefined) checkFunction('fetch', options.fetch);
  return ({ url, headers }) =>
    new Observable<TransportReply>((subscriber) => {
      const controller = new AbortController();
      let timedOut: QueryError | undefined;
      // Counted in quarters, of which a blocked event loop takes one at most. After the last one, a reply that has
      // arrived is read first.
      const limit = (ms: number, what: string) => {
        const stop = () => {
          timedOut = new QueryError('timeout', `${what} within ${ms} ms`);
          controller.abort();
        };
        let quarters = 4;
        const wait = () => setTimeout(() => (timer = --quarters ? wait() : setTimeout(stop, 0)), ms / 4);
        let timer = wait();
        return () => {
          clearTimeout(timer);
        };
      };
      const headersCame = limit(headersTimeout, 'no reply');
      const allCame = limit(totalTimeout, 'the reply was not complete');
      const stop = () => {
        headersCame();
        allCame();
        // Also ends a reply that is still arriving.
        controller.abort();
      };

      const exchange = async (): Promise<TransportReply> => {
        const response = await (options.fetch ?? globalThis.fetch)(url, {
          headers,
          signal: controller.signal,
          redirect: 'manual',
          credentials: 'omit',
          cache: 'no-store',
          referrerPolicy: 'no-referrer',
        });
        headersCame();
        // Hides where the redirect leads, and its status with it:
        // https://fetch.spec.whatwg.org/#concept-filtered-response-opaque-redirect
        if (response.type === 'opaqueredirect') return { status: 302, headers: {}, body: '' };
        const body = await readBody(response, maxBytes);
        return { status: response.status, headers: Object.fromEntries(response.headers), body };
      };

      exchange().then(
        (reply) => {
          subscriber.next(reply);
          subscriber.complete();
        },
        (error: unknown) => {
          subscriber.error(timedOut ?? transportError(error));
        },
      );
      return stop;
    });
}

async function readBody(response: Response, maxBytes: number): Promise<string> {
  const body = new Body(maxBytes);
  body.expect(response.headers.get('content-length'));
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) body.add(part.value);
  return body.text();
}
