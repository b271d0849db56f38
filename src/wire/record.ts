import { assignDefined } from '../errors.js';
import { withRaw, type Failure, type Task, type Usage, type Video } from '../task.js';
import { malformed } from './envelope.js';
import { expiryOf } from './expiry.js';
import { fieldsOf, firstMatch, isHttpUrl, isObject, text, word } from './fields.js';
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
  const { id, provider, observedAt, retention, ahead = 0 } = context;
  const { id: named, status: rawStatus, urls, video, usage, failure, ...common } = record;
  if (rawStatus === undefined) throw malformed('the answer has no status', undefined, reply, context);
  if (named !== undefined && named !== id) {
    throw malformed(`the answer is about task ${context.redact(named)}`, 'wrong-task', reply, context);
  }
  const status = statusOf(rawStatus);
  const { requestId } = reply;
  const fields = assignDefined(
    { id, provider, status, rawStatus, observedAt, ...(requestId && { requestId }) },
    common,
  );

  if (status === 'queued' || status === 'processing') return fields as Task;
  if (status === 'completed') {
    const url = urls.find(isHttpUrl);
    if (url === undefined) throw malformed('the task is completed, but no video URL came', 'no-video', reply, context);
    const { originalUrl: original, ...rest } = video;
    const originalUrl = isHttpUrl(original) && original !== url ? original : undefined;
    const made = common.finishedAt ?? common.createdAt;
    const expiresAt = expiryOf(url) ?? (made === undefined ? observedAt : made - ahead) + retention;
    const used = assignDefined({}, usage);
    Object.assign(fields, { video: assignDefined({ url, expiresAt }, { ...rest, originalUrl }) });
    if (Object.keys(used).length > 0) Object.assign(fields, { usage: used });
  }
  if (status === 'failed') Object.assign(fields, { failure: failureOf(failure, urls, rawStatus) });
  const { read } = new TextEncoder().encodeInto(reply.body, new Uint8Array(RAW_BYTES));
  return withRaw(fields as Task, reply.body.slice(0, read));
}

function failureOf(failure: TaskRecord['failure'], urls: TaskRecord['urls'], rawStatus: string): Failure {
  const message = failure.message ?? urls.find((text) => text !== undefined && !isHttpUrl(text)) ?? 'no reason given';
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
