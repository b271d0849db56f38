import { openEnvelope } from './envelope.js';
import { fieldsOf, number, percent, text, unixSeconds } from './fields.js';
import { failure, taskOf } from './record.js';
import type { Wire } from './wire.js';

// The `object` field ("video", "Video", "video.generation") and the type of `totalTokens` vary by model: never matched.
const fields = /* @__PURE__ */ fieldsOf({
  id: text,
  model: text,
  status: text,
  created: unixSeconds,
  progress: percent,
  result_url: text,
  video_url: text,
  url: text,
  actualDuration: number,
  totalTokens: number,
  error: failure,
});

/** `GET /v1/result/{id}`: one flat object; newer models of the same server wrap it in `data`. */
export const resultWire: Wire = {
  name: 'result',
  path: (id) => `/v1/result/${id}`,
  read(reply, context) {
    const task = fields(openEnvelope(reply, context));
    const { created, result_url, video_url, url, actualDuration, totalTokens, error, ...common } = task;
    return taskOf(
      {
        ...common,
        createdAt: created,
        urls: [result_url, video_url, url],
        video: { durationSeconds: actualDuration },
        usage: { totalTokens },
        failure: error,
      },
      reply,
      context,
    );
  },
};
