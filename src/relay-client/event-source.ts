import { createParser } from 'eventsource-parser';
import { asyncScheduler, filter, Observable, retry, throwError, timeout, timer } from 'rxjs';
import { LONGEST_RETRY_AFTER } from '../durations.js';
import { isQueryError, type QueryError } from '../errors.js';
import { brief, messageOf } from '../redact.js';
import { checkResponse, streamError, type StreamError } from './check-response.js';

export interface EventSourceOptions {
  readonly url: string;
  /** The URL of the relay without its query, for messages. */
  readonly shownUrl: string;
  readonly headers: () => Readonly<Record<string, string>> | PromiseLike<Readonly<Record<string, string>>>;
  readonly credentials: 'omit' | 'same-origin' | 'include';
  readonly fetch?: typeof globalThis.fetch;
  /** ms without a byte after which a connection counts as dead. */
  readonly silence: number;
  readonly random: () => number;
  /** Whether waiting is pointless, although the kind of the error is retryable. */
  readonly isFinal: (error: StreamError) => boolean;
  readonly onState: (state: StreamState) => void;
}

/** What one stream is doing: `idle` while it is not subscribed. */
export type StreamState =
  | {
      /** What it is doing. */
      readonly state: 'idle' | 'connecting' | 'open';
    }
  | {
      /** It could not be opened, or was cut. */
      readonly state: 'waiting';
      /** Why. */
      readonly reason: QueryError;
      /** When it connects again, in epoch ms. */
      readonly until: number;
    };

// Each one object, so that equal states are identical.
export const IDLE: StreamState = { state: 'idle' };
export const CONNECTING: StreamState = { state: 'connecting' };
export const OPEN: StreamState = { state: 'open' };

/** ms: waits after failures grow from the first to the second. */
const [MIN_WAIT, MAX_WAIT] = [1000, 30_000];
/** ms before a stream that ended is opened again, until the relay sends the field `retry`. */
const RECONNECT_AFTER = 3000;
/** Characters of one event. A relay's are below 2,000. */
const MAX_EVENT = 262_144;

/**
 * The data of each event, over one connection after the other: an `EventSource` with request headers, back-off and a
 * limit on silence. It waits before it reconnects, with jitter, and resumes after the last event (`Last-Event-ID`).
 *
 * Errors with a QueryError where reconnecting is pointless. Never completes.
 */
export function eventSource(options: EventSourceOptions): Observable<string> {
  const { shownUrl, silence, random, isFinal, onState } = options;
  let lastEventId: string | undefined;
  let reconnectAfter = RECONNECT_AFTER;
  let failures = 0;
  let hasEnded = false;

  const connection = new Observable<string | undefined>((subscriber) => {
    onState(CONNECTING);
    hasEnded = false;
    const abort = new AbortController();
    const parser = createParser({
      maxBufferSize: MAX_EVENT,
      onEvent: ({ id, event, data }) => {
        lastEventId = id ?? lastEventId;
        // A relay's events have no name.
        if (event === undefined) subscriber.next(data);
      },
      onRetry: (ms) => {
        reconnectAfter = Math.min(Math.max(ms, MIN_WAIT), LONGEST_RETRY_AFTER);
      },
      onError: ({ type }) => {
        if (type !== 'max-buffer-size-exceeded') return;
        subscriber.error(streamError(shownUrl, 'malformed', `sent an event of more than ${MAX_EVENT} characters`));
      },
    });
    const run = async () => {
      const response = await (options.fetch ?? globalThis.fetch)(options.url, {
        headers: {
          accept: 'text/event-stream',
          ...(await options.headers()),
          ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
        },
        signal: abort.signal,
        credentials: options.credentials,
        cache: 'no-store',
        redirect: 'manual',
      });
      checkResponse(response, shownUrl);
      if (abort.signal.aborted) return;
      onState(OPEN);
      // 204: the relay has nothing after this event. If a task is still unsettled here, its current state is missing.
      if (response.status === 204) lastEventId = undefined;
      const decoder = new TextDecoder();
      const reader = response.body?.getReader();
      for (let part = await reader?.read(); part && !part.done; part = await reader?.read()) {
        failures = 0;
        // Bytes that complete no event, such as a heartbeat, show that the connection is alive.
        subscriber.next(undefined);
        parser.feed(decoder.decode(part.value, { stream: true }));
      }
      hasEnded = true;
      throw streamError(shownUrl, 'network', 'ended the stream');
    };
    run().catch((error: unknown) => {
      const failed = () =>
        streamError(shownUrl, 'network', `cannot be reached: ${brief(messageOf(error))}`, { cause: error });
      subscriber.error(isQueryError(error) ? error : failed());
    });
    return () => {
      abort.abort();
    };
  });

  const waitAfter = ({ retryAfterMs = 0 }: QueryError): number => {
    const wait = hasEnded ? reconnectAfter : Math.min(MAX_WAIT, MIN_WAIT * 2 ** failures++);
    // Jitter, so that clients that were cut together do not reconnect together; never before the time that was asked.
    return retryAfterMs > wait ? retryAfterMs * (1 + random() / 2) : wait * (0.5 + random());
  };

  const silent = () => throwError(() => streamError(shownUrl, 'timeout', `sent no byte for ${silence} ms`));
  return connection.pipe(
    timeout({ each: silence, with: silent }),
    retry({
      delay: (error: QueryError) => {
        if (!error.retryable || isFinal(error)) return throwError(() => error);
        const wait = waitAfter(error);
        onState({ state: 'waiting', reason: error, until: asyncScheduler.now() + wait });
        return timer(wait);
      },
    }),
    filter((data) => data !== undefined),
  );
}
