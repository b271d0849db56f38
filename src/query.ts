import {
  asyncScheduler,
  catchError,
  defer,
  filter,
  map,
  of,
  switchMap,
  take,
  throwError,
  type MonoTypeOperatorFunction,
  type Observable,
} from 'rxjs';
import { isVirtualTime } from './clock.js';
import { causeOf, isQueryError, QueryError } from './errors.js';
import { createGate, sharedGate, type Gate } from './gate/index.js';
import { flawOfKey, type Provider } from './providers/provider.js';
import { redact } from './redact.js';
import type { Task } from './task.js';
import { fetchTransport, retryAfterOf, type Transport, type TransportReply } from './transport/index.js';

/** Which task: its id alone, or its id with what you know of it. */
export type TaskRef = string | TaskRefFields;

export interface TaskRefFields {
  /** As the service gave it when the task was created. */
  readonly id: string;
  /** The `name` of the provider; needed where there are several. */
  readonly provider?: string;
  /** The model, until an answer names it: the right polling window from the first poll on. */
  readonly model?: string;
  /** The name of a polling window that no answer tells, such as `flex` for Seedance 1.5's offline service. */
  readonly hint?: string;
  /** When the task was created: epoch ms, or a Date. The deadline counts from it, and a day later "not found" means deleted. */
  readonly createdAt?: number | Date;
}

export interface QueryOptions {
  /** One provider, or several: then each ref names its own. */
  readonly provider: Provider | readonly Provider[];
  /** @default fetchTransport() */
  readonly transport?: Transport;
  /** A request budget of your own. @default one per origin and key, shared by the whole process */
  readonly gate?: Gate;
}

/** Asks once: cold, one GET per subscription; emits one Task and completes, or errors with a QueryError. Unsubscribing aborts. */
export type Query = (ref: TaskRef) => Observable<Task>;

/** A ref whose provider is found and whose fields are checked. */
export interface ResolvedRef {
  readonly id: string;
  /** The provider's name. */
  readonly provider: string;
  readonly service: Provider;
  readonly model?: string | undefined;
  readonly hint?: string | undefined;
  /** Epoch ms. */
  readonly createdAt?: number | undefined;
}

/**
 * The bare waist of the library: asks about one task, once. Everything to its right is operators.
 *
 * @example
 * const query = createQuery({ provider: alad({ apiKey }) });
 * query('asyntask_x').pipe(withModelInterval(generationsWindows), pollUntilTerminal(), dedupeStatus())
 */
export function createQuery(options: QueryOptions): Query {
  const resolve = refResolver(options.provider);
  const ask = createAsk(options);
  return (ref) => ask(resolve(ref));
}

/** Asks about refs that are resolved already, when the gate lets them. */
export function createAsk({
  transport = fetchTransport(),
  gate,
}: QueryOptions): (ref: ResolvedRef) => Observable<Task> {
  let own: Gate | undefined;
  // A virtual run shares nothing: it may end with requests in flight, whose places would never be free again.
  const gateNow = () => gate ?? (isVirtualTime() ? (own ??= createGate()) : sharedGate);
  return (ref) => {
    const { service, id } = ref;
    const url = service.baseUrl + service.wire.path(encodeURIComponent(id));
    const ticket = { origin: service.origin, key: service.apiKey() };
    const ask = keyOf(service).pipe(
      unanswered(ref, ''),
      switchMap((key) => {
        const authorization = key === null ? {} : { authorization: `Bearer ${key}` };
        const headers = { accept: 'application/json', 'accept-language': 'en', ...authorization };
        return defer(() => transport({ url, headers })).pipe(
          filter((_reply, index) => index === 0),
          unanswered(ref, key ?? ''),
          map((reply) => readReply(reply, ref, key ?? '')),
        );
      }),
    );
    // A function-valued key may have been rotated since: it is asked for the new one, once.
    const isRotated = (error: unknown) =>
      typeof ticket.key === 'function' && isQueryError(error) && error.kind === 'unauthorized';
    const request = ask.pipe(
      catchError((error: unknown) => (isRotated(error) ? ask : throwError(() => error as Error))),
    );
    return defer(() => gateNow().admit(ticket, request)).pipe(unanswered(ref, ''));
  };
}

/** Whatever kept a reply from coming becomes a QueryError that names the task and shows no key. */
function unanswered<T>({ provider, id }: ResolvedRef, key: string): MonoTypeOperatorFunction<T> {
  const fit = (text: string) => redact(text, key);
  return catchError((error: unknown) => {
    if (isQueryError(error) && error.id !== undefined) throw error;
    const known = isQueryError(error) ? error : new QueryError('network', 'the transport failed', { cause: error });
    const { kind, message, code, retryAfterMs, httpStatus, requestId } = known;
    throw new QueryError(kind, `${provider} could not be asked about task ${id}: ${fit(String(message))}`, {
      ...{ code, retryAfterMs, httpStatus, requestId, provider, id },
      cause: known.cause && causeOf(isQueryError(error) ? known.cause : error, fit),
    });
  });
}

