import * as z from 'zod/mini';
import { openEnvelope } from './envelope.js';
import { failure, fieldsOf, flag, httpUrl, isObject, number, percent, text, unixSeconds } from './fields.js';
import { taskOf } from './record.js';
import type { Wire } from './wire.js';

const content = /* @__PURE__ */ z.optional(/* @__PURE__ */ fieldsOf({ video_url: httpUrl }));

// `data.data`: what the upstream said, in its own shape or in any other. It decorates the reading and decides nothing.
const upstreamFields = /* @__PURE__ */ fieldsOf({
  content,
  model: text,
  duration: number,
  ratio: text,
  resolution: text,
  super_resolution: text,
  framespersecond: number,
  generate_audio: flag,
  seed: number,
  usage: /* @__PURE__ */ z.optional(
    /* @__PURE__ */ fieldsOf({ total_tokens: number, completion_tokens: number, super_resolution_tokens: number }),
  ),
});

// The documented task, and the two other bodies that the same path answers for other channels of the gateway
// (`data: {status, url, error}`, and a flat `{status, content: {video_url}, created_at}`). Their fields do not collide.
const generationsFields = /* @__PURE__ */ fieldsOf({
  task_id: text,
  model: text,
  status: text,
  progress: percent,
  request_id: text,
  submit_time: unixSeconds,
  created_at: unixSeconds,
  start_time: unixSeconds,
  finish_time: unixSeconds,
  result_url: httpUrl,
  video_url: httpUrl,
  url: httpUrl,
  content,
  original_result_url: httpUrl,
  fail_reason: text,
  error: /* @__PURE__ */ z.optional(failure),
  data: /* @__PURE__ */ z.optional(upstreamFields),
});

/** `GET /v1/video/generations/{task_id}`: an envelope around the task, and in it what the upstream said. */
export const generationsWire: Wire = {
  name: 'generations',
  path: (id) => `/v1/video/generations/${id}`,
  read(reply, context) {
    const body = openEnvelope(reply, context);
    const task = z.parse(generationsFields, isObject(body['data']) ? body['data'] : body);
    const { error, fail_reason } = task;
    const upstream = task.data ?? {};
    return taskOf(
      {
        id: task.task_id,
        status: task.status,
        model: task.model ?? upstream.model,
        progress: task.progress,
        createdAt: task.submit_time ?? task.created_at,
        startedAt: task.start_time,
        finishedAt: task.finish_time,
        requestId: task.request_id,
        urls: [
          task.result_url,
          task.video_url,
          task.url,
          task.content?.video_url,
          // Legacy clients read the URL from `fail_reason`; sometimes it stands nowhere else.
          z.parse(httpUrl, fail_reason),
          upstream.content?.video_url,
        ],
        video: {
          originalUrl: task.original_result_url,
          durationSeconds: upstream.duration,
          // Super-resolution tasks: `resolution` is what the upstream made before the enhancement.
          resolution: upstream.super_resolution ?? upstream.resolution,
          ratio: upstream.ratio,
          framesPerSecond: upstream.framespersecond,
          seed: upstream.seed,
          hasAudio: upstream.generate_audio,
        },
        usage: {
          totalTokens: upstream.usage?.total_tokens,
          completionTokens: upstream.usage?.completion_tokens,
          billedTokens: upstream.usage?.super_resolution_tokens,
        },
        failure: { message: fail_reason ?? error?.message, code: error?.code },
      },
      reply,
      context,
    );
  },
};
