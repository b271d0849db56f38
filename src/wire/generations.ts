import { openEnvelope } from './envelope.js';
import { fieldsOf, flag, number, percent, text, unixSeconds } from './fields.js';
import { failure, taskOf } from './record.js';
import type { Wire } from './wire.js';

const content = /* @__PURE__ */ fieldsOf({ video_url: text });

// `data.data`: what the upstream said, in its own shape or in any other. It decorates the reading and decides nothing.
const upstream = /* @__PURE__ */ fieldsOf({
  content,
  model: text,
  duration: number,
  ratio: text,
  resolution: text,
  super_resolution: text,
  framespersecond: number,
  generate_audio: flag,
  seed: number,
  usage: /* @__PURE__ */ fieldsOf({ total_tokens: number, completion_tokens: number, super_resolution_tokens: number }),
});

// The documented task, and the two other bodies that the same path answers for other channels of the gateway
// (`data: {status, url, error}`, and a flat `{status, content: {video_url}, created_at}`). Their fields do not collide.
const fields = /* @__PURE__ */ fieldsOf({
  task_id: text,
  model: text,
  status: text,
  progress: percent,
  request_id: text,
  submit_time: unixSeconds,
  created_at: unixSeconds,
  start_time: unixSeconds,
  finish_time: unixSeconds,
  result_url: text,
  video_url: text,
  url: text,
  content,
  original_result_url: text,
  fail_reason: text,
  error: failure,
  data: upstream,
});

/** `GET /v1/video/generations/{task_id}`: an envelope around the task, and in it what the upstream said. */
export const generationsWire: Wire = {
  name: 'generations',
  path: (id) => `/v1/video/generations/${id}`,
  read(reply, context) {
    const task = fields(openEnvelope(reply, context));
    const { error, fail_reason, data } = task;
    return taskOf(
      {
        id: task.task_id,
        status: task.status,
        model: task.model ?? data.model,
        progress: task.progress,
        createdAt: task.submit_time ?? task.created_at,
        startedAt: task.start_time,
        finishedAt: task.finish_time,
        requestId: task.request_id,
        // Legacy clients read the URL from `fail_reason`; sometimes it stands nowhere else.
        urls: [task.result_url, task.video_url, task.url, task.content.video_url, fail_reason, data.content.video_url],
        video: {
          originalUrl: task.original_result_url,
          durationSeconds: data.duration,
          // Super-resolution tasks: `resolution` is what the upstream made before the enhancement.
          resolution: data.super_resolution ?? data.resolution,
          ratio: data.ratio,
          framesPerSecond: data.framespersecond,
          seed: data.seed,
          hasAudio: data.generate_audio,
        },
        usage: {
          totalTokens: data.usage.total_tokens,
          completionTokens: data.usage.completion_tokens,
          billedTokens: data.usage.super_resolution_tokens,
        },
        failure: { message: fail_reason ?? error.message, code: error.code },
      },
      reply,
      context,
    );
  },
};
