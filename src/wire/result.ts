import { openEnvelope } from './envelope.js';
import { number, percent, text, unixSeconds } from './fields.js';
import { failure, taskOf } from './to-task.js';
import type { Wire } from './wire.js';

/** `GET /v1/result/{id}`: one flat object; newer models of the same server wrap it in `data`. */
export const resultWire: Wire = {
  name: 'result',
  path: (id) => `/v1/result/${id}`,
  read(reply, context) {
    // The `object` field ("video", "Video", "video.generation") and the type of `totalTokens` vary by model: never matched.
    const task = openEnvelope(reply, context);
    return taskOf(
      {
        id: text(task.id),
        status: text(task.status),
        common: {
          model: text(task.model),
          progress: percent(task.progress),
          createdAt: unixSeconds(task.created),
          requestId: text(reply.requestId),
        },
        outcome: () => ({
          urls: [task.result_url, task.video_url, task.url],
          video: { durationSeconds: number(task.actualDuration) },
          usage: { totalTokens: number(task.totalTokens) },
          failure: failure(task.error),
        }),
      },
      reply,
      context,
    );
  },
};
