/** Where a task stands, whatever word its service uses. The first three are running, the last three terminal. */
export type TaskStatus = RunningStatus | TerminalStatus;
/** A status from which a task may still change; `unknown` stands for a word that this library does not know. */
export type RunningStatus = 'queued' | 'processing' | 'unknown';
/** A status after which nothing changes any more. */
export type TerminalStatus = 'completed' | 'failed' | 'cancelled';

interface TaskFields {
  /** The id that the service gave when the task was created. */
  readonly id: string;
  /** The provider's `name`: the service's own, or the one that you chose for one of two accounts. */
  readonly provider: string;
  /** The service's own word, as it came. */
  readonly rawStatus: string;
  /** The model that the answer names. The generations wire names it late, or never. */
  readonly model?: string;
  /** 0..100. It may go down: some services restart their count. */
  readonly progress?: number;
  /** When the service created the task, in epoch ms, by its clock. */
  readonly createdAt?: number;
  /** When generating began, in epoch ms, by the service's clock. */
  readonly startedAt?: number;
  /** When the task ended, in epoch ms, by the service's clock. */
  readonly finishedAt?: number;
  /** The service's trace id for this answer: quote it when you write to their support. */
  readonly requestId?: string;
  /** When this answer was read, in epoch ms (`asyncScheduler.now()`, so virtual under a TestScheduler). */
  readonly observedAt: number;
  /** ms to wait before asking again; set by `withModelInterval`. */
  readonly pollAfter?: number;
  /** 1, 2, ... per task: the number of this transition, set by the tracker. */
  readonly seq?: number;
}

interface RawReply {
  /**
   * The reply's text (at most 64 KiB). Not enumerable, so that it reaches no log and no JSON by accident: it may hold
   * presigned URLs and account fields.
   */
  readonly raw?: string;
}

/** Waiting at the service. */
export interface QueuedTask extends TaskFields {
  /** Distinguishes the members of `Task`. */
  readonly status: 'queued';
}

/** Being generated. */
export interface ProcessingTask extends TaskFields {
  /** Distinguishes the members of `Task`. */
  readonly status: 'processing';
}

/** The service used a word that this library does not know. The task is taken to be running. */
export interface UnknownTask extends TaskFields, RawReply {
  /** Distinguishes the members of `Task`. */
  readonly status: 'unknown';
}

/** Done: there is a video. */
export interface CompletedTask extends TaskFields, RawReply {
  /** Distinguishes the members of `Task`. */
  readonly status: 'completed';
  /** The video: always with a URL. A reply that names none is a missed poll. */
  readonly video: Video;
  /** What the task cost, as far as the service's reply contains it. */
  readonly usage?: Usage;
}

/** The service gave up. Whether that was billed is between you and the service; all five document a refund. */
export interface FailedTask extends TaskFields, RawReply {
  /** Distinguishes the members of `Task`. */
  readonly status: 'failed';
  /** Why the task failed. */
  readonly failure: Failure;
}

/** Cancelled at the service before it was done. */
export interface CancelledTask extends TaskFields, RawReply {
  /** Distinguishes the members of `Task`. */
  readonly status: 'cancelled';
}

/** One answer about one task. Plain JSON, discriminated by `status`. */
export type Task = QueuedTask | ProcessingTask | UnknownTask | CompletedTask | FailedTask | CancelledTask;
/** A task that may still change. */
export type RunningTask = Extract<Task, { status: RunningStatus }>;
/** A task that has ended at its service. */
export type TerminalTask = Extract<Task, { status: TerminalStatus }>;

/** The video of a completed task: where it is, and what the service's reply contains about it. */
export interface Video {
  /** http(s). Usually presigned, so itself a credential: it lets anyone download. */
  readonly url: string;
  /**
   * Epoch ms: by the URL's own parameters, else the service's retention counted from the end (or the creation) of the
   * task.
   */
  readonly expiresAt?: number;
  /**
   * True where the URL is the gateway's own `/content` endpoint, at the origin that was asked: it answers only with the
   * API key. `saveVideo({ provider })` sends it; a player cannot.
   */
  readonly requiresKey?: true;
  /** Super-resolution tasks: the video before it was enhanced, where its URL differs. */
  readonly originalUrl?: string;
  /** An image of the last frame, for a clip that continues this one. */
  readonly lastFrameUrl?: string;
  /** An image to show before the video plays. */
  readonly coverUrl?: string;
  /** The length in seconds. */
  readonly durationSeconds?: number;
  /** As the viewer sees it, for example `720p`: after super-resolution where there was one. */
  readonly resolution?: string;
  /** Width to height, for example `16:9`. */
  readonly ratio?: string;
  /** Frames a second. */
  readonly framesPerSecond?: number;
  /** The seed that the model used: the same seed and prompt give a similar video. */
  readonly seed?: number;
  /** Whether the video has a sound track. */
  readonly hasAudio?: boolean;
}

/** What a task cost, in the fields that its service fills in. */
export interface Usage {
  /** Tokens in all. */
  readonly totalTokens?: number;
  /** Tokens of the output. */
  readonly completionTokens?: number;
  /** What is billed, where that differs from `totalTokens` (super-resolution tasks). */
  readonly billedTokens?: number;
  /** What the task cost, in the service's own unit, where its reply contains it. */
  readonly amount?: number;
}

/** Why a task failed, in the service's words and as one of five kinds. */
export interface Failure {
  /** The service's own words, in its own language; never empty. */
  readonly message: string;
  /** The service's own code, where it gives one. */
  readonly code?: string;
  /** Read from codes only, never from the message. */
  readonly kind: 'policy' | 'invalid-input' | 'expired' | 'provider' | 'unknown';
}

/**
 * Returns whether nothing more will happen to this task at its service. False for a `lost` one, which may still be
 * running, and for what is no task.
 */
export function isTerminal<T extends { readonly status: string }>(
  task: T,
): task is Extract<T, { readonly status: TerminalStatus }> {
  const status = task?.status;
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

/** Returns whether there is a video. Narrows to the completed task, so a `filter` of it is typed. */
export function isCompleted<T extends { readonly status: string }>(
  task: T,
): task is Extract<T, { readonly status: 'completed' }> {
  return task?.status === 'completed';
}

/**
 * One key per task, equal exactly when provider and id are. Ids hold no control characters, so the two cannot run
 * together.
 */
export function taskKey(task: { readonly provider: string; readonly id: string }): string {
  return `${task.provider}\n${task.id}`;
}

/**
 * A value that differs (by `===`) exactly when a task has changed: of a running one its status and progress, of an
 * unknown one the service's word too, of a terminal one its status.
 */
export function changeKey(task: {
  readonly status: string;
  readonly rawStatus?: string | undefined;
  readonly progress?: number | undefined;
}): string {
  const { status, rawStatus = '', progress = '' } = task;
  // No text is made where the status is all there is.
  if (isTerminal(task) || (status !== 'unknown' && progress === '')) return status;
  return `${status} ${status === 'unknown' ? rawStatus : ''} ${progress}`;
}

/** Puts the reply's text on a task, out of the way of enumeration. */
export function withRaw<T extends Task>(task: T, raw: string | undefined): T {
  return raw === undefined ? task : Object.defineProperty(task, 'raw', { value: raw });
}

/** The one way to copy a task: what the tracker and the operators add goes on, and `raw` comes along. */
export function copyTask<T extends Task>(task: T, changes: { pollAfter?: number; seq?: number }): T {
  // A spread with something after it costs 300 bytes and 2 µs more.
  return withRaw(Object.assign({}, task, changes), (task as RawReply).raw);
}
