import { asyncScheduler } from 'rxjs';
import { TrackingError, type TrackingErrorReason } from '../errors.js';
import { assignDefined } from '../fields.js';
import type { Failure, Task, TaskStatus, Video } from '../task.js';

/** What a relay told of one task: a transition, or that it is lost. */
export interface Told {
  /** The public id. */
  readonly id: string;
  readonly outcome: Task | TrackingError;
}

/** Reads one event's data; undefined for what tells nothing that is known here, such as a later version's. */
export function readTold(data: string): Told | undefined {
  let told: unknown;
  try {
    told = JSON.parse(data);
  } catch {
    return undefined;
  }
  const fields = Object(told) as Record<string, unknown>;
  const { id, status } = fields;
  if (typeof id !== 'string' || typeof status !== 'string') return undefined;
  if (status === 'lost') return { id, outcome: readLoss(id, fields) };
  return STATUSES.includes(status) ? { id, outcome: readTask(id, status as TaskStatus, fields) } : undefined;
}

function readTask(id: string, status: TaskStatus, fields: Record<string, unknown>): Task {
  const { provider, model, progress, createdAt, startedAt, finishedAt, observedAt, seq, video, failure } = fields;
  const task = {
    id,
    provider: text(provider) ?? 'relay',
    status,
    rawStatus: status,
    observedAt: number(observedAt) ?? asyncScheduler.now(),
  };
  assignDefined(task, {
    seq: number(seq),
    model: text(model),
    progress: number(progress),
    createdAt: number(createdAt),
    startedAt: number(startedAt),
    finishedAt: number(finishedAt),
    ...(status === 'completed' ? { video: readVideo(video) } : {}),
    ...(status === 'failed' ? { failure: readFailure(failure) } : {}),
  });
  return task as Task;
}

function readVideo(told: unknown): Video {
  const { url, expiresAt } = Object(told) as Record<string, unknown>;
  const video = { url: text(url) ?? '' };
  // A relative URL is one of the page's own server.
  if (URL.canParse(video.url) && !/^https?:$/.test(new URL(video.url).protocol)) video.url = '';
  assignDefined(video, { expiresAt: number(expiresAt) });
  return video;
}

function readFailure(told: unknown): Failure {
  const { kind, message } = Object(told) as Record<string, unknown>;
  return {
    kind: KINDS.find((one) => one === kind) ?? 'unknown',
    message: text(message) ?? 'no reason given',
  };
}

function readLoss(id: string, { provider, error }: Record<string, unknown>): TrackingError {
  const { reason, message } = Object(error) as Record<string, unknown>;
  return new TrackingError(REASONS.find((one) => one === reason) ?? 'query', text(message) ?? `task ${id} is lost`, {
    id,
    provider: text(provider) ?? 'relay',
    misses: 0,
  });
}

const STATUSES: readonly string[] = [
  'queued',
  'processing',
  'unknown',
  'completed',
  'failed',
  'cancelled',
] satisfies TaskStatus[];
const KINDS: readonly Failure['kind'][] = ['policy', 'invalid-input', 'expired', 'provider', 'unknown'];
const REASONS: readonly TrackingErrorReason[] = ['query', 'deadline', 'expired', 'no-video', 'journal'];

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
