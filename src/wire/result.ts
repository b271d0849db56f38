import * as z from 'zod/mini';
import { openEnvelope } from './envelope.js';
import { failure, fieldsOf, httpUrl, isObject, number, percent, text, unixSeconds } from './fields.js';
import { taskOf } from './record.js';
import type { Wire } from './wire.js';

// The `object` field ("video", "Video", "video.generation") and the type of `totalTokens` vary by model: never matched.
const resultFields = /* @__PURE__ */ fieldsOf({
  id: text,
  model: text,
  status: text,
  created: unixSeconds,
  progress: percent,
  result_url: httpUrl,
  video_url: httpUrl,
  url: httpUrl,
  actualDuration: number,
  totalTokens: number,
  error: z.optional(failure),
});

/** `GET /v1/result/{id}`: one flat object; newer models of the same server wrap it in `data`. */
export const resultWire: Wire = {
  name: 'result',
  path: (id) => `/v1/result/${id}`,
  read(reply, context) {
    const body = openEnvelope(reply, context);
    const { created, result_url, video_url, url, actualDuration, totalTokens, error, ...common } = z.parse(
      resultFields,
      isObject(body['data']) ? body['data'] : body,
    );
    return taskOf(
      {
        ...common,
        createdAt: created,
        urls: [result_url, video_url, url],
        video: { durationSeconds: actualDuration },
        usage: { totalTokens },
        failure: error ?? {},
      },
      reply,
      context,
    );
  },
};
