import type { QueryError, QueryErrorKind, TrackingError } from './errors.js';
import type { TaskStatus, TerminalStatus } from './task.js';

interface Channel {
  readonly hasSubscribers: boolean;
  publish(message: object): void;
  /** Publishes the message, and runs `run` with the stores that are bound to the channel. */
  runStores<T>(message: object, run: () => T): T;
}

interface DiagnosticsModule {
  channel(name: string): Channel;
}

interface TaskNames {
  /** The provider's name. */
  readonly provider: string;
  /** The id of the task. */
  readonly id: string;
}

/**
 * What is published on Node's `diagnostics_channel`, by the name of the channel. Nothing holds a key, the query of a
 * URL, or the body of a reply.
 */
export interface DiagnosticsMessages {
  /** A missed poll. */
  readonly 'rx-video-tasks:miss': TaskNames & {
    /** Why there was no usable answer. */
    readonly kind: QueryErrorKind;
    /** How many in a row, this one included. */
    readonly misses: number;
    /** ms until the next ask. */
    readonly nextPollIn: number;
    /** The error of the query. */
    readonly error: QueryError;
  };
  /** Tracking ended without a terminal answer. */
  readonly 'rx-video-tasks:lost': TaskNames & {
    /** A TrackingError, or what a callback of the caller threw. */
    readonly error: unknown;
  };
  /** A tracked task has changed. */
  readonly 'rx-video-tasks:transition': TaskNames & {
    /** The status that the task has now. */
    readonly status: TaskStatus;
    /** 1, 2, ... per task. */
    readonly seq: number;
    /** 0..100 */
    readonly progress?: number | undefined;
    /** The model, once an answer has named it. */
    readonly model?: string | undefined;
    /** Epoch ms. */
    readonly observedAt: number;
  };
  /** A tracked task has ended: it is terminal, or lost. */
  readonly 'rx-video-tasks:settled': TaskNames & {
    /** How it ended. */
    readonly status: TerminalStatus | 'lost';
    /** Why tracking ended; of a lost task only. */
    readonly reason?: TrackingError['reason'] | undefined;
    /** The model, once an answer has named it. */
    readonly model?: string | undefined;
    /** ms from `startedAt`, else `createdAt`, to `finishedAt`, where the service gives both. */
    readonly generationMs?: number | undefined;
    /** ms from `finishedAt` to the answer that showed it, by the clocks of both machines. */
    readonly detectionDelayMs?: number | undefined;
    /** Requests that this tracker sent about the task. */
    readonly requests: number;
  };
  /** `saveVideo` has stored a video. */
  readonly 'rx-video-tasks:saved': TaskNames & {
    /** The size of the video. */
    readonly bytes: number;
    /** The SHA-256 of the video, in hex. */
    readonly sha256: string;
    /** ms from the first attempt to the last byte on the disk. */
    readonly durationMs: number;
  };
}

/**
 * The message of the tracing channel `rx-video-tasks:query`: one request. The same object comes with each of its
 * events; `kind` and what follows it are there from `asyncStart` (and `error`) on.
 */
export interface QueryTraceMessage extends TaskNames {
  /** Without query and fragment. */
  readonly url: string;
  /** `answer`, the kind of the QueryError, or `aborted` by unsubscribing. */
  kind?: 'answer' | 'aborted' | QueryErrorKind;
  /** ms, without the time at the gate. */
  durationMs?: number;
  /** Of the reply, if there was one. */
  httpStatus?: number;
  /** The status of the task, in an answer. */
  status?: TaskStatus;
  /** Why the query was not answered; absent otherwise. */
  error?: QueryError;
}

const diagnostics = /* @__PURE__ */ diagnosticsModule();

const channels = new Map<string, Channel>();

/** The channel of this name, where there are channels. */
export function channelOf(name: string): Channel | undefined {
  let channel = channels.get(name);
  // Looking a channel up in Node takes longer than asking whether it has subscribers.
  if (!channel && diagnostics) channels.set(name, (channel = diagnostics.channel(name)));
  return channel;
}

/** @param message called only where something subscribes. */
export function publish<Name extends keyof DiagnosticsMessages>(
  name: Name,
  message: () => DiagnosticsMessages[Name],
): void {
  const channel = channelOf(name);
  if (channel?.hasSubscribers) channel.publish(message());
}

/** Asked for at run time: a browser has none, and a bundler finds no import. */
function diagnosticsModule(): DiagnosticsModule | undefined {
  const { process } = globalThis as { process?: { getBuiltinModule?(name: string): DiagnosticsModule | undefined } };
  return process?.getBuiltinModule?.('diagnostics_channel');
}
