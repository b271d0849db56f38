import { randomBytes } from 'node:crypto';
import { defer, exhaustMap, interval, Subscription, timeout } from 'rxjs';
import type { TaskRef } from '../query.js';
import type { Tracker } from '../tracker/index.js';
import { Channel } from './task-feed.js';
import { EventStream } from './event-stream.js';
import { openFeed } from './stream-feed.js';
import type { RelayVideoUrl } from './relayed-task.js';

/** What the application grants to whoever sent a request. */
export interface RelayGrant {
  /** Who that is, for the limit on streams: a user's id, a session's. */
  readonly subject: string;
  /** The task behind each public id, in their order; `undefined` for one that does not exist or is not theirs. */
  readonly refs: readonly (TaskRef | undefined)[];
}

/**
 * Says which tasks a request may follow, by the application's own records; or refuses with `undefined`. The only source
 * of refs: what a client sends never becomes an id, a model or a URL at a service. Also called again for as long as a
 * stream is open, with the same request: check that its session is still good.
 *
 * Throwing (or rejecting) says that it cannot be told now: the client gets a 503 and tries again.
 */
export type RelayAuthorize = (
  request: Request,
  publicIds: readonly string[],
) => RelayGrant | undefined | PromiseLike<RelayGrant | undefined>;

export interface RelayCors {
  /** The origins whose pages may read, such as `https://app.example.com`. */
  readonly origins: readonly string[];
  /** The request headers that such pages may send. @default ['authorization', 'last-event-id'] */
  readonly headers?: readonly string[];
  /** Whether such pages may send cookies. @default false */
  readonly credentials?: boolean;
}

export interface RelayOptions {
  /** What tracks; closing it ends every stream. */
  readonly tracker: Pick<Tracker, 'track'>;
  readonly authorize: RelayAuthorize;
  /** Which URL a client gets for a completed task: the service's own (`true`), or what a function gives. @default false: none */
  readonly videoUrl?: RelayVideoUrl;
  /** Pages of other origins that may read. @default none */
  readonly cors?: RelayCors;
  /** How often a comment goes out, so that nothing between takes the connection for dead, in ms. @default 15_000 */
  readonly heartbeat?: number;
  /** How often `authorize` is asked again about an open stream, in ms. @default 300_000 */
  readonly reauthorizeAfter?: number;
  /** The most streams of one subject. Over it: 429. @default 6 */
  readonly streamsPerSubject?: number;
  /** The most ids of one stream. Over it: 400. @default 200 */
  readonly idsPerStream?: number;
  /** The most streams of all. Over it: 503. @default 5_000 */
  readonly streams?: number;
}

/** Answers `GET ?id=...&id=...` with server-sent events of the tasks' transitions. Rejects if the application's grant is none. */
export type RelayHandler = (request: Request) => Promise<Response>;

/** How long a client waits before it comes back to a stream that ended, in ms. */
const COME_BACK = 3000;
/** How many tasks that nobody follows keep their last transitions. */
const MOST_IDLE = 1000;

/**
 * The server's side of following tasks in a browser: the provider's key stays here, a client sees the transitions of the
 * tasks that `authorize` grants it, under their public ids. Every refusal is one and the same 404.
 *
 * A web-standard handler, for any server that has Request and Response; `nodeRelay` makes a listener for Node's own.
 *
 * @throws TypeError or RangeError at call time for options that cannot be meant, saying what to write instead.
 *
 * @example
 * const relay = relayHandler({
 *   tracker,
 *   authorize: async (request, publicIds) => {
 *     const user = await userOf(request);
 *     return user && { subject: user.id, refs: publicIds.map((id) => user.tasks.get(id)) };
 *   },
 * });
 */
