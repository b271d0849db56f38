import { asyncScheduler } from 'rxjs';
import { TrackingError, type TrackingErrorReason } from '../errors.js';
import type { Failure, Task, TaskStatus, Video } from '../task.js';

/** One event of a relay: a task's transition, or that the task is lost. */
export interface RelayEvent {
  /** The public id. */
  readonly id: string;
  readonly outcome: Task | TrackingError;
}

/**
 * Reads the data of one event. Fields of a wrong type count as absent; without an id or with an unknown status the
 * whole event is undefined: a later version of the relay may send what this one does not know.
 */
export function parseEvent(data: string): RelayEvent | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(data);
  } catch {
    return undefined;
  }
  const { id, status, ...fields } = Object(parsed) as Fields;
  if (typeof id !== 'string') return undefined;
  if (status === 'lost') return { id, outcome: readLoss(id, fields) };
  const known = STATUSES.find((one) => one === status);
  return known && { id, outcome: readTask(id, known, fields) };
}

type Fields = Readonly<Record<string, unknown>>;

function readTask(id: string, status: TaskStatus, fields: Fields): Task {
  const task = { id, provider: 'relay', status, rawStatus: status, observedAt: asyncScheduler.now() };
  return Object.assign(
    task,
    texts(fields, 'provider', 'model'),
    numbers(fields, 'observedAt', 'seq', 'progress', 'createdAt', 'startedAt', 'finishedAt'),
    status === 'completed' && { video: readVideo(Object(fields['video']) as Fields) },
    status === 'failed' && { failure: readFailure(Object(fields['failure']) as Fields) },
  ) as Task;
}

/** Without a URL that a page can load, `url` is empty. */
function readVideo(fields: Fields): Video {
  const video = { url: '', ...texts(fields, 'url'), ...numbers(fields, 'expiresAt') };
  // A relative URL cannot be parsed alone; it is one of the page's own server.
  if (URL.canParse(video.url) && !/^https?:$/.test(new URL(video.url).protocol)) video.url = '';
  return video;
}

function readFailure(fields: Fields): Failure {
  const kind = KINDS.find((known) => known === fields['kind']) ?? 'unknown';
  return { message: 'no reason given', ...texts(fields, 'message'), kind };
}

function readLoss(id: string, { error, ...fields }: Fields): TrackingError {
  const { reason, ...rest } = Object(error) as Fields;
  const known = REASONS.find((one) => one === reason) ?? 'query';
  const { message = `task ${id} is lost` } = texts(rest, 'message');
  return new TrackingError(known, message, { id, provider: 'relay', ...texts(fields, 'provider'), misses: 0 });
}

const STATUSES: readonly TaskStatus[] = ['queued', 'processing', 'unknown', 'completed', 'failed', 'cancelled'];
const KINDS: readonly Failure['kind'][] = ['policy', 'invalid-input', 'expired', 'provider', 'unknown'];
const REASONS: readonly TrackingErrorReason[] = ['query', 'deadline', 'expired', 'no-video', 'journal'];

/** Those of the fields that are texts and not empty. */
function texts<Name extends string>(fields: Fields, ...names: Name[]): { [name in Name]?: string } {
  return pick(fields, names, (value) => typeof value === 'string' && value !== '');
}

/** Those of the fields that are numbers. JSON can hold an infinite one: 1e999. */
function numbers<Name extends string>(fields: Fields, ...names: Name[]): { [name in Name]?: number } {
  return pick(fields, names, Number.isFinite);
}

function pick(fields: Fields, names: readonly string[], isValid: (value: unknown) => boolean): object {
  return Object.fromEntries(names.filter((name) => isValid(fields[name])).map((name) => [name, fields[name]]));
}
