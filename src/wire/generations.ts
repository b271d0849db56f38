import { openEnvelope } from './envelope.js';
import { flag, number, percent, recordOf, text, unixSeconds } from './fields.js';
import { failure, taskOf } from './to-task.js';
import type { Wire } from './wire.js';

/**
 * `GET /v1/video/generations/{task_id}`: an envelope around the task, and in it what the upstream said.
 *
 * It reads the documented task, and the two other bodies that the same path answers for other channels of the gateway
 * (`data: {status, url, error}`, and a flat `{status, content: {video_url}, created_at}`). Their fields do not collide.
 */
export const generationsWire: Wire = {
  name: 'generations',
  path: (id) => `/v1/video/generations/${id}`,
  read(reply, context) {
    const task = openEnvelope(reply, context);
    // What the upstream said, in its own shape or in any other. It decorates the reading and decides nothing.
    const data = recordOf(task.data);
    return taskOf(
      {
        id: text(task.task_id),
        status: text(task.status),
        common: {
          model: text(task.model) ?? text(data.model),
          progress: percent(task.progress),
          createdAt: unixSeconds(task.submit_time) ?? unixSeconds(task.created_at),
          startedAt: unixSeconds(task.start_time),
          finishedAt: unixSeconds(task.finish_time),
          requestId: text(task.request_id) ?? text(reply.requestId),
        },
        outcome() {
          const usage = recordOf(data.usage);
          const { message, code } = failure(task.error);
          const { result_url, video_url, url, content, fail_reason } = task;
          return {
            // Legacy clients read the URL from `fail_reason`; sometimes it stands nowhere else.
            urls: [
              ...[result_url, video_url, url, recordOf(content).video_url],
              ...[fail_reason, recordOf(data.content).video_url],
            ],
            video: {
              originalUrl: text(task.original_result_url),
              durationSeconds: number(data.duration),
              // Super-resolution tasks: `resolution` is what the upstream made before the enhancement.
              resolution: text(data.super_resolution) ?? text(data.resolution),
              ratio: text(data.ratio),
              framesPerSecond: number(data.framespersecond),
              seed: number(data.seed),
              hasAudio: flag(data.generate_audio),
            },
            usage: {
              totalTokens: number(usage.total_tokens),
              completionTokens: number(usage.completion_tokens),
              billedTokens: number(usage.super_resolution_tokens),
            },
            failure: { message: text(fail_reason) ?? message, code },
          };
        },
      },
      reply,
      context,
    );
  },
};
