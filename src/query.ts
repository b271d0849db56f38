import {
  asyncScheduler,
  catchError,
  defer,
  map,
  Observable,
  of,
  shareReplay,
  switchMap,
  take,
  timeout,
  Subscriber,
  type Observer,
} from 'rxjs';
import { isVirtualTime } from './clock.js';
import type { QueryTraceMessage } from './diagnostics.js';
import { isQueryError, QueryError } from './errors.js';
import { createGate, sharedGate, type Gate } from './gate/index.js';
import { check, checkFunction, checkOptions } from './options.js';
import { flawOfKey, type Provider } from './providers/provider.js';
import { isTraced, traced } from './query-trace.js';
import { causeOf, conceal, concealTask, mayHold, redact, type Secrets } from './redact.js';
import type { Task } from './task.js';
import { fetchTransport, retryAfterOf, serverTime, type Transport, type TransportReply } from './transport/index.js';

/** Which task: its id alone, or its id with fields that describe it. */
export type TaskRef = string | TaskRefFields;

/** A task by its id, with what the caller knows of it. */
export interface TaskRefFields {
  /** As the service gave it when the task was created. */
  readonly id: string;
  /** The `name` of the provider; needed where there are several. */
  readonly provider?: string;
  /** The model, until an answer names it: the right polling window from the first poll on. */
  readonly model?: string;
  /**
   * The name of the polling window for as long as no answer has named a model, in place of `model`. `flex` (Seedance
   * 1.5's offline service) holds throughout, since no model's name shows it.
   */
  readonly hint?: string;
  /**
   * When the task was created: epoch ms, or a Date. The deadline counts from it, and a day later "not found" means
   * deleted.
   */
  readonly createdAt?: number | Date;
}

/** Which services to ask, and how requests are sent. */
export interface QueryOptions {
  /** One provider, or several; then each ref names its provider. */
  readonly provider: Provider | readonly Provider[];
  /** How a request is sent. @default fetchTransport() */
  readonly transport?: Transport;
  /** A request budget of your own. @default one per origin and key, shared by the whole process */
  readonly gate?: Gate;
}

/**
 * Asks once: cold, one GET per subscription. Emits one Task and completes, or errors with a QueryError. Unsubscribing
 * aborts the request.
 * @throws TypeError or RangeError at call time for a ref that names no task.
 */
export type Query = (ref: TaskRef) => Observable<Task>;

/** A ref whose provider is found and whose fields are checked. */
export interface ResolvedRef {
  readonly id: string;
  readonly providerName: string;
  readonly provider: Provider;
  readonly model?: string | undefined;
  readonly hint?: string | undefined;
  /** Epoch ms. */
  readonly createdAt?: number | undefined;
}

/** A ref as plain data, its provider by name. */
export interface PlainRef extends Omit<ResolvedRef, 'provider' | 'providerName'> {
  readonly provider: string;
}

export function toPlainRef({ id, providerName, model, hint, createdAt }: ResolvedRef): PlainRef {
  return { id, provider: providerName, model, hint, createdAt };
}

/**
 * Returns a function that asks about one task, once. Operators turn it into polling.
 *
 * @throws TypeError at call time for options that are missing, unknown or not usable.
 *
 * @example
 * const query = createQuery({ provider: alad({ apiKey }) });
 * query('asyntask_x').pipe(withModelInterval(generationsWindows), pollUntilTerminal(), dedupeStatus())
 */
export function createQuery(options: QueryOptions): Query {
  checkOptions('createQuery', 'createQuery({ provider })', options, QUERY_OPTIONS);
  const resolve = refResolver(options.provider);
  const ask = createAsk(options);
  return (ref) => ask(resolve(ref));
}

/** What a request needs from the task that it is made for. */
export interface RequestContext {
  /** How much is lost by waiting; see `GateTicket`. */
  urgency(): number;
  /** Called when the request goes, which may be later than it was asked for; twice where a refused key is renewed. */
  sent(): void;
}

export type Ask = (ref: ResolvedRef, context?: RequestContext) => Observable<Task>;

export const QUERY_OPTIONS = ['provider', 'transport', 'gate'] as const satisfies readonly (keyof QueryOptions)[];

