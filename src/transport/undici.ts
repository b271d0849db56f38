import { Observable, type Subscriber } from 'rxjs';
import { buildConnector, Client, type Dispatcher } from 'undici';
import { QueryError } from '../errors.js';
import { Queue, type Waiter } from '../queue.js';
import { Body, checkLimits, transportError } from './reply.js';
import {
  DEFAULT_LIMITS,
  type Transport,
  type TransportLimits,
  type TransportReply,
  type TransportRequest,
} from './transport.js';

export interface UndiciTransportOptions extends TransportLimits {
  /** Sockets per origin; more requests than that wait their turn. @default 32 */
  readonly connections?: number;
  /** How long an idle socket is kept, in ms: longer than the polling interval, or every poll pays for a new one. @default 90_000 */
  readonly keepAlive?: number;
  /** For a socket to connect, TLS included, in ms. Kept to the second. @default 10_000 */
  readonly connectTimeout?: number;
  /**
   * Certificates to trust, in PEM, instead of Node's own. For both write `[...tls.rootCertificates, yours]`.
   * @default Node's own, with those of NODE_EXTRA_CA_CERTS
   */
  readonly ca?: string | readonly string[];
  /**
   * Your own undici 7 dispatcher (a proxy agent, a mock). You close it; `connections`, `keepAlive`, `connectTimeout` and
   * `ca` are then its own affair.
   */
  readonly dispatcher?: Dispatcher;
}

export interface UndiciTransport extends Transport, AsyncDisposable {
  /** Ends what is in flight or waiting with an error, and closes every socket. What is asked later errors too. */
  close(): Promise<void>;
}

const DEFAULTS = { ...DEFAULT_LIMITS, connections: 32, keepAlive: 90_000, connectTimeout: 10_000 };

/**
 * The transport for Node: a bounded number of sockets per origin, kept between polls; time limits for connecting,
 * headers and the whole exchange; a size limit. Follows no redirect, asks for no compression and takes none. A request
 * that meets a socket which the server had just closed is sent once more at once.
 *
 * The time limits of an exchange start when its request is written to a socket: waiting for one costs nothing. Idle
 * sockets do not keep the process alive.
 */
export function undiciTransport(options: UndiciTransportOptions = {}): UndiciTransport {
  const { dispatcher, ca } = options;
  const limits = checkLimits(options, DEFAULTS);
  if (dispatcher !== undefined && typeof dispatcher?.dispatch !== 'function') {
    throw new TypeError('dispatcher: write one of undici 7, for example new ProxyAgent(url)');
  }
  const connect = buildConnector({
    timeout: limits.connectTimeout,
    ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
  });
  const origins = new Map<string, Origin>();
  let isClosed = false;

  const originOf = (url: string): Origin => {
    let origin = origins.get(url);
    if (!origin) {
      origin = dispatcher
        ? new Origin(url, Infinity, () => foreignLine(dispatcher))
        : new Origin(url, limits.connections, () => openLine(url, connect, limits.keepAlive));
      origins.set(url, origin);
    }
    return origin;
  };

  const exchangeFor = ({ url, headers }: TransportRequest, subscriber: Subscriber<TransportReply>): Exchange => {
    const cut = url.indexOf('/', 8);
    const known = origins.get(url.slice(0, cut));
    const path = url.slice(cut);
    if (known && PLAIN_PATH.test(path)) return new Exchange(known, path, headers, limits, subscriber);
    const { origin, pathname, search } = parseUrl(url);
    return new Exchange(originOf(origin), pathname + search, headers, limits, subscriber);
  };

  const transport: Transport = (request) =>
    new Observable<TransportReply>((subscriber) => {
      if (isClosed) throw closedError();
      const exchange = exchangeFor(request, subscriber);
      exchange.origin.enter(exchange);
      return exchange;
    });

  const close = async () => {
    isClosed = true;
    await Promise.all([...origins.values()].map((origin) => origin.close(closedError())));
  };
  return Object.assign(transport, { close, [Symbol.asyncDispose]: close });
}

/** A path that parsing would leave as it is. Parsing takes longer than all else that is done to send a request. */
const PLAIN_PATH = /^(?:\/\w[\w.~%-]*)+$/;

