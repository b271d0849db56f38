import { QueryError, type QueryErrorKind } from '../errors.js';
import { isObject, word } from './fields.js';
import type { ReadContext, Reply } from './wire.js';

type Json = Readonly<Record<string, unknown>>;

/**
 * The object that tells of the task: a reply's own, or the one in its `data`. An error reply throws, whatever HTTP
 * status it hides behind.
 */
export function openEnvelope(reply: Reply, context: ReadContext): Json {
  const body = parse(reply.body);
  if (!body || reply.status < 200 || reply.status > 299 || !isSuccess(body)) throw refusal(reply, body, context);
  const { code, status, data } = body;
  // An envelope has a code, or no status of its own; a flat task may carry its upstream's words in `data`.
  return isObject(data) && (typeof status !== 'string' || word(code) !== undefined) ? data : body;
}

export function malformed(what: string, code: string | undefined, reply: Reply, context: ReadContext): QueryError {
  return queryError('malformed', what, code, reply, context);
}

function parse(text: string): Json | undefined {
  try {
    const body: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    return isObject(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

// `{code: "success"}` on the generations wire, `{code: 0}` on the result wire; a plain task has no code at all.
function isSuccess({ code, status, data, error, success }: Json): boolean {
  if (!/^(success|0|200)?$/i.test(word(code) ?? '')) return false;
  // A task that failed has a status beside its error.
  return typeof status === 'string' || isObject(data) || (!error && success !== false);
}

function refusal(reply: Reply, body: Json | undefined, context: ReadContext): QueryError {
  const { status } = reply;
  const error = isObject(body?.['error']) ? body['error'] : { message: body?.['error'] };
  const code = word(body?.['code']) ?? word(error['code']) ?? word(error['type']);
  const said = word(body?.['message']) ?? word(body?.['msg']) ?? word(error['message']);
  const kind = kindOf(status, body !== undefined, code);
  let what = status >= 200 && status <= 299 && body ? 'an error' : `HTTP ${status}`;
  if (!body) what += reply.body.trim() === '' ? ' with an empty body' : ' without a JSON object';
  if (code !== undefined) what += ` [${context.redact(code)}]`;
  if (said !== undefined) what += `: ${context.redact(said)}`;
  return queryError(kind, what, code, reply, context);
}

function kindOf(status: number, hasBody: boolean, code: string | undefined): QueryErrorKind {
  if (status === 401 || status === 429 || (status >= 300 && status <= 399)) return kindOfStatus(status);
  // A CDN's page says nothing of the task, whatever its status.
  if (!hasBody) return status >= 500 ? 'server' : 'malformed';
  // The code inside is closer to the cause than a bare 200 or 400; for the other statuses they agree, or the status knows better.
  const byCode = kindOfCode(code);
  if (status <= 299) return byCode ?? 'server';
  return byCode !== undefined && (status === 400 || byCode === 'not-found') ? byCode : kindOfStatus(status);
}

const BY_STATUS: Readonly<Record<string, QueryErrorKind>> = {
  401: 'unauthorized',
  402: 'forbidden',
  403: 'forbidden',
  404: 'not-found',
  408: 'timeout',
  410: 'not-found',
  425: 'timeout',
  429: 'rate-limited',
};

function kindOfStatus(status: number): QueryErrorKind {
  return BY_STATUS[status] ?? (status >= 500 ? 'server' : 'misconfigured');
}

const BY_WORD = [
  ['not-found', /^task_?not_?(exist|found)/i],
  // "204" is what the result wire's server says where the key is wrong.
  ['unauthorized', /^204$|unauthori[sz]ed|invalid_?(api_?key|token)|authentication/i],
  ['forbidden', /forbidden|permission|access_?denied|insufficient/i],
  ['rate-limited', /rate_?limit|too_?many|throttl/i],
  ['server', /^5\d\d$/],
] as const;

// Codes come as numbers, numeric texts and words.
function kindOfCode(code = ''): QueryErrorKind | undefined {
  if (Object.hasOwn(BY_STATUS, code)) return BY_STATUS[code];
  return BY_WORD.find(([, words]) => words.test(code))?.[0];
}

function queryError(
  kind: QueryErrorKind,
  what: string,
  code: string | undefined,
  { status, retryAfterMs, requestId }: Reply,
  { provider, id, redact }: ReadContext,
): QueryError {
  const advice = ADVICE[kind] ?? 'The task is not affected.';
  return new QueryError(kind, `${provider} did not tell of task ${id}: ${what}. ${advice}`, {
    code: code === undefined ? undefined : redact(code),
    httpStatus: status,
    retryAfterMs,
    requestId,
    provider,
    id,
  });
}

/** What to do about it, for the end of a message. */
const ADVICE: { readonly [Kind in QueryErrorKind]?: string } = {
  unauthorized: 'Check the API key; an exhausted quota is answered like this too. The task may still be running.',
  forbidden: 'This key may not ask about the task, which may still be running.',
  'not-found': 'Right after creation this passes; later it means a wrong id, another account, or a deleted record.',
  malformed: 'If that goes on, check the base URL.',
  misconfigured: 'Check the base URL and the task id.',
};
