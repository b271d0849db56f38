import { assignDefined } from '../fields.js';
import { check } from '../options.js';
import { withRaw, type Task, type Usage, type Video } from '../task.js';
import { checkReading } from './check-reading.js';
import { replyError } from './classify-error.js';
import { expiryOf } from './expiry.js';
import { toFailure, type FailureReading } from './failure.js';
import { isMissing, statusOf } from './status.js';
import { absoluteUrl, isImage, requiresKey } from './video-url.js';
import type { ReadContext, Reply } from './wire.js';

/** What a wire reads from a reply, in the library's terms. A field that the reply does not have is `undefined`. */
export interface TaskReading {
  /** The names that the reply has for its task. Where there are any, one must be the id that was asked about. */
  readonly ids?: readonly (string | undefined)[];
  /** The service's own word. */
  readonly status: string | undefined;
  /** The model that the reply names. */
  readonly model?: string | undefined;
  /** 0..100 */
  readonly progress?: number | undefined;
  /** When the service created the task, in epoch ms by its clock. */
  readonly createdAt?: number | undefined;
  /** When generating began, in epoch ms by the service's clock. */
  readonly startedAt?: number | undefined;
  /** The service's trace id of the reply. */
  readonly requestId?: string | undefined;
  /** Read at the end of a task only. */
  readonly outcome?: () => OutcomeReading;
}

/** What a wire reads of a task that has ended. */
export interface OutcomeReading {
  /** When the task ended, in epoch ms by the service's clock. */
  readonly finishedAt?: number | undefined;
  /** Where the URL of a completed task's video may be, the most trusted place first. */
  readonly urls?: Iterable<string | undefined>;
  /** Other URLs of the video, as texts of the reply. */
  readonly links?: { readonly [Field in 'originalUrl' | 'lastFrameUrl' | 'coverUrl']?: string | undefined };
  /** What the reply contains about the video, apart from its URLs. */
  readonly video?: {
    readonly [Field in Exclude<keyof Video, `${string}rl` | 'requiresKey'>]?: Video[Field] | undefined;
  };
  /** What the task cost. */
  readonly usage?: { readonly [Field in keyof Usage]?: Usage[Field] | undefined };
  /** Read of a failed task only. */
  readonly failure?: () => FailureReading;
}

/**
 * Returns the Task of what a wire has read. The status alone decides what it is.
 *
 * @throws QueryError `malformed`: without a status, for another task (code `wrong-task`), or completed without a usable
 * URL (code `no-video`); `not-found` where the status is the service's word for that. TypeError for a reply or context
 * that is none.
 */
export function toTask(reading: TaskReading, reply: Reply, context: ReadContext): Task {
  checkReading(reply, context);
  check('reading', reading, Object(reading) === reading, 'an object such as { status }');
  const { id, provider, observedAt } = context;
  const { status: rawStatus, model, progress, createdAt, startedAt, requestId } = reading;
  if (rawStatus === undefined || rawStatus.trim() === '')
    throw malformed('the reply has no status', undefined, reply, context);
  if (reading.ids && !reading.ids.includes(id)) {
    const others = reading.ids.filter((named) => named !== undefined).join(', ');
    if (others) throw malformed(`the reply is about task ${context.redact(others)}`, 'wrong-task', reply, context);
  }
  const status = statusOf(rawStatus);
  if (status === 'unknown' && isMissing(rawStatus)) {
    const what = `its status is ${context.redact(rawStatus)}`;
    throw replyError(reply, context, what, { kind: 'not-found', code: rawStatus.trim() });
  }
  const task: Record<string, unknown> = { id, provider, status, rawStatus, observedAt };
  assignDefined(task, { model, progress, createdAt, startedAt, requestId: requestId ?? reply.requestId });
  if (status === 'queued' || status === 'processing') return task as unknown as Task;
  const outcome = reading.outcome?.() ?? {};
  if (status !== 'unknown') assignDefined(task, { finishedAt: outcome.finishedAt });
  if (status === 'completed') {
    const used = assignDefined({}, outcome.usage ?? {});
    task.video = toVideo(outcome, outcome.finishedAt ?? createdAt, reply, context);
    if (Object.keys(used).length > 0) task.usage = used;
  }
  if (status === 'failed') {
    const { messages = [], codes = [], statuses = [] } = outcome.failure?.() ?? {};
    const reasons = [...(outcome.urls ?? [])].filter((text) => !absoluteUrl(text, context.baseUrl));
    task.failure = toFailure({ messages: [...messages, ...reasons], codes, statuses: [rawStatus, ...statuses] });
  }
  return withRaw(task as unknown as Task, rawOf(reply.body));
}

function toVideo(outcome: OutcomeReading, madeAt: number | undefined, reply: Reply, context: ReadContext): Video {
  const { observedAt, retention, ahead = 0, baseUrl } = context;
  const url = videoUrlOf(outcome, baseUrl);
  if (url === undefined) {
    throw malformed('the task is completed, but its reply has no video URL', 'no-video', reply, context);
  }
  const { originalUrl, lastFrameUrl, coverUrl } = outcome.links ?? {};
  const original = absoluteUrl(originalUrl, baseUrl);
  const byRetention = (madeAt === undefined ? observedAt : madeAt - ahead) + retention;
  const video = { url, expiresAt: expiryOf(url) ?? byRetention };
  assignDefined(video, {
    requiresKey: requiresKey(url, baseUrl) || undefined,
    originalUrl: original === url ? undefined : original,
    lastFrameUrl: absoluteUrl(lastFrameUrl, baseUrl),
    coverUrl: absoluteUrl(coverUrl, baseUrl),
  });
  return assignDefined(video, outcome.video ?? {});
}

function videoUrlOf({ urls = [] }: OutcomeReading, baseUrl: string | undefined): string | undefined {
  for (const text of urls) {
    const url = absoluteUrl(text, baseUrl);
    if (url !== undefined && !isImage(url)) return url;
  }
  return undefined;
}

function malformed(what: string, code: string | undefined, reply: Reply, context: ReadContext) {
  return replyError(reply, context, what, { kind: 'malformed', code });
}

const RAW_BYTES = 65_536;

/** The reply's text, at most 64 KiB: copied where it is cut, since a slice of a string keeps the whole of it alive. */
function rawOf(body: string): string {
  // A UTF-16 code unit takes three bytes of UTF-8 at most.
  if (body.length * 3 <= RAW_BYTES) return body;
  const bytes = new Uint8Array(RAW_BYTES);
  const { read, written } = new TextEncoder().encodeInto(body, bytes);
  return read === body.length ? body : new TextDecoder().decode(bytes.subarray(0, written));
}