export function relayHandler(options: RelayOptions): RelayHandler {
  const { tracker, authorize, videoUrl, cors, heartbeat, reauthorizeAfter, ...most } = checkOptions(options);
  const secret = randomBytes(32);
  const channels = new Map<string, Channel>();
  const idle = new Set<string>();
  const streamsOf = new Map<string, number>();
  let streams = 0;
  let count = 0;

  const channelOf = (ref: TaskRef): Channel => {
    const key = keyOf(ref);
    let channel = channels.get(key);
    if (!channel) {
      const onIdle = () => {
        idle.add(key);
        if (idle.size <= MOST_IDLE) return;
        const oldest = idle.values().next().value as string;
        idle.delete(oldest);
        channels.delete(oldest);
      };
      channel = new Channel(tracker.track(ref), () => ++count, onIdle);
      channels.set(key, channel);
    }
    idle.delete(key);
    return channel;
  };

  const granted = async (request: Request, publicIds: readonly string[]) => {
    const grant = await authorize(request, publicIds);
    if (!grant) return undefined;
    const { subject, refs } = grant;
    if (typeof subject !== 'string' || !Array.isArray(refs) || refs.length !== publicIds.length) {
      throw new TypeError('authorize: give undefined, or { subject, refs } with a ref or undefined for each public id');
    }
    return refs.some((ref) => ref !== undefined) ? grant : undefined;
  };

  const open = (request: Request, publicIds: readonly string[], { subject, refs }: RelayGrant): Response => {
    const ofSubject = streamsOf.get(subject) ?? 0;
    if (ofSubject >= most.streamsPerSubject) return refusal(429, 'too many streams', { 'retry-after': '5' });
    if (streams >= most.streams) return refusal(503, 'too many streams', { 'retry-after': '30' });
    // Before anything is counted: a ref that names no task throws.
    for (const ref of refs) if (ref !== undefined) void tracker.track(ref);
    const tasks = new Map(publicIds.map((id, nth) => [id, refs[nth] === undefined ? undefined : channelOf(refs[nth])]));
    const grants = refs.map(keyOf).join('\0');

    streams++;
    streamsOf.set(subject, ofSubject + 1);
    const closing = new Subscription(() => {
      streams--;
      const left = (streamsOf.get(subject) ?? 1) - 1;
      if (left > 0) streamsOf.set(subject, left);
      else streamsOf.delete(subject);
    });
    const stream = new EventStream(heartbeat, closing);
    closing.add(
      interval(reauthorizeAfter)
        .pipe(exhaustMap(() => defer(() => granted(request, publicIds)).pipe(timeout(reauthorizeAfter))))
        .subscribe({
          next: (grant) => {
            if (grant?.subject !== subject || grant.refs.map(keyOf).join('\0') !== grants) stream.end();
          },
          error: () => {
            stream.end();
          },
        }),
    );
    const drop = () => {
      stream.drop();
    };
    request.signal.addEventListener('abort', drop);
    closing.add(() => {
      request.signal.removeEventListener('abort', drop);
    });

    stream.open([`retry: ${COME_BACK}\n\n`]);
    const lastEventId = request.headers.get('last-event-id');
    let isOver: boolean;
    try {
      isOver = openFeed(stream, { channels: tasks, lastEventId, secret, videoUrl, closing });
    } catch (error) {
      stream.drop();
      throw error;
    }
    if (request.signal.aborted) stream.drop();
    if (!isOver) return new Response(stream.body, { headers: STREAM_HEADERS });
    stream.drop();
    // To an EventSource this says: do not come back.
    return new Response(null, { status: 204 });
  };

  const answer = async (request: Request): Promise<Response> => {
    if (request.method !== 'GET') return refusal(405, 'only GET', { allow: 'GET' });
    const publicIds = [...new Set(new URL(request.url).searchParams.getAll('id'))];
    if (publicIds.length > most.idsPerStream) return refusal(400, `at most ${most.idsPerStream} ids a stream`);
    if (publicIds.length === 0 || !publicIds.every((id) => PUBLIC_ID.test(id))) return notFound();
    let grant: RelayGrant | undefined;
    try {
      grant = await granted(request, publicIds);
    } catch (error) {
      // A grant that is none is a fault of the program's.
      if (error instanceof TypeError && error.message.startsWith('authorize:')) throw error;
      return refusal(503, 'not now', { 'retry-after': '5' });
    }
    return grant ? open(request, publicIds, grant) : notFound();
  };

  return async (request) => {
    const allowed = corsHeaders(request, cors);
    const isPreflight = allowed && request.method === 'OPTIONS';
    const response = isPreflight ? new Response(null, { status: 204 }) : await answer(request);
    for (const [name, value] of Object.entries(allowed ?? {})) response.headers.set(name, value);
    return response;
  };
}

const PUBLIC_ID = /^(?=.*\S)[^\p{Cc}\p{Surrogate}]{1,128}$/u;

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-content-type-options': 'nosniff',
  // nginx would keep events back until it has a bufferful.
  'x-accel-buffering': 'no',
};

function notFound(): Response {
  return refusal(404, 'not found');
}

function refusal(status: number, error: string, headers: Record<string, string> = {}): Response {
  const own = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' };
  return new Response(JSON.stringify({ error }), { status, headers: { ...own, ...headers } });
}

/** What lets a page of another origin read; undefined if it may not. */
function corsHeaders({ headers }: Request, cors: RelayCors | undefined): Record<string, string> | undefined {
  const origin = headers.get('origin');
  if (!cors || origin === null || !cors.origins.includes(origin)) return undefined;
  return {
    'access-control-allow-origin': origin,
    'access-control-allow-methods': 'GET',
    'access-control-allow-headers': (cors.headers ?? ['authorization', 'last-event-id']).join(', '),
    vary: 'origin',
    ...(cors.credentials ? { 'access-control-allow-credentials': 'true' } : {}),
  };
}

function keyOf(ref: TaskRef | undefined): string {
  const { id, provider = '' } = typeof ref === 'string' ? { id: ref } : (ref ?? { id: '' });
  return `${provider}\n${id}`;
}

type CheckedOptions = Required<Omit<RelayOptions, 'cors'>> & Pick<RelayOptions, 'cors'>;

function checkOptions(options: RelayOptions): CheckedOptions {
  const { tracker, authorize, cors, videoUrl = false } = options;
  if (typeof tracker?.track !== 'function') throw new TypeError('tracker: write what createTracker gives');
  if (typeof authorize !== 'function') {
    throw new TypeError(
      'authorize: write a function of (request, publicIds) that gives { subject, refs }, or undefined',
    );
  }
  if (typeof videoUrl !== 'boolean' && typeof videoUrl !== 'function') {
    throw new TypeError('videoUrl: write true, false, or a function of (task, publicId) that gives a URL');
  }
  for (const origin of cors?.origins ?? []) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) {
      throw new TypeError(`cors.origins: ${String(origin)} is no origin; write for example 'https://app.example.com'`);
    }
  }
  const { heartbeat = 15_000, reauthorizeAfter = 300_000 } = options;
  const { streamsPerSubject = 6, idsPerStream = 200, streams = 5_000 } = options;
  const numbers = { heartbeat, reauthorizeAfter, streamsPerSubject, idsPerStream, streams };
  for (const [name, value] of Object.entries(numbers)) {
    if (Number.isInteger(value) && value > 0 && value < 2 ** 31) continue;
    throw new RangeError(`${name}: ${String(value)} is not usable; write a whole number above 0`);
  }
  return { tracker, authorize, videoUrl, ...(cors ? { cors } : {}), ...numbers };
}
