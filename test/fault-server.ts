import { createServer, type AddressInfo, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { Identity } from './certificates.js';

/** What the server saw of one request. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Which connection it came on: 1, 2, ... in the order of connecting. */
  readonly connection: number;
  /** Which request of that connection it is: 1, 2, ... */
  readonly turn: number;
  /** Epoch ms. */
  readonly at: number;
}

/** What the server does with one request, on the bare socket. */
export type Fault = (socket: Socket, request: SeenRequest) => void | Promise<void>;

export interface FaultServer {
  /** `http://127.0.0.1:PORT`, or `https://localhost:PORT`. */
  readonly url: string;
  readonly port: number;
  /** Every request, in the order of arrival. */
  readonly requests: readonly SeenRequest[];
  /** How many connections were ever made. */
  readonly connections: number;
  /** How many are open. */
  readonly open: number;
  /** The most that were open at once. */
  readonly mostOpen: number;
  /** What the next requests meet, one after the other; the last one stays. */
  answer(...faults: Fault[]): void;
  /** Chooses by request what it meets. */
  route(choose: (request: SeenRequest) => Fault): void;
  /** Cuts every open connection; the server goes on. */
  hangUp(): void;
  close(): Promise<void>;
}

export interface FaultServerOptions {
  /** Speak TLS, as this one. */
  readonly tls?: Identity;
  /** @default any free one */
  readonly port?: number;
}

/** A server on the loopback interface with faults on demand. By default it answers `{}`. */
export async function startFaultServer({ tls, port = 0 }: FaultServerOptions = {}): Promise<FaultServer> {
  const sockets = new Set<Socket>();
  const requests: SeenRequest[] = [];
  let choose: (request: SeenRequest) => Fault = () => reply();
  let connections = 0;
  let mostOpen = 0;

  const serve = (socket: Socket) => {
    const connection = ++connections;
    let turn = 0;
    let text = '';
    socket.on('error', () => undefined);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const request = { ...parseHead(text.slice(0, end)), connection, turn: ++turn, at: Date.now() };
        text = text.slice(end + 4);
        requests.push(request);
        void choose(request)(socket, request);
      }
    });
  };
  // Counted below TLS, so that a connection which never gets through its handshake counts too.
  const count = (socket: Socket) => {
    sockets.add(socket);
    mostOpen = Math.max(mostOpen, sockets.size);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  };
  const server = tls ? createTlsServer({ ...tls }, serve) : createServer(serve);
  server.on('connection', count);
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen({ port, host: '127.0.0.1', backlog: 4096 }, resolve));
  const address = server.address() as AddressInfo;

  return {
    url: `${tls ? 'https://localhost' : 'http://127.0.0.1'}:${address.port}`,
    port: address.port,
    requests,
    get connections() {
      return connections;
    },
    get open() {
      return sockets.size;
    },
    get mostOpen() {
      return mostOpen;
    },
    answer(...faults) {
      let at = 0;
      choose = () => faults[Math.min(at++, faults.length - 1)] ?? reply();
    },
    route(chosen) {
      choose = chosen;
    },
    hangUp() {
      for (const socket of sockets) socket.destroy();
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function parseHead(head: string): Pick<SeenRequest, 'method' | 'path' | 'headers'> {
  const [line = '', ...fields] = head.split('\r\n');
  const [method = '', path = ''] = line.split(' ');
  const headers = fields.map((field) => {
    const colon = field.indexOf(':');
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
  });
  return { method, path, headers: Object.fromEntries(headers) };
}

export interface ReplyOptions {
  /** @default 200 */
  readonly status?: number;
  /** Over the ordinary ones; `undefined` leaves one out. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  /** Text or bytes; anything else is sent as JSON. @default {} */
  readonly body?: unknown;
  /** ms before the first byte. @default 0 */
  readonly delay?: number;
}

/** A decent reply. */
export function reply(options: ReplyOptions = {}): Fault {
  const bytes = bytesOf(options.body ?? {});
  const message = Buffer.concat([head(options, bytes.byteLength), bytes]);
  return async (socket) => {
    if (options.delay !== undefined) await sleep(options.delay);
    socket.write(message);
  };
}

/** A reply in chunks of the given size. */
export function chunked(options: ReplyOptions, size = 7): Fault {
  const bytes = bytesOf(options.body ?? {});
  const parts = [head({ ...options, headers: { ...CHUNKED, ...options.headers } })];
  for (let at = 0; at < bytes.byteLength; at += size) parts.push(chunk(bytes.subarray(at, at + size)));
  parts.push(Buffer.from('0\r\n\r\n'));
  return (socket) => {
    socket.write(Buffer.concat(parts));
  };
}

/** A redirect. */
export function redirect(location: string, status = 302): Fault {
  return reply({ status, headers: { location }, body: 'moved' });
}

/** Takes the request and says nothing, ever. */
export function stall(): Fault {
  return () => undefined;
}

/** Sends a header, and waits for ever before the end of the head. */
export function stallInHeaders(): Fault {
  return (socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n');
  };
}

/** Sends the headers and half of the body, and no more. */
export function stallInBody(): Fault {
  return (socket) => {
    socket.write(half());
  };
}

/** Sends one more header every few ms, never the last one. */
export function dripHeaders(every = 20): Fault {
  return async (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    for (let n = 0; n < MANY && !socket.destroyed; n++) {
      socket.write(`x-${n}: drip\r\n`);
      await sleep(every);
    }
  };
}

/** Sends one more byte of the body every few ms, never the last one. */
export function dripBody(every = 20): Fault {
  return async (socket) => {
    socket.write(head({}, MANY));
    for (let n = 0; n < MANY - 1 && !socket.destroyed; n++) {
      socket.write(' ');
      await sleep(every);
    }
  };
}

/** Resets the connection before a byte of the reply. */
export function reset(): Fault {
  return (socket) => {
    socket.resetAndDestroy();
  };
}

/** Closes the connection, politely, before a byte of the reply. */
export function hangUp(): Fault {
  return (socket) => {
    socket.end();
  };
}

/** Resets the connection in the middle of the body. */
export function resetInBody(): Fault {
  return (socket) => {
    socket.write(half());
    setTimeout(() => socket.resetAndDestroy(), 20);
  };
}

/** Ends the connection in the middle of a body whose length was announced. */
export function truncate(): Fault {
  return (socket) => {
    socket.end(half());
  };
}

/** Ends the connection in the middle of a chunked body. */
export function truncateChunked(): Fault {
  return (socket) => {
    socket.end(
      Buffer.concat([head({ headers: { ...CHUNKED, connection: 'close' } }), chunk(Buffer.from('{"status":'))]),
    );
  };
}

/** Ends the connection in the middle of a body without an announced length: a client cannot detect it. */
export function truncateSilently(): Fault {
  return (socket) => {
    socket.end(Buffer.concat([head({ headers: CLOSE_DELIMITED }), Buffer.from('{"status":')]));
  };
}

/** Bytes that are no HTTP. */
export function garbage(): Fault {
  return (socket) => {
    socket.end('SSH-2.0-OpenSSH_9.2p1\r\n\0\x01\x02\r\n');
  };
}

/** Says that the body has so many bytes; then sends zeros, or does something else. */
export function claim(bytes: number, then: Fault = flood(Buffer.alloc(0), Buffer.alloc(65_536))): Fault {
  return (socket, request) => {
    socket.write(head({ headers: { 'content-length': String(bytes) } }));
    return then(socket, request);
  };
}

/** A chunked body without end. */
export function endless(): Fault {
  return flood(head({ headers: CHUNKED }), chunk(Buffer.alloc(65_536, ' ')));
}

/** A chunked body without end, in chunks of one byte. */
export function crumbs(): Fault {
  return flood(head({ headers: CHUNKED }), Buffer.from('1\r\n \r\n'.repeat(10_000)));
}

/** A gzipped body, a thousandth of what it unpacks to. */
export function gzipBomb(unpackedBytes = 200 * 1024 * 1024): Fault {
  const packed = gzipSync(Buffer.alloc(unpackedBytes, ' '));
  return reply({ headers: { 'content-encoding': 'gzip' }, body: packed });
}

// Enough that a test never sees the end of it, and yet an end.
const MANY = 20_000;
const MOST_BYTES = 1024 ** 3;
const CHUNKED = { 'transfer-encoding': 'chunked', 'content-length': undefined };
const CLOSE_DELIMITED = { connection: 'close', 'content-length': undefined };

function head({ status = 200, headers = {} }: ReplyOptions, length = 0): Buffer {
  const fields = {
    'content-type': 'application/json',
    'content-length': String(length),
    connection: 'keep-alive',
    ...headers,
  };
  const lines = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}: ${value}`]));
  return Buffer.from([`HTTP/1.1 ${status} Whatever`, ...lines, '', ''].join('\r\n'));
}

function bytesOf(body: unknown): Buffer {
  if (Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

function chunk(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${bytes.byteLength.toString(16)}\r\n`), bytes, Buffer.from('\r\n')]);
}

