import type { ReplyFormat } from './reply-format.js';
import { phaseAt } from './lifecycle.js';
import type { SandboxTask } from './sandbox-task.js';
import { VIDEO_SECONDS } from './video-file.js';

const REFRESH = 15_000;

/** `GET /v1/video/generations/{task_id}` as the gateway of anyfast and alad answers it. */
export const generationsFormat: ReplyFormat = {
  families: [{ prefix: 'asyntask_', models: /^/ }],
  signature: 'X-Tos',
  reasons: [
    'task failed, code: InvalidParameter, message: img_url must be set for image to video method',
    'task failed, code: InputTextSensitiveContentDetected, message: the request may contain sensitive information',
    'task failed, code: OutputVideoSensitiveContentDetected, message: the output video may contain sensitive information',
    'task failed, code: InternalServiceError, message: the service encountered an unexpected internal error',
  ],

  reply(task, now) {
    const shown = lastRefresh(task, now);
    return { status: 200, body: { code: 'success', message: '', data: dataOf(task, shown) } };
  },

  unauthorized: gatewayError(401, 'Invalid token', ''),
  notFound: { status: 400, body: { code: 'task_not_exist', message: 'task_not_exist', data: null } },
  rateLimited: gatewayError(429, 'Too many requests, please slow down', 'rate_limit_exceeded'),
};

/** The gateway asks its upstream every 15 s and repeats that answer in between; before the first time it has none. */
function lastRefresh({ createdAt, speed, random }: SandboxTask, now: number): number | undefined {
  const period = REFRESH / speed;
  const first = createdAt + period * random.number('refresh');
  return now < first ? undefined : first + Math.floor((now - first) / period) * period;
}

function dataOf(task: SandboxTask, shown: number | undefined): object {
  const { id, createdAt, startsAt, endsAt, reason, video, original, random } = task;
  const phase = shown === undefined ? undefined : phaseAt(task, shown);
  const isOver = phase === 'completed' || phase === 'failed';
  const data = {
    task_id: id,
    action: 'generate',
    status: 'NOT_START',
    fail_reason: '',
    submit_time: unixSeconds(createdAt),
    start_time: shown !== undefined && startsAt <= Math.min(shown, endsAt) ? unixSeconds(startsAt) : 0,
    finish_time: isOver ? unixSeconds(endsAt) : 0,
    progress: '0%',
    request_id: `${digits(createdAt)}${random.text('request', 8)}`,
  };
  const upstream = {
    id: `cgt-${digits(createdAt + EIGHT_HOURS).slice(0, 14)}-${random.text('upstream', 5).toLowerCase()}`,
  };
  switch (phase) {
    case undefined:
      return { ...data, data: null };
    case 'queued':
      return { ...data, status: 'QUEUED', progress: '10%', data: { ...upstream, status: 'queued' } };
    case 'processing': {
      const share = ((shown ?? 0) - startsAt) / (endsAt - startsAt);
      const progress = `${50 + Math.floor(50 * share)}%`;
      return { ...data, status: 'IN_PROGRESS', progress, data: { ...upstream, status: 'running' } };
    }
    case 'completed':
      return {
        ...data,
        status: 'SUCCESS',
        result_url: video.url,
        ...(original ? { original_result_url: original.url } : {}),
        // For clients of an older version of the gateway.
        fail_reason: video.url,
        progress: '100%',
        data: { ...upstream, ...outputOf(task) },
      };
    default:
      return { ...data, status: 'FAILURE', fail_reason: reason, progress: '100%' };
  }
}

/** The upstream's record of a finished video. Its size is that of a real one, not of the stand-in. */
function outputOf({ video, original, random }: SandboxTask): object {
  const tokens = original ? 50_638 : 108_900;
  return {
    content: { video_url: (original ?? video).url },
    model: 'doubao-seedance-2-0-260128',
    duration: VIDEO_SECONDS,
    ratio: '16:9',
    resolution: original ? '480p' : '720p',
    ...(original ? { super_resolution: '720p' } : {}),
    framespersecond: 24,
    generate_audio: false,
    seed: Math.floor(random.number('seed') * 2 ** 31),
    status: 'succeeded',
    usage: {
      completion_tokens: tokens,
      total_tokens: tokens,
      ...(original ? { super_resolution_tokens: 114_441 } : {}),
    },
  };
}

function gatewayError(status: number, message: string, code: string): { status: number; body: object } {
  return { status, body: { error: { message, type: 'new_api_error', code } } };
}

function unixSeconds(ms: number): number {
  return Math.floor(ms / 1000);
}

/** `20260427111505260`: the digits of a time. */
function digits(ms: number): string {
  return new Date(ms).toISOString().replace(/\D/g, '');
}

// The upstream numbers its tasks in Beijing time.
const EIGHT_HOURS = 28_800_000;
