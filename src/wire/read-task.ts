import { assignDefined } from '../fields.js';
import type { Task } from '../task.js';
import { openEnvelope, parseObject } from './envelope.js';
import type { FailureReading } from './failure.js';
import { fieldsOf, isObject, readText } from './field-types.js';
import { endShape, outputShape, reasonShape, taskShape, usageShape } from './reply-shape.js';
import { toTask, type OutcomeReading } from './to-task.js';
import { textsAtPlaces } from './video-url.js';
import type { Fields, ReadContext, Reply } from './wire.js';

/** Reads a reply of either path. `trusted` is the place of the URL that comes before all others. */
export function readTask(reply: Reply, context: ReadContext, trusted = 'result_url'): Task {
  const { task, envelope } = openEnvelope(reply, context);
  const { status = task.task_status ?? task.state } = task;
  const read = taskShape().safeParse(status === task.status ? task : { ...task, status });
  if (!read.success) return toTask({ status: undefined }, reply, context);
  const shown = read.data;
  const { task_id = readText(envelope.task_id), id } = shown;
  return toTask(
    {
      ids: [task_id, id],
      status: shown.status,
      model: shown.model ?? modelIn(task),
      progress: shown.progress,
      createdAt: shown.submit_time ?? shown.created ?? shown.created_at,
      startedAt: shown.start_time,
      requestId: shown.request_id,
      outcome: () => readOutcome(task, envelope, trusted),
    },
    reply,
    context,
  );
}

/** The upstream's model, where the service does not name its own. */
function modelIn({ data, properties, metadata }: Fields): string | undefined {
  return (
    readText(fieldsOf(data).model) ??
    readText(fieldsOf(properties).upstream_model_name) ??
    readText(fieldsOf(metadata).model)
  );
}

function readOutcome(task: Fields, envelope: Fields, trusted: string): OutcomeReading {
  const upstream = upstreamIn(task);
  const end = endShape().parse(task);
  const layers = [isOutput(task) && task, task.metadata, upstream].filter(isObject);
  const outputs = layers.map((layer) => outputShape().parse(layer));
  const output = mergeOf(outputs);
  const usage = mergeOf(outputs.map(({ usage }) => usageShape().parse(usage)));
  return {
    finishedAt: end.finish_time ?? end.completed_at ?? end.finished_at,
    urls: urlsOf(task, envelope, upstream, trusted),
    video: {
      durationSeconds: end.actualDuration ?? output.duration ?? usage.duration ?? end.seconds,
      resolution: output.super_resolution ?? output.resolution ?? usage.resolution,
      ratio: output.ratio,
      framesPerSecond: output.framespersecond ?? output.fps,
      seed: output.seed,
      hasAudio: output.generate_audio,
    },
    links: {
      originalUrl: end.original_result_url,
      lastFrameUrl: end.last_frame_url ?? readText(output.content?.last_frame_url),
      coverUrl: end.cover_url ?? readText(output.content?.cover_url),
    },
    usage: {
      totalTokens: end.totalTokens ?? usage.total_tokens,
      completionTokens: usage.completion_tokens,
      billedTokens: usage.super_resolution_tokens,
      amount: end.amount ?? end.credits ?? end.quota,
    },
    failure: () => readFailure(task, envelope, upstream),
  };
}

/** The reply of the upstream: an object of whatever shape, as JSON or as text, or nothing. */
function upstreamIn({ data }: Fields): Fields | undefined {
  if (typeof data === 'string') return parseObject(data);
  return isObject(data) ? data : undefined;
}

/** Whether a task has its figures itself, as Ark's has. Most have none, and need no look at each. */
function isOutput(layer: Fields): boolean {
  return ['usage', 'duration', 'resolution', 'seed', 'content'].some((name) => name in layer);
}

/** The fields of all layers; of a field that several have, the value of the first. */
function mergeOf<Layer extends object>(layers: readonly Layer[]): Partial<Layer> {
  const [only = {}, another] = layers;
  return another ? layers.reduceRight<Partial<Layer>>(assignDefined, {}) : only;
}

function* urlsOf(task: Fields, envelope: Fields, upstream: Fields | undefined, trusted: string): Generator<string> {
  yield* textsAtPlaces(task[trusted]);
  yield* textsAtPlaces(task);
  // Older versions of new-api put the URL there (QuantumNous/new-api, model/task.go, GetResultURL); sometimes it stands
  // nowhere else.
  yield* textsAtPlaces(task.fail_reason);
  yield* textsAtPlaces(envelope);
  yield* textsAtPlaces(upstream);
  yield* textsAtPlaces(upstream?.data);
  yield* textsAtPlaces({ url: task.upstream_url, urls: task.upstream_urls });
}

function readFailure(task: Fields, envelope: Fields, upstream: Fields | undefined): FailureReading {
  const layers = [task, task.metadata, { error: envelope.error }, upstream, upstream?.output, upstream?.data];
  const reasons = layers.filter(isObject).map((layer) => reasonShape().parse(layer));
  return {
    messages: [
      ...reasons.flatMap(({ fail_reason, error, error_message, message, msg, reason }) => [
        ...[fail_reason, error?.message, error?.msg, error_message, message, msg, reason],
      ]),
      readText(task.data),
    ],
    codes: reasons.flatMap(({ error, err_code, error_code, code }) => [
      ...[error?.code, err_code, error_code, code, error?.type],
    ]),
    statuses: reasons.flatMap(({ status, state, task_status }) => [status, state, task_status]),
  };
}
