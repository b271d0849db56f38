import type { Task } from '../task.js';

/** One reply of a service, as a transport brought it. */
export interface Reply {
  /** HTTP status. */
  readonly status: number;
  readonly body: string;
  /** ms, from the reply's headers. */
  readonly retryAfterMs?: number | undefined;
  /** From the reply's headers; one in the body is preferred. */
  readonly requestId?: string | undefined;
}

/** Who was asked about what: all that a wire needs to know beside the reply. */
export interface ReadContext {
  readonly provider: string;
  readonly id: string;
  /** When the reply arrived, in epoch ms. */
  readonly observedAt: number;
  /** How long the service keeps a video after generating it, in ms. */
  readonly retention: number;
  /** How far the service's clock is ahead of ours, in ms: its times are by its own. @default 0 */
  readonly ahead?: number;
  /** Makes a text of the reply fit for an error message. */
  readonly redact: (text: string) => string;
}

/** A way to ask about a task over HTTP, and to read what comes back. Pure and synchronous. */
export interface Wire {
  readonly name: string;
  /** The path below the base URL; `id` is percent-encoded already. */
  path(id: string): string;
  /**
   * The task that a reply tells of. By the reply's shape, whoever sent it.
   * @throws QueryError, and nothing else, for a reply that tells of no task.
   */
  read(reply: Reply, context: ReadContext): Task;
}
