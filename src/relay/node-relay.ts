import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { RelayHandler } from './relay-handler.js';

/** A listener for `node:http`; in Express it is a handler, and `next` gets what the relay cannot answer. */
export type NodeRelayListener = (
  request: IncomingMessage,
  response: ServerResponse,
  next?: (error?: unknown) => void,
) => void;

const incoming = new WeakMap<Request, IncomingMessage>();

/**
 * A relay as a listener of Node's own server, and of whatever is built on it.
 *
 * @example
 * http.createServer(nodeRelay(relay)).listen(8080);
 */
export function nodeRelay(relay: RelayHandler): NodeRelayListener {
  return (request, response, next) => {
    answer(relay, request, response).catch((error: unknown) => {
      if (next) next(error);
      else if (response.headersSent) response.destroy();
      else response.writeHead(500).end();
    });
  };
}

/** The Node request behind a Request that `nodeRelay` made: `authorize` finds there what middleware has left, such as `user`. */
export function incomingOf(request: Request): IncomingMessage | undefined {
  return incoming.get(request);
}

async function answer(relay: RelayHandler, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const gone = new AbortController();
  response.once('close', () => {
    gone.abort();
  });
  const headers = Object.entries(request.headersDistinct)
    .filter(([name]) => !name.startsWith(':'))
    .flatMap(([name, values = []]) => values.map((value): [string, string] => [name, value]));
  // The host is whatever the client says, and nothing here depends on it.
  const url = new URL(`http://localhost${request.url ?? '/'}`);
  const asked = new Request(url, { method: request.method ?? 'GET', headers, signal: gone.signal });
  incoming.set(asked, request);

  const { status, headers: own, body } = await relay(asked);
  response.writeHead(status, Object.fromEntries(own));
  if (!body) {
    response.end();
    return;
  }
  response.flushHeaders();
  // It fails when the client goes away or is dropped: nobody is left to be told.
  await pipeline(body, response).catch(() => undefined);
}
