import { errorIn } from './classify-error.js';
import { isSuccess, parseObject, unwrap } from './envelope.js';
import { fieldsOf, isObject, readText, readTime, readWord } from './field-types.js';

/** What a reply to a create request names. */
export interface CreateReply {
  readonly id?: string | undefined;
  readonly model?: string | undefined;
  /** Epoch ms. */
  readonly createdAt?: number | undefined;
  /** Of an error reply. */
  readonly code?: string | undefined;
  readonly message?: string | undefined;
}

/** Reads `{id}`, `{task_id}`, either of them in `data`, and `{data: "<id>"}`. An error envelope names no task. */
export function readCreateReply(reply: unknown): CreateReply {
  const parsed = typeof reply === 'string' ? parseObject(reply) : reply;
  const body = fieldsOf(parsed);
  if (!isSuccess(body)) return errorIn(body);
  const { task, envelope } = unwrap(isObject(body.data) ? { ...body, status: undefined } : body);
  const named = [task.task_id, task.id, envelope.task_id, envelope.id, body.data].map(readWord);
  const id = named.find((text) => text !== undefined && !/\s/.test(text));
  if (id === undefined) return errorIn(body);
  const time = [task.created_at, task.created, task.submit_time].map(readTime).find((at) => at !== undefined);
  return { id, model: readText(task.model), createdAt: time };
}
