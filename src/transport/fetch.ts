import { Observable } from 'rxjs';
import { QueryError } from '../errors.js';
import { DEFAULT_LIMITS, type Transport, type TransportLimits, type TransportReply } from './transport.js';
import { checkLimits, decodeBody, tooLarge, transportError } from './reply.js';

export interface FetchTransportOptions extends TransportLimits {
  /** Another `fetch`, for instance one with a proxy. @default globalThis.fetch, looked up at each request */
  readonly fetch?: typeof globalThis.fetch;
}

/**
 * The transport that runs everywhere, over `fetch`. Follows no redirect, sends no cookies, caches nothing.
 *
 * By its nature it cannot refuse a compressed reply before unpacking it (`fetch` unpacks on its own): it stops reading
 * at `maxBytes` of unpacked text. Nor can it bound the time to connect alone: `headersTimeout` covers it. In Node,
 * `undiciTransport` does both.
 */
export function fetchTransport(options: FetchTransportOptions = {}): Transport {
  const { headersTimeout, totalTimeout, maxBytes } = checkLimits({ ...DEFAULT_LIMITS, ...options });
  return ({ url, headers }) =>
    new Observable<TransportReply>((subscriber) => {
      const controller = new AbortController();
      let timedOut: QueryError | undefined;
      const limit = (ms: number, what: string) =>
        setTimeout(() => {
          timedOut = new QueryError('timeout', `${what} within ${ms} ms`);
          controller.abort();
        }, ms);
      const headersTimer = limit(headersTimeout, 'no reply');
      const totalTimer = limit(totalTimeout, 'the reply was not complete');
      const stop = () => {
        clearTimeout(headersTimer);
        clearTimeout(totalTimer);
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
        clearTimeout(headersTimer);
        // Browsers hide where a redirect leads, and its status with it.
        if (response.type === 'opaqueredirect') return { status: 302, headers: {}, body: '' };
        const body = await readBody(response, maxBytes);
        return { status: response.status, headers: Object.fromEntries(response.headers), body };
      };

      exchange().then(
        (reply) => {
          stop();
          subscriber.next(reply);
          subscriber.complete();
        },
        (error: unknown) => {
          stop();
          // Whatever is still coming is not wanted any more.
          controller.abort();
          subscriber.error(timedOut ?? transportError(error));
        },
      );
      return () => {
        stop();
        controller.abort();
      };
    });
}

async function readBody(response: Response, maxBytes: number): Promise<string> {
  if (Number(response.headers.get('content-length')) > maxBytes) throw tooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = response.body?.getReader();
  for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
    const chunk: Uint8Array = part.value;
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return decodeBody(chunks, size);
}
