import { Observable, type Subscriber } from 'rxjs';
import { buildConnector, Client, type Dispatcher } from 'undici';
import { QueryError } from '../errors.js';
import { check } from '../options.js';
import { Queue, type Waiter } from '../queue.js';
import { Body, checkLimits, transportError } from './reply.js';
import {
  DEFAULT_LIMITS,
  type Transport,
  type TransportLimits,
  type TransportReply,
  type TransportRequest,
} from './transport.js';

/** The limits of an exchange, and of the sockets. */
export interface UndiciTransportOptions extends TransportLimits {
  /** How many sockets an origin may have; more requests than that wait their turn. @default 32 */
  readonly connections?: number;
  /**
   * How long an idle socket is kept, in ms: longer than the polling interval, or every poll pays for a new one.
   * @default 90_000
   */
  readonly keepAlive?: number;
  /**
   * ms for a socket to connect, TLS included. Kept to the second, which is the resolution of undici's timers
   * (nodejs/undici, lib/util/timers.js).
   * @default 10_000
   */
  readonly connectTimeout?: number;
  /**
   * Certificates to trust, in PEM, instead of Node's own. For both write `[...tls.rootCertificates, yours]`
   * (https://nodejs.org/api/tls.html#tlsrootcertificates).
   * @default Node's own, with those of NODE_EXTRA_CA_CERTS
   */
  readonly ca?: string | readonly string[];
  /**
   * Your own undici 7 dispatcher (a proxy agent, a mock). You close it; `connections`, `keepAlive`, `connectTimeout`
   * and `ca` are then its own affair.
   * @default none: a connection of the transport's own for each socket
   */
  readonly dispatcher?: Dispatcher;
}

/** A transport that holds sockets until it is closed. */
export interface UndiciTransport extends Transport, AsyncDisposable {
  /** Ends requests in flight or waiting with an error, and closes every socket. Later requests get the same error. */
  close(): Promise<void>;
}

const DEFAULTS = { ...DEFAULT_LIMITS, connections: 32, keepAlive: 90_000, connectTimeout: 10_000 };

/**
 * Returns the transport for Node: a bounded number of sockets per origin, kept between polls; time limits for
 * connecting, headers and the whole exchange; a size limit. Follows no redirect, asks for no compression and accepts
 * none. A request that meets a socket which the server had just closed is sent once more at once.
 *
 * The time limits of an exchange start when its request is written to a socket: waiting for one costs nothing. Idle
 * sockets do not keep the process alive.
 *
 * @throws TypeError at call time for options that are unknown or not usable, and under Bun, which has no working undici
 * (oven-sh/bun#42084); RangeError for a limit that no timer or buffer can keep.
 */
export function undiciTransport(options: UndiciTransportOptions = {}): UndiciTransport {
  const limits = checkLimits('undiciTransport', options, DEFAULTS, ['ca', 'dispatcher']);
  const { dispatcher, ca = [] } = options;
  const isCa = [ca].flat().every((one) => typeof one === 'string');
  check('ca', ca, isCa, 'certificates in PEM, or an array of such');
  if (dispatcher === undefined) checkUndici();
  const isDispatcher = dispatcher === undefined || typeof dispatcher?.dispatch === 'function';
  check('dispatcher', dispatcher, isDispatcher, 'one of undici 7, for example new ProxyAgent(url)');
  const connect = buildConnector({
    timeout: limits.connectTimeout,
    ...(options.ca === undefined ? {} : { ca: [ca].flat() }),
  });
  const origins = new Map<string, Origin>();
  let isClosed = false;

  const originOf = (url: string): Origin => {
    let origin = origins.get(url);
    if (!origin) {
      origin = dispatcher
        ? new Origin(url, Infinity, () => callersConnection(dispatcher))
        : new Origin(url, limits.connections, () => openConnection(url, connect, limits.keepAlive));
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
      exchange.origin.enqueue(exchange);
      return exchange;
    });

  const close = async () => {
    isClosed = true;
    await Promise.all([...origins.values()].map((origin) => origin.close(closedError())));
  };
  return Object.assign(transport, { close, [Symbol.asyncDispose]: close });
}

