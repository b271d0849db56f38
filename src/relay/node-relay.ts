import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Http2ServerRequest, Http2ServerResponse } from 'node:http2';
import { pipeline } from 'node:stream/promises';
import { show } from '../options.js';
import { messageOf } from '../redact.js';
import { methodNotAllowed } from './refusal.js';
import type { RelayHandler } from './relay-handler.js';

/** A listener for `node:http`, `node:https` and `node:http2`; in Express it is a handler, whose errors go to `next`. */
export type NodeRelayListener = (
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
  next?: (error?: unknown) => void,
) => void;

const nodeRequests = new WeakMap<Request, IncomingMessage | Http2ServerRequest>();

/**
 * Returns a relay as a listener of Node's own servers, and of what is built on them.
 *
 * What the handler rejects with is passed to `next`; without `next` the answer is 500.
 *
 * @throws TypeError at call time for anything but a function.
 *
 * @example
 * http.createServer(nodeRelay(relay)).listen(8080);
 * http2.createSecureServer({ key, cert, allowHTTP1: true }, nodeRelay(relay)).listen(8443);
 */
export function nodeRelay(relay: RelayHandler): NodeRelayListener {
  if (typeof relay !== 'function') {
    throw new TypeError(`nodeRelay: ${show(relay)} is no handler; write nodeRelay(relayHandler({ ... }))`);
  }
  return (request, response, next) => {
    answer(relay, request, response).catch((error: unknown) => {
      // Express takes what is falsy for success, and the texts "route" and "router" for commands.
      if (next) next(Object(error) === error ? error : new Error(messageOf(error)));
      else if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
  };
}

/**
 * Returns the Node request of a Request that `nodeRelay` made: in `authorize`, what earlier middleware has decorated it
 * with, such as `user`. Undefined for any other Request.
 */
export function incomingOf(request: Request): IncomingMessage | Http2ServerRequest | undefined {
  return nodeRequests.get(request);
}

async function answer(
  relay: RelayHandler,
  request: IncomingMessage | Http2ServerRequest,
  response: ServerResponse | Http2ServerResponse,
): Promise<void> {
  const leaving = new AbortController();
  response.once('close', () => {
    leaving.abort();
  });
  const { method = 'GET' } = request;
  const init = { method, headers: headersOf(request), signal: leaving.signal };
  // `new Request` refuses these methods: https://fetch.spec.whatwg.org/#forbidden-method
  const isForbidden = /^(CONNECT|TRACE|TRACK)$/i.test(method);
  const webRequest = isForbidden ? undefined : new Request(urlOf(request.url ?? '/'), init);
  if (webRequest) nodeRequests.set(webRequest, request);
  const { status, headers, body } = webRequest ? await relay(webRequest) : methodNotAllowed();

  for (const [name, value] of headers) {
    if (request.httpVersionMajor > 1 && CONNECTION_HEADERS.has(name)) continue;
    if (name === 'set-cookie') response.appendHeader(name, value);
    else response.setHeader(name, value);
  }
  response.writeHead(status);
  if (!body) {
    response.end();
    return;
  }
  // Sends the headers now, before the first event. In HTTP/2 `writeHead` has sent them.
  if ('flushHeaders' in response) response.flushHeaders();
  // Rejects when the client leaves or is dropped. `response` is closed then, and no answer is possible.
  await pipeline(body, response).catch(() => undefined);
}

/** RFC 9113, 8.2.2: a message that has these fields is malformed in HTTP/2. */
const CONNECTION_HEADERS = new Set(['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']);

/**
 * The request's fields. Node has joined those that came several times, which matters for `cookie`: HTTP/2 clients split
 * it, and only "; " joins it again (RFC 9113, 8.2.3).
 */
function headersOf({ headers }: IncomingMessage | Http2ServerRequest): [string, string][] {
  // RFC 9113, 8.3.1: HTTP/2 has the pseudo-header `:authority` in the place of `host`.
  const host = headers.host ?? headers[':authority'];
  return Object.entries({ ...headers, host })
    .filter(([name]) => !name.startsWith(':'))
    .flatMap(([name, value = []]) => [value].flat().map((one): [string, string] => [name, one]));
}

/**
 * RFC 9112, 3.2: the target is a path with a query; through a proxy, a whole URL. The host is what the client chose to
 * write, and nothing here depends on it.
 */
function urlOf(target: string): string {
  const path = target.replace(/^[a-z][a-z\d+.-]*:\/\/[^/?#]*/i, '');
  return `http://localhost${path.startsWith('/') ? path : `/${path}`}`;
}
