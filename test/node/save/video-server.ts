import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** A file that is an MP4 by its boxes, filled from a seed. */
export function mp4(bytes: number, seed = 1): Buffer {
  const box = (type: string, size: number) => {
    const made = Buffer.alloc(size);
    made.writeUInt32BE(size, 0);
    made.write(type, 4, 'latin1');
    return made;
  };
  const media = box('mdat', bytes - 24 - 100);
  let state = seed;
  for (let at = 8; at < media.length; at++) media[at] = (state = (state * 1103515245 + 12345) & 0x7fffffff) >> 16;
  return Buffer.concat([box('ftyp', 24), box('moov', 100), media]);
}

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export interface Seen {
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
}

/** A server on the loopback interface, until the end of the test. */
export async function serve(answer: RequestListener) {
  const requests: Seen[] = [];
  const server = createServer((request, response) => {
    requests.push({ url: request.url ?? '', headers: request.headers });
    answer(request, response);
  });
  let connections = 0;
  server.on('connection', () => connections++);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { host, url: `http://${host}/v.mp4?token=secret`, requests, connections: () => connections };
}

export interface SendOptions {
  readonly etag?: string;
  /** Cuts the connection after so many bytes of this answer. */
  readonly cutAfter?: number;
  /** ms between pieces of 16 kB. */
  readonly pause?: number;
  readonly ignoresRange?: boolean;
  /** Called before the answer is complete: the next request can come before its response is seen as closed. */
  readonly onEnd?: () => void;
}

/** Sends a file as an object store does, or not quite. */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  file: Buffer,
  { etag, cutAfter = Infinity, pause = 0, ignoresRange = false, onEnd }: SendOptions = {},
): void {
  const tag = etag === undefined ? {} : { etag };
  const { range = '', 'if-range': unlessChanged } = request.headers;
  const start = Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0);
  const isPart = start > 0 && !ignoresRange && (unlessChanged === undefined || unlessChanged === etag);
  if (isPart && start >= file.length) {
    response.writeHead(416, { ...tag, 'content-range': `bytes */${file.length}` }).end();
    return;
  }
  const body = isPart ? file.subarray(start) : file;
  response.writeHead(isPart ? 206 : 200, {
    ...tag,
    'content-type': 'video/mp4',
    'content-length': body.length,
    ...(isPart ? { 'content-range': `bytes ${start}-${file.length - 1}/${file.length}` } : {}),
  });
  const until = Math.min(body.length, cutAfter);
  const from = (at: number) => {
    if (response.destroyed) return;
    if (at >= until) {
      if (until < body.length) response.destroy();
      else response.end();
      return;
    }
    // With the last piece the body has its announced length.
    if (at + 16_384 >= body.length) onEnd?.();
    response.write(body.subarray(at, Math.min(at + 16_384, until)), () => {
      setTimeout(from, pause, at + 16_384);
    });
  };
  from(0);
}