function parseUrl(text: string): URL {
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return new URL(text);
  throw new QueryError('misconfigured', 'the URL is not an absolute http(s) one', { code: 'ERR_INVALID_URL' });
}

function closedError(): QueryError {
  return new QueryError('misconfigured', 'the transport is closed; make another one', { code: 'closed' });
}

/** Carries one exchange after the other. */
interface Line {
  readonly dispatcher: Dispatcher;
  /** What it carries now. */
  exchange: Exchange | undefined;
  /** Whether the socket that is open now has answered before: the server may have closed it since. */
  hasAnswered: boolean;
  /** Whether it carries no more. */
  isClosed: boolean;
  /** Ends the exchange that it carries. */
  cut(controller: Dispatcher.DispatchController | undefined): void;
  close(): Promise<void>;
}

/**
 * A line of our own: undici's client, so one socket at a time. (Its Pool cannot forget a request that nobody waits for
 * any more, and loses count of sockets whose first attempt to connect failed.)
 */
function openLine(origin: string, connect: buildConnector.connector, keepAlive: number): Line {
  let connecting: { destroy(error: Error): void } | undefined;
  const dispatcher = new Client(origin, {
    connect: (target, callback) => {
      const done: buildConnector.Callback = (...outcome) => {
        connecting = undefined;
        callback(...outcome);
      };
      // The types hide that the socket comes back at once.
      connecting = (connect as (...args: unknown[]) => typeof connecting)(target, done);
    },
    pipelining: 1,
    keepAliveTimeout: keepAlive,
    keepAliveMaxTimeout: keepAlive,
    // The limits of an exchange are kept by itself: undici's own never fire on a reply that drips.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const line: Line = {
    dispatcher,
    exchange: undefined,
    hasAnswered: false,
    isClosed: false,
    // An aborted request would make the client connect again, for nobody: it goes as a whole.
    cut: () => void line.close(),
    close() {
      line.isClosed = true;
      const closed = dispatcher.destroy();
      connecting?.destroy(notWanted());
      return closed;
    },
  };
  dispatcher.on('disconnect', () => {
    line.hasAnswered = false;
  });
  return line;
}

/** The caller's dispatcher: it has its own sockets, and is closed by the caller. */
function foreignLine(dispatcher: Dispatcher): Line {
  return {
    dispatcher,
    exchange: undefined,
    hasAnswered: false,
    isClosed: false,
    cut: (controller) => controller?.abort(notWanted()),
    close: () => Promise.resolve(),
  };
}

function notWanted(): Error {
  return new Error('nobody waits for the reply any more');
}

/** The lines to one origin, and what waits for one of them. */
class Origin {
  readonly #lines = new Set<Line>();
  /** The one used last is on top: its socket is the freshest. */
  readonly #idle: Line[] = [];
  readonly #waiting = new Queue<Exchange>();

  constructor(
    readonly url: string,
    private readonly most: number,
    private readonly open: () => Line,
  ) {}

  enter(exchange: Exchange): void {
    const line = this.#waiting.size === 0 ? this.#free() : undefined;
    if (line) exchange.send(line);
    else this.#waiting.add(exchange);
  }

  /** Forgets an exchange that has no line yet. */
  forget(exchange: Exchange): void {
    this.#waiting.delete(exchange);
  }

  takeBack(line: Line): void {
    line.exchange = undefined;
    if (line.isClosed) {
      void line.close().then(() => {
        this.#lines.delete(line);
        this.#admit();
      });
      return;
    }
    this.#idle.push(line);
    this.#admit();
  }

  async close(error: QueryError): Promise<void> {
    for (const line of this.#lines) line.exchange?.fail(error);
    for (let { first } = this.#waiting; first; first = this.#waiting.first) first.fail(error);
    await Promise.all([...this.#lines].map((line) => line.close()));
  }

  #admit(): void {
    const { first } = this.#waiting;
    const line = first && this.#free();
    if (!line) return;
    this.#waiting.delete(first);
    first.send(line);
  }

  #free(): Line | undefined {
    const idle = this.#idle.pop();
    if (idle || this.#lines.size >= this.most) return idle;
    const line = this.open();
    this.#lines.add(line);
    return line;
  }
}

/** One request on undici's dispatch interface, which costs a third less than `request()` with an AbortSignal. */
class Exchange implements Dispatcher.DispatchHandler, Waiter<Exchange> {
  before: Exchange | undefined;
  after: Exchange | undefined;
  #line: Line | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #isSecond = false;
  #isLate = false;
  #status = 0;
  #headers: TransportReply['headers'] | undefined;
  #body: Body | undefined;

  constructor(
    readonly origin: Origin,
    private readonly path: string,
    private readonly headers: Readonly<Record<string, string>>,
    private readonly limits: Required<TransportLimits>,
    private readonly subscriber: Subscriber<TransportReply>,
  ) {}

  send(line: Line): void {
    this.#line = line;
    line.exchange = this;
    line.dispatcher.dispatch(
      {
        origin: this.origin.url,
        path: this.path,
        method: 'GET',
        // Spread before another field, they would cost ten times as much.
        headers: Object.assign({}, this.headers, { 'accept-encoding': 'identity' }),
      },
      this,
    );
  }

  /** Nobody wants the reply any more. */
  unsubscribe(): void {
    if (this.#isOver) return;
    const controller = this.#controller;
    this.#end();
    if (this.#line) this.#line.cut(controller);
    else this.origin.forget(this);
  }

  fail(error: QueryError): void {
    if (this.#isOver) return;
    this.unsubscribe();
    this.subscriber.error(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) throw notWanted();
    this.#controller = controller;
    this.#timer ??= setTimeout(ring, this.#patience, this);
  }

  /** ms that pass before it is looked whether anything has come. */
  get #patience(): number {
    return Math.min(this.limits.headersTimeout, this.limits.totalTimeout);
  }

  onTime(): void {
    if (this.#isOver) return;
    const { totalTimeout } = this.limits;
    if (this.#status === 0) this.fail(new QueryError('timeout', `no reply within ${this.#patience} ms`));
    else if (this.#isLate) {
      this.fail(new QueryError('timeout', `the reply was not complete within ${totalTimeout} ms`));
    } else {
      this.#isLate = true;
      this.#timer = setTimeout(ring, totalTimeout - this.#patience, this);
    }
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
  ): void {
    if (status < 200) return;
    if (this.#line) this.#line.hasAnswered = true;
    this.#status = status;
    const texts = (this.#headers = joined(headers));
    const { 'content-encoding': encoding = 'identity', 'content-length': length } = texts;
    if (encoding.toLowerCase() !== 'identity') {
      const what = `the reply is encoded (${encoding.slice(0, 20)}), which nobody asked for`;
      throw new QueryError('malformed', what, { code: 'encoded' });
    }
    this.#body = new Body(this.limits.maxBytes);
    this.#body.expect(length);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer<ArrayBuffer>): void {
    this.#body?.add(chunk);
  }

  onResponseEnd(): void {
    const headers = this.#headers;
    // Nobody wants it any more.
    if (!headers) {
      this.#leave();
      return;
    }
    const reply = { status: this.#status, headers, body: this.#body?.text() ?? '' };
    this.#end();
    this.#leave(() => {
      this.subscriber.next(reply);
      this.subscriber.complete();
    });
  }

  /** What was thrown above comes here too. */
  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#isSecond && this.#line?.hasAnswered && this.#status === 0 && isReset(error)) this.#isSecond = true;
    else this.fail(transportError(error));
    this.#leave();
  }

  // undici is in the middle of its client when it calls: the client takes the next request only afterwards. A reply is
  // told of after that, so that whoever asks on it finds the line free.
  #leave(then?: () => void): void {
    queueMicrotask(() => {
      if (this.#line && !this.#isOver) this.send(this.#line);
      else if (this.#line) this.origin.takeBack(this.#line);
      then?.();
    });
  }

  // Lets go of what came with the reply: whatever still holds an exchange for a while then holds little.
  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#controller = this.#timer = this.#headers = this.#body = undefined;
  }
}

/** After a busy event loop, a reply that is there is read before time is called. */
function ring(exchange: Exchange): void {
  setImmediate(() => {
    exchange.onTime();
  });
}

/** Each header as one text. */
function joined(headers: Readonly<Record<string, string | string[] | undefined>>): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined) texts[name] = typeof value === 'string' ? value : value.join(', ');
  }
  return texts;
}

function isReset(error: Error): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE' || code === 'UND_ERR_SOCKET';
}
