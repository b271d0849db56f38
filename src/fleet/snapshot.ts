import { TrackingError, type TrackingErrorFields, type TrackingErrorReason } from '../errors.js';
import type { PollState } from '../poll/policy.js';
import { bareUrl } from '../redact.js';
import { isTerminal, type Task, type Video } from '../task.js';

/** What is known of a task before it is asked about, as it is stored. */
export interface StoredRef {
  readonly id: string;
  readonly provider: string;
  readonly model?: string | undefined;
  readonly hint?: string | undefined;
  /** Epoch ms. */
  readonly createdAt?: number | undefined;
}

/** Everything that Redis holds of one task. */
export interface Snapshot {
  /** Tells one tracking of a task from a later one, after it was forgotten. */
  readonly gen: string;
  readonly ref: StoredRef;
  /** When it was tracked first, in epoch ms of Redis. */
  readonly trackedAt: number;
  /** When tracking began, or began anew after a loss, in epoch ms of Redis. */
  readonly since: number;
  readonly state?: PollState;
  /** The number of the last transition; 0 before the first. */
  readonly seq: number;
  /** The number at which tracking began anew after a loss; 0 where it never did. */
  readonly sinceSeq: number;
  /** The number of the last transition that was acknowledged. */
  readonly acked: number;
  /** The last transition. */
  readonly task?: StoredTask;
  readonly lost?: StoredLoss;
}

/** A transition as it is stored: without its number, and without what can open a URL. */
export type StoredTask = Task & { readonly hasBareUrls?: true };

/** A TrackingError as JSON. */
export interface StoredLoss extends Omit<TrackingErrorFields, 'id' | 'provider' | 'last'> {
  readonly reason: TrackingErrorReason;
  readonly message: string;
  /** Epoch ms. */
  readonly at: number;
}

/** From a Redis hash, as a list of names and values. Nothing for a task that is not tracked. */
export function toSnapshot(fields: readonly string[]): Snapshot | undefined {
  const hash = new Map<string, string>();
  for (let at = 0; at + 1 < fields.length; at += 2) hash.set(fields[at] as string, fields[at + 1] as string);
  const gen = hash.get('gen');
  if (gen === undefined) return undefined;
  const json = (name: string): unknown => {
    const text = hash.get(name);
    return text === undefined ? undefined : JSON.parse(text);
  };
  const number = (name: string): number => Number(hash.get(name) ?? 0);
  const state = json('state') as PollState | undefined;
  const task = json('task') as StoredTask | undefined;
  const lost = json('lost') as StoredLoss | undefined;
  return {
    gen,
    ref: json('ref') as StoredRef,
    trackedAt: number('trackedAt') || number('since'),
    since: number('since'),
    seq: number('seq'),
    sinceSeq: number('sinceSeq'),
    acked: number('acked'),
    ...(state && { state }),
    ...(task && { task }),
    ...(lost && { lost }),
  };
}

/** Whether no more transitions will come. */
export function isSettledSnapshot({
  task,
  lost,
}: {
  readonly task?: StoredTask | undefined;
  readonly lost?: StoredLoss | undefined;
}): boolean {
  return lost !== undefined || (task !== undefined && isTerminal(task));
}

export function toStoredLoss(error: TrackingError, at: number): StoredLoss {
  const { reason, message, misses, cause } = error;
  return { reason, message, misses, cause, at };
}

export function toTrackingError({ provider, id }: StoredRef, loss: StoredLoss, last: Task | undefined): TrackingError {
  const { reason, message, misses, cause } = loss;
  return new TrackingError(reason, message, { id, provider, misses, cause, last });
}

/** The fields of a video whose URL is a credential. */
export type VideoUrls = Pick<Video, 'url' | 'originalUrl' | 'lastFrameUrl' | 'coverUrl'>;

const URL_FIELDS = ['url', 'originalUrl', 'lastFrameUrl', 'coverUrl'] as const;

/** The URLs of a completed task, whole; nothing for any other task. */
export function urlsOf(task: Task): VideoUrls | undefined {
  if (task.status !== 'completed') return undefined;
  const urls: Record<string, string> = {};
  for (const name of URL_FIELDS) {
    const url = task.video[name];
    if (url !== undefined) urls[name] = url;
  }
  return urls as unknown as VideoUrls;
}

/** The task with whole URLs. */
export function withUrls({ hasBareUrls: _, ...task }: StoredTask, urls?: VideoUrls): Task {
  return task.status === 'completed' && urls ? { ...task, video: { ...task.video, ...urls } } : task;
}

/** What can open a URL stays out of Redis. */
export function withBareUrls(task: Task): StoredTask {
  const urls = urlsOf(task);
  const bare = Object.entries(urls ?? {}).map(([name, url]) => [name, bareUrl(url)] as const);
  if (!urls || bare.every(([name, url]) => urls[name as keyof VideoUrls] === url)) return task;
  return { ...withUrls(task, Object.fromEntries(bare) as unknown as VideoUrls), hasBareUrls: true };
}
