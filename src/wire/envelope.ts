import { checkReading } from './check-reading.js';
import { classifyError, isOk } from './classify-error.js';
import { fieldsOf, isObject, readWord } from './field-types.js';
import type { Fields, ReadContext, Reply } from './wire.js';

/** A reply without its envelope. */
export interface Opened {
  /** The object that describes the task: the reply's own, or the one in its `data`. */
  readonly task: Fields;
  /** The envelope, where there is one; some gateways put fields of the task beside `data`. */
  readonly envelope: Fields;
}

/**
 * Parses a reply and takes the task out of its envelope, by the reply's shape alone.
 * @throws QueryError for an error reply, whatever HTTP status it has; TypeError for a reply or context that is none.
 */
export function openEnvelope(reply: Reply, context: ReadContext): Opened {
  checkReading(reply, context);
  const body = parseObject(reply.body);
  if (!body || !isOk(reply.status) || !isSuccess(body, context.id)) throw classifyError(reply, body, context);
  return unwrap(body);
}

/** The JSON object that the text is, if it is one. RFC 8259 section 8.1 lets a parser ignore a byte order mark. */
export function parseObject(text: string): Fields | undefined {
  try {
    const body: unknown = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
    return isObject(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

/** The object in `data`, where the outer one is an envelope. Some replies have an envelope within an envelope. */
export function unwrap(body: Fields): Opened {
  let task = body;
  let envelope: Fields = {};
  for (let depth = 0; depth < 3 && isObject(task.data) && isEnvelope(task); depth++) {
    envelope = task;
    task = task.data;
  }
  return { task, envelope };
}

/**
 * An envelope has a code, or no status of its own. A task without an envelope may have its upstream's reply in `data`.
 */
function isEnvelope(body: Fields): boolean {
  return typeof body.status !== 'string' || readWord(body.code) !== undefined || isJSend(body, /^(success|ok)$/i);
}

/**
 * `{code: "success"}` on the generations wire, `{code: 0}` on the result wire; a task without an envelope has no code.
 */
export function isSuccess(body: Fields, id?: string): boolean {
  const { status, data, error, success } = body;
  const code = readWord(body.code);
  const hasStatus = typeof status === 'string';
  if (code !== undefined && !/^(success|succeed|ok|0|200)$/i.test(code)) {
    // A failed task may have its code beside its status; then it names itself, as no error envelope does.
    return hasStatus && id !== undefined && [body.id, body.task_id].includes(id);
  }
  if (hasStatus) return code !== undefined || !isJSend(body, /^(fail|error)$/i);
  return isObject(data) || (!isError(error) && success !== false);
}

/**
 * Whether a status of this word is the envelope's verdict on the request, as in JSend
 * (https://github.com/omniti-labs/jsend), and not the status of a task: then nothing beside it belongs to a task.
 */
function isJSend(body: Fields, word: RegExp): boolean {
  return word.test(String(body.status).trim()) && !Object.keys(body).some((name) => TASK_FIELDS.has(name));
}

/** Fields that a task has and an error reply has not. */
const TASK_FIELDS: ReadonlySet<string> = /* @__PURE__ */ new Set([
  ...['id', 'task_id', 'object', 'model', 'progress', 'fail_reason', 'content', 'metadata'],
  ...['created', 'created_at', 'submit_time', 'video_url', 'result_url', 'url'],
]);

/** `{}` and `{code: 0, message: ""}` are no errors. */
function isError(error: unknown): boolean {
  if (!isObject(error)) return Boolean(error);
  const { code, message, type } = fieldsOf(error);
  return [code, message, type].some((value) => readWord(value) !== undefined && readWord(value) !== '0');
}
