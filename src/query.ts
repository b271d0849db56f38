import { asyncScheduler, catchError, defer, from, map, of, switchMap, take, throwError, type Observable } from 'rxjs';
import { isQueryError, QueryError, redact } from './errors.js';
import { checkKey, type ApiKey, type Provider } from './providers/provider.js';
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
}

/** Asks once: cold, one GET per subscription; emits one Task and completes, or errors with a QueryError. Unsubscribing aborts. */
export type Query = (ref: TaskRef) => Observable<Task>;

/** A ref whose provider is found and whose fields are checked. */
export interface ResolvedRef {
  readonly id: string;
  readonly provider: Provider;
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

/** Asks about refs that are resolved already. */
export function createAsk({ transport = fetchTransport() }: QueryOptions): (ref: ResolvedRef) => Observable<Task> {
  return (ref) => {
    const { provider, id } = ref;
    const url = provider.baseUrl + provider.wire.path(encodeURIComponent(id));
    const ask = () =>
      keyOf(provider).pipe(
        switchMap((key) => {
          const authorization = key === null ? {} : { authorization: `Bearer ${key}` };
          const headers = { accept: 'application/json', 'accept-language': 'en', ...authorization };
          return transport({ url, headers }).pipe(
            take(1),
            map((reply) => readReply(reply, ref, key ?? '')),
          );
        }),
      );
    return defer(ask).pipe(
      // A function-valued key may have been rotated since: it is asked for the new one, once.
      catchError((error: unknown) =>
        typeof provider.apiKey() === 'function' && isQueryError(error) && error.kind === 'unauthorized'
          ? ask()
          : throwError(() => error as Error),
      ),
      catchError((error: unknown) => throwError(() => named(error, ref) as Error)),
    );
  };
}

function readReply(
  { status, headers, body }: TransportReply,
  { provider, id, createdAt }: ResolvedRef,
  key: string,
): Task {
  const observedAt = asyncScheduler.now();
  const requestId = headers['x-request-id'] ?? headers['x-oneapi-request-id'];
  const reply = { status, body, requestId, retryAfterMs: retryAfterOf(headers, observedAt) };
  const { name, wire, retention } = provider;
  try {
    return wire.read(reply, { provider: name, id, observedAt, retention, redact: (text) => redact(text, key) });
  } catch (error) {
    const isGone = isQueryError(error) && error.kind === 'not-found';
    if (!isGone || createdAt === undefined || observedAt - createdAt <= retention) throw error;
    const what = `${name} has deleted its record of task ${id}: records are kept for ${retention / 3_600_000} h`;
    throw new QueryError('expired', what, { httpStatus: status, provider: name, id, cause: error });
  }
}

/** The error of a transport or a key function, with the name of the task that it was about. */
function named(error: unknown, { provider, id }: ResolvedRef): unknown {
  if (!isQueryError(error)) return error;
  if (error.id !== undefined) return error;
  return new QueryError(error.kind, `${provider.name} could not be asked about task ${id}: ${error.message}`, {
    code: error.code,
    retryAfterMs: error.retryAfterMs,
    httpStatus: error.httpStatus,
    requestId: error.requestId,
    provider: provider.name,
    id,
    cause: error.cause,
  });
}

function keyOf(provider: Provider): Observable<string | null> {
  const apiKey: ApiKey = provider.apiKey();
  if (typeof apiKey !== 'function') return of(apiKey);
  return defer(() => {
    const given = apiKey();
    return typeof given === 'string' ? of(given) : from(given);
  }).pipe(
    take(1),
    catchError((error: unknown) =>
      throwError(() => new QueryError('network', 'the apiKey function failed', { code: 'api-key', cause: error })),
    ),
    map((key) => {
      try {
        checkKey(key, provider.name);
      } catch (error) {
        throw new QueryError('misconfigured', 'the apiKey function gave no usable key', {
          code: 'api-key',
          cause: error,
        });
      }
      return key;
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
    const found = name === undefined && providers.size === 1 ? [...providers.values()][0] : providers.get(name ?? '');
    if (!found) {
      const what =
        name === undefined ? 'names no provider' : `names provider "${String(name).slice(0, 80)}", which is not here`;
      throw new TypeError(`ref: task ${id} ${what}; write { id, provider } with one of: ${names}`);
    }
    return { id, provider: found, model, hint, createdAt: checkCreatedAt(createdAt) };
  };
}

function checkId(id: unknown): asserts id is string {
  const refuse = (why: string): never => {
    throw new TypeError(`id: ${why}; write the id as the service gave it when the task was created`);
  };
  if (typeof id !== 'string') refuse(`${id === null ? 'null' : typeof id} is not a string`);
  const text = id as string;
  if (text.trim() === '') refuse('it is empty');
  if (text === '.' || text === '..') refuse(`"${text}" would ask for another path`);
  if (text.length > 256) refuse(`it has ${text.length} characters, 256 are the most`);
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f-\u009f]/.test(text)) refuse('it holds a control character');
  if (/\p{Surrogate}/u.test(text)) refuse('it holds half of a surrogate pair');
}

function checkCreatedAt(createdAt: unknown): number | undefined {
  if (createdAt === undefined) return undefined;
  const ms = createdAt instanceof Date ? createdAt.getTime() : createdAt;
  if (typeof ms === 'number' && ms >= 1e11 && ms <= 8.64e15) return ms;
  throw new RangeError(
    `createdAt: ${String(createdAt)} is no time; write epoch ms or a Date (services give seconds: times 1000)`,
  );
}
