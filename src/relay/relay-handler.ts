import { randomBytes } from 'node:crypto';
import { defer, exhaustMap, interval, Subscription, timeout, type Observable } from 'rxjs';
import { isPublicId } from '../public-id.js';
import type { TaskRef } from '../query.js';
import type { Task } from '../task.js';
import { corsHeaders } from './cors.js';
import { EventStream } from './event-stream.js';
import { GrantError } from './grant-error.js';
import { methodNotAllowed, notFound, notNow, refusal } from './refusal.js';
import { checkRelayOptions, type RelayGrant, type RelayOptions } from './relay-options.js';
import { streamFeed } from './stream-feed.js';
import { refKey, taskFeeds } from './task-feeds.js';

/**
 * Answers `GET ?id=...&id=...` with server-sent events, one for each transition of the tasks. Rejects with a
 * `GrantError` if what `authorize` returned is no grant, and with what `videoUrl` throws.
 */
export type RelayHandler = (request: Request) => Promise<Response>;

/** ms that a client waits before it reconnects to a stream that ended: the `retry` field of WHATWG HTML, 9.2.6. */
const RECONNECT_AFTER = 3000;

/**
 * Returns the server's side of watching tasks in a browser: the provider's key stays here, and a client receives the
 * transitions of the tasks that `authorize` grants it, under their public ids. Whatever it may not see is answered by
 * the same 404.
 *
 * A web-standard handler, for any server that has Request and Response; `nodeRelay` makes it a listener for Node's own.
 *
 * @throws TypeError or RangeError at call time for options that are missing, unknown or not usable.
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
  const { tracker, authorize, videoUrl, cors, heartbeat, reauthorizeAfter, ...limits } = checkRelayOptions(options);
  const secret = randomBytes(32);
  const feedOf = taskFeeds();
  const streamsOf = new Map<string, number>();
  let streams = 0;

  const addStream = (subject: string): Subscription => {
    streams++;
    streamsOf.set(subject, (streamsOf.get(subject) ?? 0) + 1);
    return new Subscription(() => {
      streams--;
      const left = (streamsOf.get(subject) ?? 1) - 1;
      if (left > 0) streamsOf.set(subject, left);
      else streamsOf.delete(subject);
    });
  };

  /** Ends the stream once `authorize` refuses it, grants something else, throws, or does not answer in time. */
  const reauthorize = (request: Request, publicIds: readonly string[], granted: RelayGrant, stream: EventStream) => {
    const end = () => {
      stream.end();
    };
    const ask = defer(async () => checkGrant(await authorize(request, publicIds), publicIds));
    return interval(reauthorizeAfter)
      .pipe(exhaustMap(() => ask.pipe(timeout(reauthorizeAfter))))
      .subscribe({
        next: (grant) => {
          if (!isSameGrant(grant, granted)) end();
        },
        error: end,
      });
  };

  const open = (request: Request, publicIds: readonly string[], grant: RelayGrant): Response => {
    const { subject, refs } = grant;
    const { streamsPerSubject } = limits;
    if ((streamsOf.get(subject) ?? 0) >= streamsPerSubject) {
      const error = `too many streams: at most ${streamsPerSubject} for each subject`;
      return refusal(429, error, { 'retry-after': '5', 'relay-limit': String(streamsPerSubject) });
    }
    if (streams >= limits.streams) return refusal(503, 'too many streams', { 'retry-after': '30' });
    // `track` checks a ref when it is called. A bad one throws here, before anything is counted or subscribed.
    let granted: readonly (readonly [TaskRef, Observable<Task>] | undefined)[];
    try {
      granted = refs.map((ref) => (ref === undefined ? undefined : [ref, tracker.track(ref)]));
    } catch (error) {
      const { code, message } = error as Error & { readonly code?: unknown };
      if (code === 'closed') return notNow();
      throw new GrantError(`authorize: it returned a ref that the tracker refuses: ${message}`);
    }
    const feeds = new Map(publicIds.map((id, nth) => [id, granted[nth] && feedOf(...granted[nth])]));

    const closing = addStream(subject);
    const stream = new EventStream(heartbeat, closing);
    const drop = () => {
      stream.drop();
    };
    request.signal.addEventListener('abort', drop);
    closing.add(() => {
      request.signal.removeEventListener('abort', drop);
    });
    closing.add(reauthorize(request, publicIds, grant, stream));

    // From here on the stream counts, and is closed by the client, by `reauthorize` or by its last event.
    stream.open([`retry: ${RECONNECT_AFTER}\n\n`]);
    const lastEventId = request.headers.get('last-event-id');
    let hadEverything: boolean;
    try {
      hadEverything = streamFeed(stream, { feeds, lastEventId, secret, videoUrl, closing });
    } catch (error) {
      stream.drop();
      throw error;
    }
    // The client may have left while `authorize` ran.
    if (request.signal.aborted) stream.drop();
    if (!hadEverything) return new Response(stream.body, { headers: STREAM_HEADERS });
    stream.drop();
    // WHATWG HTML, 9.2.1: an EventSource that receives 204 does not reconnect.
    return new Response(null, { status: 204 });
  };

  const answer = async (request: Request): Promise<Response> => {
    if (request.method !== 'GET') return methodNotAllowed();
    const publicIds = [...new Set(new URL(request.url).searchParams.getAll('id'))];
    const { idsPerStream } = limits;
    if (publicIds.length > idsPerStream) {
      return refusal(400, `too many ids: at most ${idsPerStream} for each stream`, {
        'relay-limit': String(idsPerStream),
      });
    }
    if (publicIds.length === 0 || !publicIds.every(isPublicId)) return notFound();
    let returned: RelayGrant | undefined;
    try {
      returned = await authorize(request, publicIds);
    } catch {
      return notNow();
    }
    const grant = checkGrant(returned, publicIds);
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

const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-content-type-options': 'nosniff',
  // nginx buffers replies: https://nginx.org/en/docs/http/ngx_http_proxy_module.html#proxy_buffering
  'x-accel-buffering': 'no',
};

/** @returns undefined where nothing is granted */
function checkGrant(grant: RelayGrant | undefined, publicIds: readonly string[]): RelayGrant | undefined {
  if (!grant) return undefined;
  const { subject, refs } = grant;
  if (typeof subject !== 'string' || !Array.isArray(refs) || refs.length !== publicIds.length) {
    throw new GrantError(
      `authorize: what it returned for ${publicIds.length} ids is no grant; return undefined, or { subject, refs } ` +
        'with a string and, for each id in its order, a ref or undefined',
    );
  }
  return refs.some((ref) => ref !== undefined) ? grant : undefined;
}

function isSameGrant(a: RelayGrant | undefined, b: RelayGrant): boolean {
  return a?.subject === b.subject && a.refs.every((ref, nth) => refKey(ref) === refKey(b.refs[nth]));
}
