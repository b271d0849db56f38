import type { TrackingError, TrackingErrorReason } from '../errors.js';
import { redact } from '../redact.js';
import type { CompletedTask, FailedTask, Failure, Task, TaskStatus } from '../task.js';

/** The data of one event: everything about a task that leaves the server. */
export interface RelayedTask {
  /** The public id, as the client sent it. */
  readonly id: string;
  /** Absent for a task that was not granted. */
  readonly provider?: string;
  /** As in `TrackedTask`. */
  readonly status: TaskStatus | 'lost';
  /** 1, 2, ... per task: the number of this transition. Absent for a lost task. */
  readonly seq?: number;
  /** The model, once an answer has named it. */
  readonly model?: string;
  /** 0..100 */
  readonly progress?: number;
  /** When the service created the task, in epoch ms. */
  readonly createdAt?: number;
  /** When generating began, in epoch ms. */
  readonly startedAt?: number;
  /** When the task ended, in epoch ms. */
  readonly finishedAt?: number;
  /** When the answer was read on the server, in epoch ms. */
  readonly observedAt: number;
  /** Of a completed task, if the option `videoUrl` gives a URL for it. */
  readonly video?: {
    /** The URL that the option `videoUrl` gives. */
    readonly url: string;
    /** When the service's own URL stops working, in epoch ms. */
    readonly expiresAt?: number;
  };
  /** Of a failed task. */
  readonly failure?: Pick<Failure, 'kind' | 'message'>;
  /** Of a lost task. */
  readonly error?: {
    /** Why tracking ended. */
    readonly reason: TrackingErrorReason;
    /** The reason as a sentence, with the public id. */
    readonly message: string;
  };
}

/** The URL that a client gets for a completed task: `true` for the service's own, or what a function returns. */
export type RelayVideoUrl = boolean | ((task: CompletedTask, publicId: string) => string | undefined);

/** One transition under its public id. */
export function relayedTask(task: Task, publicId: string, videoUrl: RelayVideoUrl): RelayedTask {
  const { provider, status, seq, model, progress, createdAt, startedAt, finishedAt, observedAt } = task;
  const fields = { provider, status, seq, model, progress, createdAt, startedAt, finishedAt, observedAt };
  const video = task.status === 'completed' ? relayedVideo(task, publicId, videoUrl) : undefined;
  const failure = task.status === 'failed' ? relayedFailure(task, publicId) : undefined;
  // Fields that are undefined do not get into the JSON.
  return { id: publicId, ...fields, video, failure } as RelayedTask;
}

function relayedVideo(task: CompletedTask, publicId: string, videoUrl: RelayVideoUrl): RelayedTask['video'] {
  const { url, expiresAt, requiresKey } = task.video;
  const given = typeof videoUrl === 'function' ? videoUrl(task, publicId) : videoUrl ? url : undefined;
  if (!given) return undefined;
  if (given !== url) return { url: given };
  // No browser can load it: it requires the key, which must not reach one.
  return requiresKey ? undefined : ({ url, expiresAt } as RelayedTask['video']);
}

/** The service's message may name the service's ids, which the client must not get. */
function relayedFailure({ id, requestId, failure }: FailedTask, publicId: string): RelayedTask['failure'] {
  const { kind } = failure;
  const message = failure.message.replaceAll(id, () => publicId);
  return { kind, message: redact(requestId ? message.replaceAll(requestId, '…') : message, '') };
}

/** A task that the tracker has lost. The error's own message is not passed on: it names the service's id. */
export function relayedLoss({ provider, reason }: TrackingError, publicId: string, observedAt: number): RelayedTask {
  const message = `${provider} task ${publicId}: tracking ended [${reason}]: ${LOSSES[reason] ?? LOSSES.query}`;
  return { id: publicId, provider, status: 'lost', observedAt, error: { reason, message } };
}

/** A task that was not granted: the same for one that belongs to another subject and one that does not exist. */
export function relayedRefusal(publicId: string, observedAt: number): RelayedTask {
  const error = { reason: 'query', message: `there is no task ${publicId}` } as const;
  return { id: publicId, status: 'lost', observedAt, error };
}

const LOSSES: Readonly<Record<TrackingErrorReason, string>> = {
  query: 'its service does not answer queries about it; it may still be running: track it again by its id',
  deadline: 'it did not end before the deadline; it may still be running: track it again by its id',
  expired: 'the service has deleted its record',
  'no-video': 'it is completed, but the service returned no URL of its video',
  journal: 'the journal could not store it; it may still be running: track it again by its id',
};