function readReply(
  { status, headers, body }: TransportReply,
  { provider, service, id, createdAt }: ResolvedRef,
  key: string,
): Task {
  const observedAt = asyncScheduler.now();
  const requestId = headers['x-request-id'] ?? headers['x-oneapi-request-id'];
  const reply = { status, body, requestId, retryAfterMs: retryAfterOf(headers, observedAt) };
  const { wire, retention } = service;
  try {
    return wire.read(reply, { provider, id, observedAt, retention, redact: (text) => redact(text, key) });
  } catch (error) {
    const isGone = isQueryError(error) && error.kind === 'not-found';
    if (!isGone || createdAt === undefined || observedAt - createdAt <= retention) throw error;
    const what = `${provider} has deleted its record of task ${id}: records are kept for ${retention / 3_600_000} h`;
    throw new QueryError('expired', what, { httpStatus: status, provider, id, cause: error });
  }
}

function keyOf({ apiKey }: Provider): Observable<string | null> {
  const given = apiKey();
  if (typeof given !== 'function') return of(given);
  return defer(() => {
    const key = given();
    return typeof key === 'string' ? of(key) : key;
  }).pipe(
    take(1),
    catchError((cause: unknown) =>
      throwError(() => new QueryError('network', 'the apiKey function failed', { code: 'api-key', cause })),
    ),
    map((key) => {
      const flaw = flawOfKey(key);
      if (flaw === undefined) return key;
      throw new QueryError('misconfigured', `the key that the apiKey function gave ${flaw}`, { code: 'api-key' });
    }),
  );
}

/** The one provider, or all of them. */
export function toArray(provider: Provider | readonly Provider[]): readonly Provider[] {
  return Array.isArray(provider) ? (provider as readonly Provider[]) : [provider as Provider];
}

/** Checks refs and finds their providers. @throws TypeError or RangeError at call time, saying what to write instead. */
export function refResolver(provider: Provider | readonly Provider[]): (ref: TaskRef) => ResolvedRef {
  const providers = new Map<string, Provider>();
  for (const one of toArray(provider)) {
    if (typeof one?.wire?.read !== 'function') {
      throw new TypeError('provider: write for example provider: alad({ apiKey }), or an array of such');
    }
    if (providers.has(one.name)) {
      throw new TypeError(
        `provider: two are named "${one.name}"; give one of them another name: ${one.name}({ apiKey, name: "second" })`,
      );
    }
    providers.set(one.name, one);
  }
  if (providers.size === 0) throw new TypeError('provider: the array is empty; write for example [alad({ apiKey })]');
  const names = [...providers.keys()].join(', ');

  return (ref) => {
    const fields: TaskRefFields = typeof ref === 'string' ? { id: ref } : ref;
    if (typeof fields !== 'object' || fields === null) {
      throw new TypeError(`ref: ${String(fields)} names no task; write an id, or { id, provider }`);
    }
    const { id, provider: name, model, hint, createdAt } = fields;
    checkId(id);
    for (const [field, value] of Object.entries({ model, hint })) {
      if (value !== undefined && typeof value !== 'string') {
        throw new TypeError(`${field}: ${String(value)} is no name; write for example "seedance_1_5_pro_720p"`);
      }
    }
    const found = name === undefined && providers.size === 1 ? [...providers.values()][0] : providers.get(name ?? '');
    if (!found) {
      const what =
        name === undefined ? 'names no provider' : `names provider "${String(name).slice(0, 80)}", which is not here`;
      throw new TypeError(`ref: task ${id} ${what}; write { id, provider } with one of: ${names}`);
    }
    return { id, provider: found.name, service: found, model, hint, createdAt: checkCreatedAt(createdAt) };
  };
}

function checkId(id: unknown): asserts id is string {
  const flaw = flawOfId(id);
  if (flaw) throw new TypeError(`id: ${flaw}; write the id as the service gave it when the task was created`);
}

function flawOfId(id: unknown): string | undefined {
  if (typeof id !== 'string') return `${id === null ? 'null' : typeof id} is not a string`;
  if (id.trim() === '') return 'it is empty';
  if (id === '.' || id === '..') return `"${id}" would ask for another path`;
  if (id.length > 256) return `it has ${id.length} characters, 256 are the most`;
  if (/\p{Cc}/u.test(id)) return 'it holds a control character';
  return /\p{Surrogate}/u.test(id) ? 'it holds half of a surrogate pair' : undefined;
}

function checkCreatedAt(createdAt: number | Date | undefined): number | undefined {
  if (createdAt === undefined) return undefined;
  const ms = Number(createdAt);
  if (ms >= 1e11 && ms <= 8.64e15) return ms;
  throw new RangeError(
    `createdAt: ${String(createdAt)} is no time; write epoch ms or a Date (services give seconds: times 1000)`,
  );
}
