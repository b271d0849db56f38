import type { CompletedTask } from '../../task.js';

/** What tells whether bytes that come later belong to those that are there. */
export interface VideoOrigin {
  /** A strong ETag, or a Last-Modified date. Without one, no download is resumed. */
  readonly validator?: string;
  /** The length of the whole, where it is known. */
  readonly total?: number;
}

/** Where videos go: a directory by default; an object store, for instance, with a sink of your own. */
export interface VideoSink {
  /** The place for one video. Rejects where there is none. */
  begin(task: CompletedTask): Promise<VideoDraft>;
}

/** One video on its way. Its methods are called one after the other. */
export interface VideoDraft {
  /** What an earlier attempt has left, to be gone on with; `isFinished` if it was finished then. A sink may leave it out. */
  readonly kept?: {
    readonly bytes: AsyncIterable<Uint8Array>;
    readonly origin: VideoOrigin;
    readonly isFinished: boolean;
  };
  /** Drops whatever is there: a download begins at its first byte. */
  restart(origin: VideoOrigin): Promise<void>;
  /** Takes the next bytes. */
  write(bytes: Uint8Array): Promise<void>;
  /** The video is whole and checked: makes it last, and gives the place where it now is. */
  commit(): Promise<string>;
  /** Called last, after `commit` too: lets go; what is not committed may be kept for another attempt. */
  close(): Promise<void>;
  /** Drops what is there and lets go, in place of `close`: it is no video. */
  discard(): Promise<void>;
}
