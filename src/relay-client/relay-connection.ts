import {
  concat,
  defer,
  distinctUntilChanged,
  fromEvent,
  map,
  NEVER,
  Observable,
  of,
  repeat,
  retry,
  switchMap,
  tap,
  throwError,
  timeout,
  timer,
} from 'rxjs';
import { QueryError } from '../errors.js';
import { eventFrames, type Frame } from './event-frames.js';

export interface LineOptions {
  readonly url: string;
  readonly headers: () => Readonly<Record<string, string>> | PromiseLike<Readonly<Record<string, string>>>;
  readonly credentials: RequestCredentials;
  readonly fetch: typeof globalThis.fetch | undefined;
  /** ms */
  readonly silence: number;
  /** ms */
  readonly hiddenAfter: number;
  readonly random: () => number;
}

/** Waits between failures grow from the first to the second, in ms. */
const BACK_OFF = [1000, 30_000] as const;

/**
 * The events of one stream, for as long as somebody listens: it comes back where it was cut, after a jittered wait, and
 * is put down while the page is hidden for long. Errors only where coming back is pointless: with a QueryError.
 */
export function line(options: LineOptions): Observable<Frame> {
  const { silence, hiddenAfter, random } = options;
  let lastEventId: string | undefined;
  let comeBack = 3000;
  let failures = 0;
  // Half of it for sure, and up to as much again: those who were cut together come back apart.
  const jittered = (ms: number) => timer(ms * (0.5 + random()));

  const stream = defer(() => open(options, lastEventId)).pipe(
    // The relay sends a comment every few seconds: whoever says nothing is gone, even if the connection stands.
    timeout({ each: silence }),
    tap((frame) => {
      failures = 0;
      lastEventId = frame.id ?? lastEventId;
      comeBack = frame.retry ?? comeBack;
    }),
    repeat({ delay: () => jittered(comeBack) }),
    retry({
      delay: (error: unknown) => {
        const { kind, retryAfterMs = 0, retryable } = (error ?? {}) as Partial<QueryError>;
        if (kind !== undefined && !retryable) return throwError(() => error as QueryError);
        const wait = Math.min(BACK_OFF[1], BACK_OFF[0] * 2 ** failures++);
        return retryAfterMs > wait ? timer(retryAfterMs * (1 + random() / 2)) : jittered(wait);
      },
    }),
  );
  return isAway(hiddenAfter).pipe(switchMap((away) => (away ? NEVER : stream)));
}

/** Whether the page has been hidden for so long; first of all it is not. */
function isAway(hiddenAfter: number): Observable<boolean> {
  const page = globalThis.document as Document | undefined;
  if (!page) return of(false);
  const hidden = defer(() => concat(of(undefined), fromEvent(page, 'visibilitychange'))).pipe(
    switchMap(() => (page.hidden ? timer(hiddenAfter).pipe(map(() => true)) : of(false))),
  );
  return concat(of(false), hidden).pipe(distinctUntilChanged());
}

/** One connection: what it says until it ends. */
function open(options: LineOptions, lastEventId: string | undefined): Observable<Frame> {
  return new Observable((subscriber) => {
    const controller = new AbortController();
    const exchange = async () => {
      const response = await (options.fetch ?? globalThis.fetch)(options.url, {
        headers: {
          accept: 'text/event-stream',
          ...(await options.headers()),
          ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        },
        signal: controller.signal,
        credentials: options.credentials,
        cache: 'no-store',
        redirect: 'manual',
      });
      check(response);
      const frames = eventFrames();
      const decoder = new TextDecoder();
      const reader = response.body?.getReader();
      for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
        // Also a piece that completes no event is a sign of life.
        const told = frames(decoder.decode(part.value, { stream: true }));
        for (const frame of told.length > 0 ? told : [{}]) subscriber.next(frame);
      }
    };
    exchange().then(
      () => {
        subscriber.complete();
      },
      (error: unknown) => {
        subscriber.error(error);
      },
    );
    return () => {
      controller.abort();
    };
  });
}

/** @throws QueryError for an answer that is no stream */
function check({ status, type, headers }: Response): void {
  const isStream = status === 200 && (headers.get('content-type') ?? '').startsWith('text/event-stream');
  if (isStream || status === 204) return;
  const seconds = Number(headers.get('retry-after') ?? NaN);
  const retryAfterMs = seconds >= 0 ? Math.min(seconds, 900) * 1000 : undefined;
  const isRedirect = type === 'opaqueredirect' || (status >= 300 && status < 400);
  const what = isRedirect ? 'the relay redirects' : `the relay answered HTTP ${status}`;
  throw new QueryError(isRedirect ? 'misconfigured' : kindOf(status), what, { httpStatus: status, retryAfterMs });
}

function kindOf(status: number): QueryError['kind'] {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404 || status === 410) return 'not-found';
  if (status === 408 || status === 425) return 'timeout';
  if (status === 429) return 'rate-limited';
  if (status >= 500) return 'server';
  return status < 300 ? 'malformed' : 'misconfigured';
}
