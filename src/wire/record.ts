import { assignDefined } from '../errors.js';
import { withRaw, type Failure, type Task, type Usage, type Video } from '../task.js';
import { malformed } from './envelope.js';
import { expiryOf } from './expiry.js';
import { fieldsOf, isHttpUrl, isObject, text, word } from './fields.js';
import { statusOf } from './status.js';
import type { ReadContext, Reply } from './wire.js';

/** What both wires tell of a task, each in its own words: the common ground from which a Task is built. */
export interface TaskRecord {
  /** The id that the answer names. */
  readonly id?: string | undefined;
  readonly status?: string | undefined;
  readonly model?: string | undefined;
  readonly progress?: number | undefined;
  readonly createdAt?: number | undefined;
  readonly startedAt?: number | undefined;
  readonly finishedAt?: number | undefined;
  readonly requestId?: string | undefined;
  /** Where a completed task's video may be, the best place first. Texts: some failures put their reason there. */
  readonly urls: readonly (string | undefined)[];
  readonly video: { readonly [Field in Exclude<keyof Video, 'url' | 'expiresAt'>]?: Video[Field] | undefined };
  readonly usage: { readonly [Field in keyof Usage]?: Usage[Field] | undefined };
  readonly failure: { readonly message?: string | undefined; readonly code?: string | undefined };
}

const errorFields = /* @__PURE__ */ fieldsOf({ code: word, message: text });

/** The error of a task: an object with a message, or the message alone. */
export function failure(error: unknown): TaskRecord['failure'] {
  return errorFields(isObject(error) ? error : { message: error });
}

const RAW_BYTES = 65_536;

/** A Task from what a wire read; the status alone decides what it is. */
export function taskOf(record: TaskRecord, reply: Reply, context: ReadContext): Task {
  const { id, provider, observedAt, retention } = context;
  const { status: rawStatus, model, progress, createdAt, startedAt, finishedAt } = record;
  if (rawStatus === undefined) throw malformed('the answer has no status', undefined, reply, context);
  if (record.id !== undefined && record.id !== id) {
    throw malformed(`the answer is about task ${context.redact(record.id)}`, 'wrong-task', reply, context);
  }
  const status = statusOf(rawStatus);
  const requestId = record.requestId ?? reply.requestId;
  const fields = { id, provider, status, rawStatus, observedAt };
  assignDefined(fields, { model, progress, createdAt, startedAt, finishedAt, requestId });

  if (status === 'queued' || status === 'processing') return fields as Task;
  if (status === 'completed') {
    const url = record.urls.find(isHttpUrl);
    if (url === undefined) throw malformed('the task is completed, but no video URL came', 'no-video', reply, context);
    const video = { url };
    const expiresAt = expiryOf(url) ?? (finishedAt ?? createdAt ?? observedAt) + retention;
    const { originalUrl, ...rest } = record.video;
    const hasOriginal = isHttpUrl(originalUrl) && originalUrl !== url;
    assignDefined(video, { expiresAt, originalUrl: hasOriginal ? originalUrl : undefined, ...rest });
    const usage = {};
    assignDefined(usage, record.usage);
    assignDefined(fields, { video, usage: Object.keys(usage).length > 0 ? usage : undefined });
  }
  if (status === 'failed') Object.assign(fields, { failure: failureOf(record, rawStatus) });
  const { read } = new TextEncoder().encodeInto(reply.body, new Uint8Array(RAW_BYTES));
  return withRaw(fields as Task, reply.body.slice(0, read));
}

function failureOf({ failure: { code, ...failure }, urls }: TaskRecord, rawStatus: string): Failure {
  const message = failure.message ?? urls.find((text) => text !== undefined && !isHttpUrl(text));
  // "task failed, code: InvalidParameter, message: ..." is how the generations wire passes its upstream's code on.
  const named = code ?? message?.match(/\bcode: *([\w.-]+)/)?.[1];
  const kind = kindOf(named ?? rawStatus);
  return { message: message ?? 'no reason given', ...(named === undefined ? {} : { code: named }), kind };
}

function kindOf(code: string): Failure['kind'] {
  if (/expired/i.test(code)) return 'expired';
  if (/sensitive|policy|moderation|prohibited|violation|copyright|safety/i.test(code)) return 'policy';
  if (/invalid|missing|unsupported|param|bad_?request|not_?support/i.test(code)) return 'invalid-input';
  if (/internal|server|upstream|time_?out|overload|unavailable|quota|limit/i.test(code)) return 'provider';
  return 'unknown';
}
