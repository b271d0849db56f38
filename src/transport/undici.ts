import { Observable, type Subscriber } from 'rxjs';
import { Pool, type Dispatcher } from 'undici';
import { QueryError } from '../errors.js';
import { checkLimits, decodeBody, tooLarge, transportError } from './reply.js';
import { DEFAULT_LIMITS, type Transport, type TransportLimits, type TransportReply } from './transport.js';

export interface UndiciTransportOptions extends TransportLimits {
  /** Sockets per origin; more requests than that wait their turn. @default 32 */
  readonly connections?: number;
  /** How long an idle socket is kept, in ms: longer than the polling interval, or every poll pays for a new one. @default 90_000 */
  readonly keepAlive?: number;
  /** For a socket to connect, TLS included, in ms. @default 10_000 */
  readonly connectTimeout?: number;
  /** Certificates to trust beside Node's own, in PEM. */
  readonly ca?: string;
  /** Your own undici 7 dispatcher (a proxy agent, a mock). You close it; `connections`, `keepAlive`, `connectTimeout` and `ca` are then its own affair. */
  readonly dispatcher?: Dispatcher;
}

export interface UndiciTransport extends Transport, AsyncDisposable {
  /** Aborts what is in flight and closes every socket. */
  close(): Promise<void>;
}

/**
 * The transport for Node: a bounded pool per origin that keeps its sockets between polls, time limits for connecting,
 * headers and the whole exchange, a size limit. Follows no redirect, asks for no compression and unpacks none. A request
 * that meets a socket which the server had just closed is sent once more at once.
 *
 * The time limits of an exchange start when its request is written to a socket: waiting for one costs nothing. Idle
 * sockets do not keep the process alive.
 */
export function undiciTransport(options: UndiciTransportOptions = {}): UndiciTransport {
  const limits = checkLimits({
    ...DEFAULT_LIMITS,
    connections: 32,
    keepAlive: 90_000,
    connectTimeout: 10_000,
    ...options,
  });
  const origins = new Map<string, Origin>();
  let closed = false;

  const originOf = (url: URL): Origin => {
    let origin = origins.get(url.origin);
    if (!origin) {
      const dispatcher =
        options.dispatcher ??
        new Pool(url.origin, {
          connections: limits.connections,
          pipelining: 1,
          keepAliveTimeout: limits.keepAlive,
          keepAliveMaxTimeout: limits.keepAlive,
          connect: { timeout: limits.connectTimeout, ...(options.ca === undefined ? {} : { ca: options.ca }) },
          // The limits of an exchange are kept below: undici's own never fire on a reply that drips.
          headersTimeout: 0,
          bodyTimeout: 0,
        });
      origin = { dispatcher, hasAnswered: false };
      origins.set(url.origin, origin);
    }
    return origin;
  };

  const transport: Transport = (request) =>
    new Observable<TransportReply>((subscriber) => {
      if (closed) throw new QueryError('network', 'the transport is closed');
      const url = new URL(request.url);
      const exchange = new Exchange(originOf(url), url, request.headers, limits, subscriber);
      exchange.send();
      return () => {
        exchange.abandon();
      };
    });

  const close = async () => {
    closed = true;
    const own = options.dispatcher ? [] : [...origins.values()];
    origins.clear();
    await Promise.all(own.map(({ dispatcher }) => dispatcher.destroy()));
  };
  return Object.assign(transport, { close, [Symbol.asyncDispose]: close });
}

interface Origin {
  readonly dispatcher: Dispatcher;
  /** Whether there may be sockets from earlier exchanges, which the server may have closed meanwhile. */
  hasAnswered: boolean;
}

/** One request on undici's dispatch interface, which costs a third less than `request()` with an AbortSignal. */
class Exchange implements Dispatcher.DispatchHandler {
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #mayResend: boolean;
  #status = 0;
  #headers: Record<string, string> = {};
  #chunks: Uint8Array[] = [];
  #size = 0;

  constructor(
    private readonly origin: Origin,
    private readonly url: URL,
    private readonly headers: Readonly<Record<string, string>>,
    private readonly limits: Required<TransportLimits>,
    private readonly subscriber: Subscriber<TransportReply>,
  ) {
    this.#mayResend = origin.hasAnswered;
  }

  send(): void {
    this.origin.dispatcher.dispatch(
      {
        origin: this.url.origin,
        path: this.url.pathname + this.url.search,
        method: 'GET',
        headers: { ...this.headers, 'accept-encoding': 'identity' },
      },
      this,
    );
  }

  abandon(): void {
    if (this.#isOver) return;
    this.#end();
    this.#controller?.abort(new Error('abandoned'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) {
      controller.abort(new Error('abandoned'));
      return;
    }
    const { headersTimeout, totalTimeout } = this.limits;
    const first = Math.min(headersTimeout, totalTimeout);
    this.#timer = setTimeout(() => {
      if (this.#status === 0) {
        this.#refuse(new QueryError('timeout', `no reply within ${first} ms`));
        return;
      }
      this.#timer = setTimeout(() => {
        this.#refuse(new QueryError('timeout', `the reply was not complete within ${totalTimeout} ms`));
      }, totalTimeout - first);
    }, first);
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (status < 200) return;
    this.origin.hasAnswered = true;
    this.#status = status;
    for (const [name, value] of Object.entries(headers)) {
      if (value !== undefined) this.#headers[name] = typeof value === 'string' ? value : value.join(', ');
    }
    const { 'content-encoding': encoding = 'identity', 'content-length': length } = this.#headers;
    if (encoding.toLowerCase() !== 'identity') {
      const what = `the reply is encoded (${encoding.slice(0, 20)}), which nobody asked for`;
      this.#refuse(new QueryError('malformed', what, { code: 'encoded' }));
    } else if (Number(length) > this.limits.maxBytes) {
      this.#refuse(tooLarge(this.limits.maxBytes));
    }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    if (this.#isOver) return;
    this.#size += chunk.byteLength;
    if (this.#size > this.limits.maxBytes) this.#refuse(tooLarge(this.limits.maxBytes));
    else this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    if (this.#isOver) return;
    const body = decodeBody(this.#chunks, this.#size);
    this.#end();
    this.subscriber.next({ status: this.#status, headers: this.#headers, body });
    this.subscriber.complete();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    if (this.#mayResend && this.#status === 0 && isReset(error)) {
      this.#mayResend = false;
      this.send();
      return;
    }
    this.#end();
    this.subscriber.error(transportError(error));
  }

  #refuse(error: QueryError): void {
    this.#end();
    this.#controller?.abort(error);
    this.subscriber.error(error);
  }

  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#chunks = [];
  }
}

function isReset(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET';
}