/**
 * Bun resolves `undici` to a module of its own without dispatch: nothing is sent and nothing reported
 * (oven-sh/bun#42084).
 */
function checkUndici(): void {
  if (typeof Client.prototype.dispatch === 'function') return;
  throw new TypeError(
    'undiciTransport: the undici of this runtime has no dispatch (Bun replaces undici by its own), so no request would be answered; leave the transport out: fetchTransport, the default, works here',
  );
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

/** Carries one exchange after another. */
interface Connection {
  readonly dispatcher: Dispatcher;
  /** The exchange that it carries now. */
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
 * A connection of our own: an undici Client, which has one socket at a time. Its Pool cannot abort a request that waits
 * for a socket (nodejs/undici#386), and loses count of sockets whose first attempt to connect failed.
 */
function openConnection(origin: string, connect: buildConnector.connector, keepAlive: number): Connection {
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
    // Each exchange has its own limits. undici's bodyTimeout counts from chunk to chunk, so it never ends a reply that
    // drips (nodejs/undici#3297).
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const connection: Connection = {
    dispatcher,
    exchange: undefined,
    hasAnswered: false,
    isClosed: false,
    // After an aborted request the Client would connect again, without a request (nodejs/undici#5845): it is closed as
    // a whole.
    cut: () => void connection.close(),
    close() {
      connection.isClosed = true;
      const closed = dispatcher.destroy();
      connecting?.destroy(notWanted());
      return closed;
    },
  };
  dispatcher.on('disconnect', () => {
    connection.hasAnswered = false;
  });
  return connection;
}

/** The caller's dispatcher: it has its own sockets, and the caller closes it. */
function callersConnection(dispatcher: Dispatcher): Connection {
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
  return new Error('the subscriber has left');
}

/** The connections to one origin, and the exchanges that wait for one of them. */
class Origin {
  readonly #connections = new Set<Connection>();
  /** The one used last is on top: its socket is the freshest. */
  readonly #idle: Connection[] = [];
  readonly #waiting = new Queue<Exchange>();
  readonly #most: number;
  readonly #open: () => Connection;

  constructor(
    readonly url: string,
    most: number,
    open: () => Connection,
  ) {
    this.#most = most;
    this.#open = open;
  }

  enqueue(exchange: Exchange): void {
    const connection = this.#waiting.size === 0 ? this.#free() : undefined;
    if (connection) exchange.send(connection);
    else this.#waiting.add(exchange);
  }

  /** Removes an exchange that has no connection yet. */
  forget(exchange: Exchange): void {
    this.#waiting.delete(exchange);
  }

  takeBack(connection: Connection): void {
    connection.exchange = undefined;
    if (connection.isClosed) {
      void connection.close().then(() => {
        this.#connections.delete(connection);
        this.#admit();
      });
      return;
    }
    this.#idle.push(connection);
    this.#admit();
  }

  async close(error: QueryError): Promise<void> {
    for (const connection of this.#connections) connection.exchange?.fail(error);
    for (let { first } = this.#waiting; first; first = this.#waiting.first) first.fail(error);
    await Promise.all([...this.#connections].map((connection) => connection.close()));
  }

  #admit(): void {
    const { first } = this.#waiting;
    const connection = first && this.#free();
    if (!connection) return;
    this.#waiting.delete(first);
    first.send(connection);
  }

  #free(): Connection | undefined {
    const idle = this.#idle.pop();
    if (idle || this.#connections.size >= this.#most) return idle;
    const connection = this.#open();
    this.#connections.add(connection);
    return connection;
  }
}

/** One request on undici's dispatch interface, which costs a third less than `request()` with an AbortSignal. */
class Exchange implements Dispatcher.DispatchHandler, Waiter<Exchange> {
  before: Exchange | undefined;
  after: Exchange | undefined;
  #connection: Connection | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;
  #isSecond = false;
  #isLate = false;
  #status = 0;
  #headers: TransportReply['headers'] | undefined;
  #body: Body | undefined;
  readonly #path: string;
  readonly #requestHeaders: Readonly<Record<string, string>>;
  readonly #limits: Required<TransportLimits>;
  readonly #subscriber: Subscriber<TransportReply>;

  constructor(
    readonly origin: Origin,
    path: string,
    headers: Readonly<Record<string, string>>,
    limits: Required<TransportLimits>,
    subscriber: Subscriber<TransportReply>,
  ) {
    this.#path = path;
    this.#requestHeaders = headers;
    this.#limits = limits;
    this.#subscriber = subscriber;
  }

  send(connection: Connection): void {
    this.#connection = connection;
    connection.exchange = this;
    connection.dispatcher.dispatch(
      {
        origin: this.origin.url,
        path: this.#path,
        method: 'GET',
        // A spread followed by another field costs ten times as much.
        headers: Object.assign({}, this.#requestHeaders, { 'accept-encoding': 'identity' }),
      },
      this,
    );
  }

  /** The subscriber has left. */
  unsubscribe(): void {
    if (this.#isOver) return;
    const controller = this.#controller;
    this.#end();
    if (this.#connection) this.#connection.cut(controller);
    else this.origin.forget(this);
  }

  fail(error: QueryError): void {
    if (this.#isOver) return;
    this.unsubscribe();
    this.#subscriber.error(error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) throw notWanted();
    this.#controller = controller;
    this.#timer ??= setTimeout(ring, this.#patience, this);
  }

  /** ms until the first check. */
  get #patience(): number {
    return Math.min(this.#limits.headersTimeout, this.#limits.totalTimeout);
  }

  onTime(): void {
    if (this.#isOver) return;
    const { totalTimeout } = this.#limits;
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
    if (this.#connection) this.#connection.hasAnswered = true;
    this.#status = status;
    const texts = (this.#headers = joined(headers));
    const { 'content-encoding': encoding = 'identity', 'content-length': length } = texts;
    if (encoding.toLowerCase() !== 'identity') {
      const what = `the reply is encoded (${encoding.slice(0, 20)}), which was not asked for`;
      throw new QueryError('malformed', what, { code: 'encoded' });
    }
    this.#body = new Body(this.#limits.maxBytes);
    this.#body.expect(length);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer<ArrayBuffer>): void {
    this.#body?.add(chunk);
  }

  onResponseEnd(): void {
    const headers = this.#headers;
    // The subscriber has left.
    if (!headers) {
      this.#leave();
      return;
    }
    const reply = { status: this.#status, headers, body: this.#body?.text() ?? '' };
    this.#end();
    this.#leave(() => {
      this.#subscriber.next(reply);
      this.#subscriber.complete();
    });
  }

  /** Gets what the handlers above throw, too. */
  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#isSecond && this.#connection?.hasAnswered && this.#status === 0 && isReset(error)) this.#isSecond = true;
    else this.fail(transportError(error));
    this.#leave();
  }

  // undici calls this before its Client can take the next request. The reply is emitted after that, so that a
  // subscriber who sends the next request on it finds the connection free.
  #leave(then?: () => void): void {
    queueMicrotask(() => {
      if (this.#connection && !this.#isOver) this.send(this.#connection);
      else if (this.#connection) this.origin.takeBack(this.#connection);
      then?.();
    });
  }

  // undici may hold the exchange for a while: drop the references to its reply.
  #end(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#controller = this.#timer = this.#headers = this.#body = undefined;
  }
}

/** After a busy event loop, a reply that has arrived is read before the time limit counts. */
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
