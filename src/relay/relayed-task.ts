import type { TrackingError, TrackingErrorReason } from '../errors.js';
import { redact } from '../redact.js';
import type { CompletedTask, FailedTask, Failure, Task, TaskStatus } from '../task.js';

/** What a client is told of one transition. Nothing else about a task leaves the server. */
export interface RelayedTask {
  /** The public id that the client asked with. */
  readonly id: string;
  /** Absent where a task was refused: then nothing is known of it. */
  readonly provider?: string;
  readonly status: TaskStatus | 'lost';
  readonly seq?: number;
  readonly model?: string;
  readonly progress?: number;
  /** This and the other times: epoch ms. */
  readonly createdAt?: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly observedAt: number;
  /** Of a completed task, if the application gives its URL away. */
  readonly video?: { readonly url: string; readonly expiresAt?: number };
  readonly failure?: Pick<Failure, 'kind' | 'message'>;
  /** Of a lost one. */
  readonly error?: { readonly reason: TrackingErrorReason; readonly message: string };
}

/** The URL that a client gets for a completed task: `true` for the service's own, or what a function gives. */
export type RelayVideoUrl = boolean | ((task: CompletedTask, publicId: string) => string | undefined);

/** One transition under its public id. */
export function relayedTask(task: Task, publicId: string, videoUrl: RelayVideoUrl): RelayedTask {
  const { provider, status, seq, model, progress, createdAt, startedAt, finishedAt, observedAt } = task;
  const facts = { provider, status, seq, model, progress, createdAt, startedAt, finishedAt, observedAt };
  const failure = task.status === 'failed' && {
    kind: task.failure.kind,
    message: redact(reasonOf(task, publicId), ''),
  };
  const url =
    task.status !== 'completed' || videoUrl === false
      ? undefined
      : videoUrl === true
        ? task.video.url
        : videoUrl(task, publicId);
  const expiresAt = task.status === 'completed' && url === task.video.url ? task.video.expiresAt : undefined;
  // What is undefined does not get into the JSON.
  return {
    id: publicId,
    ...facts,
    ...(failure && { failure }),
    ...(url && { video: { url, expiresAt } }),
  } as RelayedTask;
}

/** The service's own words may name the ids that the client must not know. */
function reasonOf({ id, requestId, failure }: FailedTask, publicId: string): string {
  const reason = failure.message.replaceAll(id, () => publicId);
  return requestId ? reason.replaceAll(requestId, '…') : reason;
}

/** A task that cannot be tracked any more. The error's own message names the service's id, so it is not passed on. */
export function relayedLoss({ provider, reason }: TrackingError, publicId: string, observedAt: number): RelayedTask {
  const message = `${provider} task ${publicId}: tracking ended [${reason}]: ${LOSSES[reason] ?? LOSSES.query}`;
  return { id: publicId, provider, status: 'lost', observedAt, error: { reason, message } };
}

/** A task that the application did not grant: the same for one that is foreign and one that does not exist. */
export function relayedRefusal(publicId: string, observedAt: number): RelayedTask {
  const error = { reason: 'query', message: `there is no task ${publicId}` } as const;
  return { id: publicId, status: 'lost', observedAt, error };
}

const LOSSES: Readonly<Record<TrackingErrorReason, string>> = {
  query: 'the service could not be asked about it. It may still be running: track it again by its id',
  deadline: 'it did not end in time. It may still be running: track it again by its id',
  expired: 'the service has deleted its record',
  'no-video': 'it is done, but its video could not be had',
  journal: 'tracking could not be made durable. It may still be running: track it again by its id',
};