function half(): Buffer {
  return Buffer.concat([head({}, 1000), Buffer.from('{"status":')]);
}

/** Writes the part again and again, as fast as it is read, up to a GB. */
function flood(start: Buffer, part: Buffer): Fault {
  return (socket) => {
    socket.write(start);
    let sent = 0;
    const more = () => {
      while (!socket.destroyed && sent < MOST_BYTES) {
        sent += part.byteLength;
        if (!socket.write(part)) return;
      }
    };
    socket.on('drain', more);
    more();
  };
}

/** Where connecting never completes: a port whose queue is full and whose owner never looks at it. */
export async function startBlackHole(): Promise<{ readonly url: string; close(): Promise<void> }> {
  const worker = new Worker(
    `const { parentPort } = require('node:worker_threads');
     const server = require('node:net').createServer();
     server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
       parentPort.postMessage(server.address().port);
       setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
     });`,
    { eval: true },
  );
  const port = await new Promise<number>((resolve) => worker.once('message', resolve));
  await sleep(50);
  const fillers: Socket[] = [];
  for (let isFull = false; !isFull && fillers.length < 16;) {
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    fillers.push(socket);
    isFull = await Promise.race([
      new Promise<false>((resolve) =>
        socket.once('connect', () => {
          resolve(false);
        }),
      ),
      sleep(200, true as const),
    ]);
  }
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      for (const socket of fillers) socket.destroy();
      await worker.terminate();
    },
  };
}
