import * as z from 'zod/mini';
import { fieldTypes, isObject } from './field-types.js';
import { lazily } from './lazily.js';

// What replies have, field by field. One vocabulary for both paths: each of them answers in the other's shapes too,
// depending on the model and on the gateway's version, and the names never contradict each other.
//
//   result       docs.xingchaoyiqing.com, docs.globalaiopc.com/en/api-reference: "Query" of each model family
//   generations  docs.anyfast.ai, "Query task" of Seedance 2.0
//   video        the object of OpenAI, https://platform.openai.com/docs/api-reference/videos/object, which new-api
//                answers with for some channels (QuantumNous/new-api, dto/openai_video.go)
//   ark          Volcengine's own, https://www.volcengine.com/docs/82379/1521309, bare or as an upstream's reply in
//   `data`

/** Of every task, whatever its status. The status is all that decides; a reply without one describes no task. */
export const taskShape = /* @__PURE__ */ lazily(() => {
  const { text, percent, time } = fieldTypes();
  return z.object({
    status: z.string(),
    id: text, //            result, video
    task_id: text, //       generations
    model: text, //         result, video, ark
    progress: percent, //   "50%" in generations, 50 in video
    submit_time: time, //   generations
    created: time, //       result
    created_at: time, //    video, ark
    start_time: time, //    generations
    request_id: text, //    generations
  });
});

/** Of a task that has ended. */
export const endShape = /* @__PURE__ */ lazily(() => {
  const { text, number, positive, time } = fieldTypes();
  return z.object({
    finish_time: time, //             generations
    completed_at: time, //            video
    finished_at: time,
    actualDuration: positive, //      result
    seconds: positive, //             video, as text
    totalTokens: number, //           result: number, numeric text or null
    amount: number, //                result (model center)
    credits: positive,
    quota: positive, //               new-api: units of its own
    last_frame_url: text, //          result
    cover_url: text,
    original_result_url: text, //     generations (super-resolution)
  });
});

/**
 * The figures of a video, as Ark names them: in its own task, in the upstream's reply, or in the `metadata` of video.
 */
export const outputShape = /* @__PURE__ */ lazily(() => {
  const { text, number, positive, flag, fields } = fieldTypes();
  return z.object({
    duration: positive,
    super_resolution: text, //   generations: what the viewer sees; `resolution` is the upstream's
    resolution: text,
    ratio: text,
    framespersecond: positive,
    fps: positive, //            video
    seed: number,
    generate_audio: flag,
    content: fields,
    usage: fields,
  });
});

export const usageShape = /* @__PURE__ */ lazily(() => {
  const { text, number, positive } = fieldTypes();
  return z.object({
    total_tokens: number,
    completion_tokens: number,
    super_resolution_tokens: number, // what is billed for a super-resolution task
    duration: positive,
    resolution: text,
  });
});

/** Why a task failed. It stands in the task or in the upstream's reply. */
export const reasonShape = /* @__PURE__ */ lazily(() => {
  const { text, word } = fieldTypes();
  return z.object({
    fail_reason: text, //   generations
    error: z.transform((value) => errorShape().parse(isObject(value) ? value : { message: value })), // the others
    error_message: text,
    message: text,
    msg: text,
    reason: text,
    err_code: word,
    error_code: word,
    code: word,
    status: text,
    state: text,
    task_status: text, //   Kling, Wan
  });
});

/** `error` is a text, or `{code?, type?, message}`, or null. */
const errorShape = /* @__PURE__ */ lazily(() => {
  const { text, word } = fieldTypes();
  return z.object({ message: text, msg: text, code: word, type: word });
});

/** Where the URL of the video stands, the most trusted place first: as text, or in an object or a list of such. */
export const urlShape = /* @__PURE__ */ lazily(() => {
  const { unknown } = fieldTypes();
  return z.object({
    result_url: unknown, //   generations
    video_url: unknown, //    result
    url: unknown,
  });
});

/** The objects and lists in which the URL stands where the task itself has none. */
export const placesShape = /* @__PURE__ */ lazily(() => {
  const { unknown } = fieldTypes();
  // As an object only. A list under these names is the prompt that was sent, with its reference videos.
  const part = z.transform((value) => (isObject(value) ? value : undefined));
  return z.object({
    content: part, //       ark: `content.video_url`; also `content.result_url`
    metadata: part, //      video: `metadata.url`, `metadata.content.video_url`
    outputs: unknown, //    `outputs.video_url`
    output: unknown,
    video: unknown, //      `video.url`
    videos: unknown,
    results: unknown, //    `results[].url` of type video
    creations: unknown, //  `creations[].url`
    task_result: part, //   Kling: `task_result.videos[].url`
    urls: unknown,
  });
});
