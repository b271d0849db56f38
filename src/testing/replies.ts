import { asyncScheduler } from 'rxjs';
import type { QueryErrorKind } from '../errors.js';
import { check } from '../options.js';
import type { TaskStatus } from '../task.js';
import type { TransportReply } from '../transport/index.js';
import { buildTask, type ScriptTask } from './tasks.js';

/**
 * Returns what a service of the result wire (xingchaoyiqing, mingyan, globalaiopc) replies about a task. By default the
 * task was created now, by the model `seedance_1_5_pro_720p`.
 *
 * @throws TypeError at call time for a status that is none.
 *
 * @example
 * resultReply({ id: 'video_1', status: 'processing', model: 'veo_3_1' })
 */
export function resultReply(fields: ScriptTask): TransportReply {
  const task = buildTask(fields);
  const isCompleted = task.status === 'completed';
  return jsonReply(200, {
    id: task.id,
    object: 'video',
    created: seconds(task.createdAt),
    model: task.model ?? 'seedance_1_5_pro_720p',
    status: wordOf(fields, RESULT_WORDS),
    video_url: isCompleted ? task.video.url : null,
    ...(isCompleted ? { actualDuration: task.video.durationSeconds ?? 5 } : {}),
    ...(isCompleted && task.usage?.totalTokens !== undefined ? { totalTokens: task.usage.totalTokens } : {}),
    error: task.status === 'failed' ? errorOf(task.failure) : null,
  });
}

/**
 * Returns what a service of the generations wire (anyfast, alad) replies about a task, with its habits: the URL of a
 * completed one stands in `fail_reason` too, and only then does the reply name the upstream's model
 * (https://docs.anyfast.ai). A video with an `originalUrl` makes it a super-resolution task. By default the task was
 * submitted now.
 *
 * @throws TypeError at call time for a status that is none.
 */
export function generationsReply(fields: ScriptTask): TransportReply {
  const task = buildTask(fields);
  const submitted = seconds(task.createdAt);
  const isStarted = task.status === 'processing' || task.status === 'completed';
  const isOver = ['completed', 'failed', 'cancelled'].includes(task.status);
  const progress = task.progress ?? (isOver ? 100 : isStarted ? 50 : 10);
  return jsonReply(200, {
    code: 'success',
    message: '',
    data: {
      task_id: task.id,
      action: 'generate',
      status: wordOf(fields, GENERATIONS_WORDS),
      ...(task.status === 'completed' ? { result_url: task.video.url } : {}),
      ...(task.status === 'completed' && task.video.originalUrl !== undefined
        ? { original_result_url: task.video.originalUrl }
        : {}),
      fail_reason:
        task.status === 'failed' ? reasonOf(task.failure) : task.status === 'completed' ? task.video.url : '',
      submit_time: submitted,
      start_time: isStarted ? seconds(task.startedAt ?? task.createdAt) : 0,
      finish_time: isOver ? seconds(task.finishedAt) : 0,
      progress: `${progress}%`,
      request_id: task.requestId ?? '20260427111505260254000NBdvZFoP',
      data: upstreamOf(task),
    },
  });
}

/**
 * Returns a reply that describes no task: the HTTP status and body that are read as a QueryError of this kind.
 *
 * @param retryAfterSeconds for the Retry-After header.
 * @throws TypeError at call time for a kind that no reply has, and for a Retry-After that is no number.
 */
export function errorReply(
  kind: Exclude<QueryErrorKind, 'network' | 'timeout' | 'expired'>,
  retryAfterSeconds?: number,
): TransportReply {
  check('kind', kind, Object.hasOwn(ERRORS, kind), Object.keys(ERRORS).join(', '));
  const reply = ERRORS[kind];
  if (retryAfterSeconds === undefined) return reply;
  check('retryAfterSeconds', retryAfterSeconds, Number.isFinite(retryAfterSeconds), 'seconds, such as 5');
  return { ...reply, headers: { ...reply.headers, 'retry-after': String(retryAfterSeconds) } };
}

const RESULT_WORDS = {
  queued: 'queued',
  processing: 'processing',
  unknown: 'reviewing',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
} as const satisfies Record<TaskStatus, string>;

const GENERATIONS_WORDS = {
  queued: 'QUEUED',
  processing: 'IN_PROGRESS',
  unknown: 'UNKNOWN',
  completed: 'SUCCESS',
  failed: 'FAILURE',
  cancelled: 'CANCELLED',
} as const satisfies Record<TaskStatus, string>;

const ERRORS = {
  unauthorized: jsonReply(401, {
    error: { message: 'Invalid token (request id: 20260427111505)', type: 'new_api_error', code: '' },
  }),
  forbidden: jsonReply(403, { error: { message: 'user quota is not enough', type: 'new_api_error', code: '' } }),
  'not-found': jsonReply(400, { code: 'task_not_exist', message: 'task_not_exist', data: null }),
  'rate-limited': { status: 429, headers: {}, body: '' },
  server: { status: 500, headers: {}, body: '' },
  malformed: { status: 200, headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Welcome</title>' },
  misconfigured: { status: 302, headers: { location: 'https://login.example.com/' }, body: '' },
} as const satisfies Record<string, TransportReply>;

/** The word of a built task is its status: each wire has its own words, unless the script sets `rawStatus`. */
function wordOf({ status, rawStatus = status }: ScriptTask, words: Readonly<Record<TaskStatus, string>>): string {
  const isOwn = rawStatus === status || rawStatus === RESULT_WORDS[status];
  return isOwn ? words[status] : rawStatus;
}

type Failed = Extract<ReturnType<typeof buildTask>, { status: 'failed' }>;

function errorOf({ code, message }: Failed['failure']): unknown {
  return code === undefined ? message : { code, message };
}

function reasonOf({ code, message }: Failed['failure']): string {
  return code === undefined ? message : `task failed, code: ${code}, message: ${message}`;
}

function upstreamOf(task: ReturnType<typeof buildTask>): unknown {
  const upstream = { id: `cgt-${task.id}`, status: RESULT_WORDS[task.status] };
  if (task.status !== 'completed') return task.status === 'queued' ? null : upstream;
  const { video, usage } = task;
  const resolution = video.resolution ?? '720p';
  const tokens = usage?.totalTokens ?? 108_900;
  const isEnhanced = video.originalUrl !== undefined;
  return {
    ...upstream,
    status: 'succeeded',
    content: { video_url: video.originalUrl ?? video.url },
    model: task.model ?? 'doubao-seedance-2-0-260128',
    duration: video.durationSeconds ?? 5,
    ratio: video.ratio ?? '16:9',
    ...(isEnhanced ? { resolution: '480p', super_resolution: resolution } : { resolution }),
    framespersecond: video.framesPerSecond ?? 24,
    generate_audio: video.hasAudio ?? true,
    seed: video.seed ?? 4304,
    usage: {
      completion_tokens: usage?.completionTokens ?? tokens,
      total_tokens: tokens,
      ...(isEnhanced ? { super_resolution_tokens: usage?.billedTokens ?? 2 * tokens } : {}),
    },
  };
}

/** Both wires have times in Unix seconds. */
function seconds(epochMs = asyncScheduler.now()): number {
  return Math.floor(epochMs / 1000);
}

function jsonReply(status: number, body: object): TransportReply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
