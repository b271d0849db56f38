import { asyncScheduler, BehaviorSubject, type Observable, type Subscription } from 'rxjs';
import { QueryError } from '../errors.js';
import type { StreamError } from './check-response.js';
import { IDLE, OPEN, type StreamState } from './event-source.js';
import {
  connect,
  parameterOf,
  urlOf,
  type RelayConnection,
  type RelayConnectionHandlers,
  type RelayConnectionOptions,
} from './relay-connection.js';

/**
 * The state of a tracker's connections to its relay, taken together.
 *
 * - `idle`: none is needed, because no task has a subscriber, or because the page is hidden.
 * - `waiting`: one could not be opened, or was cut, for `reason`; it is opened again at `until` (epoch ms).
 * - `refused`: the relay refused one for good, for `reason`, and its tasks are lost. Stays until another one is open.
 */
export type RelayConnectionState =
  | StreamState
  | {
      /** The relay refused a stream for good. */
      readonly state: 'refused';
      /** Why. */
      readonly reason: QueryError;
    };

export interface RelayStreamsOptions extends RelayConnectionOptions {
  readonly idsPerStream: number;
  readonly streamsPerSubject: number;
}

export interface RelayStreamsHandlers extends Pick<RelayConnectionHandlers, 'onEvent'> {
  /** Whether a task has subscribers. */
  readonly isWanted: (id: string) => boolean;
  /** A task without subscribers has no stream any more. */
  readonly onLeft: (id: string) => void;
  readonly onLost: (id: string, reason: QueryError) => void;
}

/** Spreads tasks over the streams of a relay. */
export interface RelayStreams {
  /** The current state first; completes on `close`. */
  readonly state: Observable<RelayConnectionState>;
  /** To be called when a task gets its first subscriber, or loses its last one. */
  update(id: string): void;
  /** To be called when a task has ended: its stream goes on for the others, and is closed with the last one. */
  release(id: string): void;
  close(): void;
}

/**
 * Characters of a URL that usual servers take: nginx, Apache and CloudFront end at 8 KiB for the whole request line.
 */
const USUAL_URL = 8000;
/**
 * Characters that only some take, such as Node's (16 KiB for all headers,
 * https://nodejs.org/api/cli.html#--max-http-header-sizesize): tried before a task is given up.
 */
const LONG_URL = 14_000;

/**
 * Uses as few streams as the relay's limits allow. A stream whose tasks change is opened anew, once for all changes of
 * a turn. Tasks for which no stream has room are lost.
 */
export function relayStreams(options: RelayStreamsOptions, handlers: RelayStreamsHandlers): RelayStreams {
  const { idsPerStream, streamsPerSubject } = options;
  const { isWanted, onEvent, onLeft, onLost } = handlers;
  const state = new BehaviorSubject<RelayConnectionState>(IDLE);
  const connections = new Set<RelayConnection>();
  const connectionOf = new Map<string, RelayConnection>();
  /** Tasks that have got their first subscriber, or lost their last one, since the streams were arranged. */
  const changed = new Set<string>();
  /** The last refusal, until a stream is open again. */
  let refusal: RelayConnectionState | undefined;
  let arranging: Subscription | undefined;

  const publish = () => {
    const states = [...connections].map((connection) => connection.state);
    const first = (name: string) => states.find((one) => one.state === name);
    const next = first('waiting') ?? first('connecting') ?? refusal ?? first('open') ?? IDLE;
    if (next !== state.value) state.next(next);
  };

  const remove = (connection: RelayConnection) => {
    connection.stream?.unsubscribe();
    connections.delete(connection);
    for (const id of connection.ids) connectionOf.delete(id);
  };

  const open = (connection: RelayConnection) => {
    connect(connection, options, {
      onEvent,
      // Where other trackers of the same subject hold the streams that are missing, waiting helps.
      isFinal: ({ limit = Infinity }) => limit < connections.size,
      onState: () => {
        if (connection.state === OPEN) refusal = undefined;
        publish();
      },
      onError: (reason: StreamError) => {
        remove(connection);
        refusal = { state: 'refused', reason };
        publish();
        for (const id of connection.ids) onLost(id, reason);
      },
    });
  };

  /** One with room, a new one, or, when there may be no more of them, one whose URL gets long. */
  const connectionFor = (id: string, lengthOf: Map<RelayConnection, number>): RelayConnection | undefined => {
    const { length } = parameterOf(id);
    const withRoom = (maxLength: number) =>
      [...connections].find((one) => one.ids.size < idsPerStream && (lengthOf.get(one) ?? 0) + length < maxLength);
    let connection = withRoom(USUAL_URL);
    if (!connection && connections.size < streamsPerSubject)
      connections.add((connection = { ids: new Set(), state: IDLE }));
    connection ??= withRoom(LONG_URL);
    if (connection) lengthOf.set(connection, (lengthOf.get(connection) ?? options.url.length) + length + 1);
    return connection;
  };

  /** Gives every task that has subscribers a stream, and opens those anew whose tasks have changed. */
  const arrange = () => {
    arranging = undefined;
    const toOpen = new Set<RelayConnection>();
    const lost: string[] = [];
    const [coming, leaving] = [true, false].map((wanted) => [...changed].filter((id) => isWanted(id) === wanted));
    changed.clear();
    for (const id of leaving ?? []) {
      onLeft(id);
      const connection = connectionOf.get(id);
      if (!connection) continue;
      connection.ids.delete(id);
      connectionOf.delete(id);
      toOpen.add(connection);
    }
    const lengthOf = new Map([...connections].map((one) => [one, urlOf(options.url, one.ids).length]));
    for (const id of coming ?? []) {
      if (connectionOf.has(id)) continue;
      const connection = connectionFor(id, lengthOf);
      if (!connection) {
        lost.push(id);
        continue;
      }
      connection.ids.add(id);
      connectionOf.set(id, connection);
      toOpen.add(connection);
    }
    for (const connection of toOpen) {
      if (connection.ids.size > 0) open(connection);
      else remove(connection);
    }
    publish();
    const limits = `${streamsPerSubject} streams (streamsPerSubject) of ${idsPerStream} ids (idsPerStream)`;
    const message = `more tasks than ${limits} and URLs of ${LONG_URL} characters hold; watch fewer, or raise these options`;
    for (const id of lost) onLost(id, new QueryError('misconfigured', message));
  };

  return {
    state: state.asObservable(),

    update(id) {
      changed.add(id);
      arranging ??= asyncScheduler.schedule(arrange);
    },

    release(id) {
      const connection = connectionOf.get(id);
      connectionOf.delete(id);
      connection?.ids.delete(id);
      if (connection?.ids.size !== 0) return;
      remove(connection);
      publish();
    },

    close() {
      arranging?.unsubscribe();
      for (const connection of connections) remove(connection);
      state.complete();
    },
  };
}