/** The caller's gate, or that of the process. @throws TypeError for a gate that is none. */
export function gateOf({ gate }: QueryOptions): () => Gate {
  check('gate', gate, !gate || typeof gate.admit === 'function', 'createGate()');
  let own: Gate | undefined;
  // A virtual run shares no gate: it may end with requests in flight, which would hold their places for ever.
  return () => gate ?? (isVirtualTime() ? (own ??= createGate()) : sharedGate);
}

/**
 * Asks about resolved refs, one request each, when the gate admits it: under a known rate limit the most urgent first.
 * @throws TypeError for a transport that is no function.
 */
export function createAsk(options: QueryOptions, gateNow = gateOf(options)): Ask {
  const { transport = fetchTransport() } = options;
  checkFunction('transport', transport);
  const renewals = new WeakMap<Provider, Renewal>();
  /** Requests sent so far. */
  let sent = 0;

  /**
   * Asks a function-valued key again after a refusal, since it may have been rotated: once for all requests that were
   * in flight by then.
   */
  const renew = (provider: Provider, refused: string | null, nth: number): Observable<string | null> => {
    let renewal = renewals.get(provider);
    if (!renewal || renewal.refused !== refused || nth > renewal.upTo) {
      renewal = { refused, upTo: sent, fresh: keyOf(provider).pipe(shareReplay({ bufferSize: 1, refCount: false })) };
      renewals.set(provider, renewal);
    }
    return renewal.fresh;
  };

  const send = (ref: ResolvedRef, key: string | null, context?: RequestContext): Observable<Task> => {
    const { provider, providerName, id } = ref;
    const trace: QueryTraceMessage | undefined = isTraced()
      ? { provider: providerName, id, url: urlOf(ref).replace(/[?#].*/s, '') }
      : undefined;
    const reply = new Observable<Task>((subscriber) => {
      const credentials = key === null ? {} : credentialsOf(provider, key);
      const headers = { accept: 'application/json', 'accept-language': 'en', ...credentials };
      const secrets = Object.values(credentials).filter((value) => !value.includes(key ?? ''));
      if (key !== null) secrets.push(key);
      context?.sent();
      const reading = new Reading(subscriber, ref, secrets, trace);
      try {
        return transport({ url: urlOf(ref), headers }).subscribe(reading);
      } catch (error) {
        // The transport threw synchronously instead of emitting an error.
        reading.error(error);
        return undefined;
      }
    });
    return trace ? traced(trace, reply) : reply;
  };

  const request = (ref: ResolvedRef, context?: RequestContext): Observable<Task> => {
    const { provider } = ref;
    const key = provider.apiKey();
    if (typeof key !== 'function') return send(ref, key, context);
    return keyOf(provider).pipe(
      switchMap((first) => {
        const nth = ++sent;
        return send(ref, first, context).pipe(
          catchError((error: unknown) => {
            if (!isQueryError(error) || error.kind !== 'unauthorized') throw error;
            return renew(provider, first, nth).pipe(switchMap((second) => send(ref, second, context)));
          }),
        );
      }),
    );
  };

  // Built for each request: a task that waits for its next poll holds nothing but its ref.
  return (ref, context) =>
    new Observable((subscriber) => {
      const { origin, apiKey } = ref.provider;
      const urgency = context && (() => context.urgency());
      const ticket = { origin, key: apiKey(), urgency };
      return gateNow().admit(ticket, request(ref, context)).subscribe(new Answer(subscriber, ref));
    });
}

function urlOf({ provider, id }: ResolvedRef): string {
  return provider.baseUrl + provider.wire.path(encodeURIComponent(id));
}

/** A function-valued key that was asked again. */
interface Renewal {
  readonly refused: string | null;
  /** It serves requests up to this one: later ones were sent by a key that was asked later. */
  readonly upTo: number;
  readonly fresh: Observable<string | null>;
}

// Observers of their own on the path of every poll, since operators would cost more than the request itself.

/** Passes on what the gate emits; errors get the names of provider, host and task. */
class Answer implements Observer<Task> {
  readonly #subscriber: Subscriber<Task>;
  readonly #ref: ResolvedRef;

  constructor(subscriber: Subscriber<Task>, ref: ResolvedRef) {
    this.#subscriber = subscriber;
    this.#ref = ref;
  }

  next(task: Task): void {
    this.#subscriber.next(task);
  }

  error(error: unknown): void {
    this.#subscriber.error(unanswered(error, this.#ref, ''));
  }

  complete(): void {
    this.#subscriber.complete();
  }
}

/**
 * Turns the first reply of the transport into a Task. A transport that emits more than one is unsubscribed from.
 *
 * A subscriber of RxJS's own kind, so that a synchronous transport can be unsubscribed from while it emits.
 */
// eslint-disable-next-line rxjs-x/no-subclass -- what RxJS's own operators do, in all of RxJS 7
class Reading extends Subscriber<TransportReply> {
  readonly #subscriber: Subscriber<Task>;
  readonly #ref: ResolvedRef;
  /** What neither a message nor a task may contain. */
  readonly #secrets: Secrets;
  readonly #trace: QueryTraceMessage | undefined;
  #isAnswered = false;

  constructor(subscriber: Subscriber<Task>, ref: ResolvedRef, secrets: Secrets, trace: QueryTraceMessage | undefined) {
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- the same
    super(subscriber);
    this.#subscriber = subscriber;
    this.#ref = ref;
    this.#secrets = secrets;
    this.#trace = trace;
  }

  protected override _next(reply: TransportReply): void {
    if (this.#isAnswered) {
      this.complete();
      return;
    }
    this.#isAnswered = true;
    if (this.#trace) this.#trace.httpStatus = reply.status;
    let task: Task;
    try {
      task = readReply(reply, this.#ref, this.#secrets);
    } catch (error) {
      this.#subscriber.error(error);
      return;
    }
    this.#subscriber.next(task);
  }

  protected override _error(error: unknown): void {
    this.#subscriber.error(unanswered(error, this.#ref, this.#secrets));
    this.unsubscribe();
  }
}

/** Any error becomes a QueryError that names the task and the host, and contains no key. */
function unanswered(error: unknown, { providerName, provider, id }: ResolvedRef, secrets: Secrets): QueryError {
  const clean = (text: string) => redact(text, secrets);
  const isKnown = isQueryError(error);
  if (isKnown && error.id !== undefined) return error;
  const { kind, message, code, retryAfterMs, httpStatus, requestId, cause } = isKnown
    ? error
    : new QueryError('network', 'the transport failed');
  const at = code === 'api-key' || !URL.canParse(provider.origin) ? '' : ` at ${new URL(provider.origin).host}`;
  return new QueryError(kind, `${providerName}${at} could not be asked about task ${id}: ${clean(String(message))}`, {
    code: code && clean(code),
    requestId: requestId && clean(requestId),
    ...{ retryAfterMs, httpStatus, provider: providerName, id },
    cause: isKnown ? cause && causeOf(cause, clean) : causeOf(error, clean),
  });
}

function readReply({ status, headers, body }: TransportReply, ref: ResolvedRef, secrets: Secrets): Task {
  const { providerName, provider, id, createdAt } = ref;
  const observedAt = asyncScheduler.now();
  const requestId = headers['x-request-id'] ?? headers['x-oneapi-request-id'];
  const retryAfterMs = retryAfterOf(headers, observedAt);
  const reply = { status, body, requestId: requestId && conceal(requestId, secrets), retryAfterMs };
  const { wire, retention, baseUrl } = provider;
  const clean = (text: string) => redact(text, secrets);
  // HTTP dates are in whole seconds (RFC 9110, 5.6.7), and a reply takes its time: less than a minute is no difference
  // of clocks.
  const apart = serverTime(headers, observedAt) - observedAt;
  const ahead = Math.abs(apart) < 60_000 ? 0 : apart;
  try {
    const context = { provider: providerName, id, observedAt, retention, ahead, baseUrl, redact: clean };
    const task = wire.read(reply, context);
    return mayHold(body, secrets) ? concealTask(task, secrets) : task;
  } catch (error) {
    const names = { provider: providerName, id, httpStatus: status };
    if (!isQueryError(error)) {
      const what = `the wire "${wire.name}" could not read the reply: ${clean(String((error as Error | null)?.message))}`;
      const message = `${providerName} returned no usable status for task ${id}: ${what}`;
      throw new QueryError('malformed', message, { ...names, cause: causeOf(error, clean) });
    }
    const age = observedAt - (createdAt ?? observedAt);
    if (error.kind !== 'not-found' || age <= retention) throw error;
    const what = `${providerName} has deleted its record of task ${id}: records are kept for ${retention / 3_600_000} h`;
    throw new QueryError('expired', what, { ...names, cause: error });
  }
}

/** ms that a key function may take. */
const KEY_TIMEOUT = 10_000;

/** The headers that authenticate a request with this key. @throws QueryError `misconfigured` if `headers` throws. */
export function credentialsOf({ name, headers }: Provider, key: string): Readonly<Record<string, string>> {
  try {
    return headers(key);
  } catch (cause) {
    const safe = causeOf(cause, (text) => redact(text, key));
    throw new QueryError('misconfigured', `the headers function of ${name} threw`, { code: 'headers', cause: safe });
  }
}

/** The key of a provider as it is now; null if there is none. Errors with a QueryError. */
export function keyOf({ apiKey }: Provider): Observable<string | null> {
  const given = apiKey();
  if (typeof given !== 'function') return of(given);
  const code = 'api-key';
  return defer(() => {
    const key = given();
    return typeof key === 'string' ? of(key) : key;
  }).pipe(
    take(1),
    catchError((cause: unknown) => {
      throw new QueryError('network', 'the apiKey function failed', { code, cause });
    }),
    timeout({
      first: KEY_TIMEOUT,
      with: () => {
        throw new QueryError('timeout', `the apiKey function returned no key within ${KEY_TIMEOUT} ms`, { code });
      },
    }),
    map((key) => {
      const flaw = flawOfKey(key);
      if (flaw) throw new QueryError('misconfigured', `the key that the apiKey function returned ${flaw}`, { code });
      return key;
    }),
  );
}

/** The one provider, or all of them. @throws TypeError for what is none, and for two of the same name. */
export function providersOf(provider: Provider | readonly Provider[]): readonly Provider[] {
  const all = [provider].flat();
  const isProvider = (one: Partial<Provider> | undefined) => typeof one?.wire?.read === 'function';
  if (!all.every(isProvider) || all.length === 0) {
    // The type alone: a text may be an API key.
    throw new TypeError(`provider: ${typeof provider} is not usable; write alad({ apiKey }), or an array of such`);
  }
  if (new Set(all.map(({ name }) => name)).size < all.length) {
    throw new TypeError('provider: two have the same name; write alad({ apiKey, name: "second" })');
  }
  return all;
}

/**
 * Checks refs and finds their providers.
 * @throws TypeError or RangeError at call time that names the remedy.
 */
export function refResolver(provider: Provider | readonly Provider[]): (ref: TaskRef) => ResolvedRef {
  const all = providersOf(provider);
  const byName = new Map(all.map((one) => [one.name, one]));

  return (ref) => {
    const fields: TaskRefFields = typeof ref === 'string' ? { id: ref } : ref;
    if (typeof fields !== 'object' || fields === null) {
      throw new TypeError(`ref: ${String(fields)} names no task; write an id, or { id, provider }`);
    }
    const { id, provider: name, model, hint, createdAt } = fields;
    check('id', id, isId(id), 'the id as the service gave it: 1 to 256 characters, none of them control characters');
    checkName('model', model);
    checkName('hint', hint);
    const [only, another] = all;
    const found = name === undefined && !another ? only : byName.get(name ?? '');
    if (!found) {
      const what = name === undefined ? 'no provider' : `an unknown provider, "${String(name).slice(0, 80)}"`;
      const names = [...byName.keys()].join(', ');
      throw new TypeError(`ref: task ${id} names ${what}; write { id, provider } with one of: ${names}`);
    }
    return { id, providerName: found.name, provider: found, model, hint, createdAt: checkCreatedAt(createdAt) };
  };
}

function checkName(field: string, value: unknown): void {
  check(field, value, value === undefined || typeof value === 'string', 'a name such as "veo_3_1"');
}

/** No blank, no `.` or `..`, which would ask for another path, no control character, no half of a surrogate pair. */
function isId(id: unknown): boolean {
  return typeof id === 'string' && id.length <= 256 && /^(?!\s*$|\.\.?$)[^\p{Cc}\p{Surrogate}]+$/u.test(id);
}

function checkCreatedAt(createdAt: number | Date | undefined): number | undefined {
  if (createdAt === undefined) return undefined;
  const ms = Number(createdAt);
  if (ms >= 1e11 && ms <= 8.64e15) return ms;
  throw new RangeError(`createdAt: ${String(createdAt)} is no time; write epoch ms or a Date (not seconds)`);
}
