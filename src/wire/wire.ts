import type { Task } from '../task.js';

/** One reply of a service, as a transport received it. */
export interface Reply {
  /** HTTP status. */
  readonly status: number;
  /** The body as text. */
  readonly body: string;
  /** ms, from the reply's headers. */
  readonly retryAfterMs?: number | undefined;
  /** From the reply's headers; one in the body is preferred. */
  readonly requestId?: string | undefined;
}

/** The request that a reply belongs to: all that a wire needs to know beside the reply. */
export interface ReadContext {
  /** The name of the provider that was asked. */
  readonly provider: string;
  /** The id of the task that was asked about. */
  readonly id: string;
  /** When the reply arrived, in epoch ms. */
  readonly observedAt: number;
  /** How long the service keeps a video after generating it, in ms. */
  readonly retention: number;
  /** How far the service's clock is ahead of ours, in ms: times in its replies are by its own clock. @default 0 */
  readonly ahead?: number;
  /** The base URL of the request. Relative URLs are resolved against it; without it they are ignored. */
  readonly baseUrl?: string;
  /** Makes a text of the reply safe for an error message: short, without the API key and without URL queries. */
  readonly redact: (text: string) => string;
}

/** The fields of a JSON object, each of any type. */
export type Fields = Readonly<Record<string, unknown>>;

/** The path of a query over HTTP, and the reading of its reply. Pure and synchronous. */
export interface Wire {
  /** For messages, and for what depends on the wire. */
  readonly name: string;
  /**
   * The path below the base URL.
   * @param id percent-encoded already
   */
  path(id: string): string;
  /**
   * Reads a reply into the task that it describes. By the reply's shape, whichever service sent it.
   * @throws QueryError for a reply that describes no task. Whatever else it throws becomes a QueryError `malformed`.
   */
  read(reply: Reply, context: ReadContext): Task;
}
