import type { CompletedTask } from '../../task.js';

/** What proves that bytes which come later belong to those that are stored. */
export interface VideoOrigin {
  /** A strong ETag, or a Last-Modified date. Without one, no download is resumed. */
  readonly validator?: string;
  /** The length of the whole video in bytes, where it is known. */
  readonly total?: number;
}

/** Where videos are stored: a directory by default, an object store for instance with a sink of your own. */
export interface VideoSink {
  /**
   * Opens the place of one video; called for each attempt to download it. Rejects where there is none. A sink that may
   * wait, for a lock or a connection, should reject as soon as `signal` is aborted: `saveVideo` was unsubscribed from.
   */
  begin(task: CompletedTask, options: { readonly signal: AbortSignal }): Promise<VideoDraft>;
}

/** One video during one attempt. Its methods are called one after the other. */
export interface VideoDraft {
  /**
   * What earlier attempts have stored, of this process or another.
   * A sink may leave it out: then each attempt begins at the first byte.
   */
  readonly kept?: {
    /** What is stored, from the first byte on. */
    readonly bytes: AsyncIterable<Uint8Array>;
    /** What `restart` was called with. */
    readonly origin: VideoOrigin;
    /** Whether it is the whole video, committed. */
    readonly isFinished: boolean;
  };
  /** Drops what is stored: the download begins at its first byte. */
  restart(origin: VideoOrigin): Promise<void>;
  /** Appends the next bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** The video is complete and checked: stores it durably and returns where, a path or a URL. */
  commit(): Promise<string>;
  /** Called last, after `commit` too. What is not committed may be kept for another attempt. */
  close(): Promise<void>;
  /** Called last in place of `close` where the bytes are no video: drops them. */
  discard(): Promise<void>;
}
