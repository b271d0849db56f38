import { assignDefined } from '../fields.js';
import { withRaw, type Failure, type Task, type Usage, type Video } from '../task.js';
import { malformed } from './envelope.js';
import { expiryOf } from './expiry.js';
import { firstMatch, isHttpUrl, isObject, text, word, type Fields } from './fields.js';
import { statusOf } from './status.js';
import type { ReadContext, Reply } from './wire.js';

/** What both wires tell of a task, each in its own words: the common ground from which a Task is built. */
export interface TaskRecord {
  /** The id that the answer names. */
  readonly id: string | undefined;
  readonly status: string | undefined;
  /** What is true of the task whatever its status, where the answer tells it. */
  readonly common: {
    readonly [Field in 'model' | 'progress' | 'createdAt' | 'startedAt' | 'finishedAt' | 'requestId']?:
      Task[Field] | undefined;
  };
  /** What matters at its end; not read before. */
  readonly outcome: () => Outcome;
}

interface Outcome {
  /** Where a completed task's video may be, the best place first. Some failures put their reason there. */
  readonly urls: readonly unknown[];
  readonly video: { readonly [Field in Exclude<keyof Video, 'url' | 'expiresAt'>]?: Video[Field] | undefined };
  readonly usage: { readonly [Field in keyof Usage]?: Usage[Field] | undefined };
  readonly failure: { readonly message?: string | undefined; readonly code?: string | undefined };
}

/** The error of a task: an object with a message, or the message alone. */
export function failure(error: unknown): Outcome['failure'] {
  const { code, message }: Fields = isObject(error) ? error : { message: error };
  return { code: word(code), message: text(message) };
}

const RAW_BYTES = 65_536;

/** A Task from what a wire read; the status alone decides what it is. */
export function taskOf(record: TaskRecord, reply: Reply, context: ReadContext): Task {
  const { id, provider, observedAt, retention } = context;
  const { id: named, status: rawStatus, common } = record;
  if (rawStatus === undefined) throw malformed('the answer has no status', undefined, reply, context);
  if (named !== undefined && named !== id) {
    throw malformed(`the answer is about task ${context.redact(named)}`, 'wrong-task', reply, context);
  }
  const status = statusOf(rawStatus);
  const task: Record<string, unknown> = { id, provider, status, rawStatus, observedAt };
  assignDefined(task, common);
  if (status === 'queued' || status === 'processing') return task as unknown as Task;
  const { urls, video, usage, failure } = record.outcome();
  if (status === 'completed') {
    const url = urls.map(text).find(isHttpUrl);
    if (url === undefined) throw malformed('the task is completed, but no video URL came', 'no-video', reply, context);
    const { originalUrl: original, ...rest } = video;
    const originalUrl = isHttpUrl(original) && original !== url ? original : undefined;
    const made = common.finishedAt ?? common.createdAt;
    const expiresAt = expiryOf(url) ?? (made === undefined ? observedAt : made - (context.ahead ?? 0)) + retention;
    const used = assignDefined({}, usage);
    task.video = assignDefined({ url, expiresAt }, { ...rest, originalUrl });
    if (Object.keys(used).length > 0) task.usage = used;
  }
  if (status === 'failed') task.failure = failureOf(failure, urls, rawStatus);
  return withRaw(task as unknown as Task, rawOf(reply.body));
}

function rawOf(body: string): string {
  // A character takes three bytes at most.
  if (body.length * 3 <= RAW_BYTES) return body;
  return body.slice(0, new TextEncoder().encodeInto(body, new Uint8Array(RAW_BYTES)).read);
}

function failureOf(failure: Outcome['failure'], urls: Outcome['urls'], rawStatus: string): Failure {
  const reason = urls.map(text).find((told) => told !== undefined && !isHttpUrl(told));
  const message = failure.message ?? reason ?? 'no reason given';
  // "task failed, code: InvalidParameter, message: ..." is how the generations wire passes its upstream's code on.
  const code = failure.code ?? message.match(/\bcode: *([\w.-]+)/)?.[1];
  return assignDefined({ message, kind: firstMatch(KINDS, code ?? rawStatus) ?? 'unknown' }, { code });
}

const KINDS = {
  expired: /expired/i,
  policy: /sensitive|policy|moderation|prohibited|violation|copyright|safety/i,
  'invalid-input': /invalid|missing|unsupported|param|bad_?request|not_?support/i,
  provider: /internal|server|upstream|time_?out|overload|unavailable|quota|limit/i,
} as const satisfies { readonly [Kind in Failure['kind']]?: RegExp };
