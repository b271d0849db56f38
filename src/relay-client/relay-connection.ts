import { NEVER, switchMap, tap, type Subscription } from 'rxjs';
import type { StreamError } from './check-response.js';
import { CONNECTING, eventSource, IDLE, type EventSourceOptions, type StreamState } from './event-source.js';
import { isHiddenFor } from './page-visibility.js';
import { parseEvent, type RelayEvent } from './parse-event.js';

export interface RelayConnectionOptions extends Omit<EventSourceOptions, 'onState' | 'isFinal'> {
  /** ms that a page may be hidden before its connections are closed. */
  readonly hiddenAfter: number;
}

export interface RelayConnectionHandlers extends Pick<EventSourceOptions, 'isFinal'> {
  /**
   * @param isFirst whether it is the stream's first event of this task: often the task's present state, and no
   * transition
   */
  readonly onEvent: (event: RelayEvent, isFirst: boolean) => void;
  readonly onError: (error: StreamError) => void;
  readonly onState: () => void;
}

/** One stream of a relay, and the tasks that it carries. */
export interface RelayConnection {
  /** Changes take effect at the next `connect`. */
  readonly ids: Set<string>;
  state: StreamState;
  stream?: Subscription;
}

/** The URL of a stream that carries these tasks. */
export function urlOf(url: string, ids: Iterable<string>): string {
  return [...ids].reduce((all, id) => all + (all.includes('?') ? '&' : '?') + parameterOf(id), url);
}

export function parameterOf(id: string): string {
  return `id=${encodeURIComponent(id)}`;
}

/** Opens a stream that carries the tasks of the connection, in the place of its earlier one. */
export function connect(
  connection: RelayConnection,
  options: RelayConnectionOptions,
  { isFinal, onEvent, onError, onState }: RelayConnectionHandlers,
): void {
  /** Tasks of which the current stream has sent an event. */
  const seen = new Set<string>();
  const setState = (state: StreamState) => {
    if (state === CONNECTING) seen.clear();
    connection.state = state;
    onState();
  };
  const events = eventSource({ ...options, url: urlOf(options.url, connection.ids), isFinal, onState: setState });
  connection.stream?.unsubscribe();
  connection.stream = isHiddenFor(options.hiddenAfter)
    .pipe(
      tap((isHidden) => {
        if (isHidden) setState(IDLE);
      }),
      switchMap((isHidden) => (isHidden ? NEVER : events)),
    )
    .subscribe({
      next: (data) => {
        const event = parseEvent(data);
        if (!event || !connection.ids.has(event.id)) return;
        const isFirst = !seen.has(event.id);
        seen.add(event.id);
        onEvent(event, isFirst);
      },
      error: onError,
    });
}
