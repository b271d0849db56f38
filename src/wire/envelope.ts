import { QueryError, type QueryErrorKind } from '../errors.js';
import { firstMatch, isObject, recordOf, word, type Fields } from './fields.js';
import type { ReadContext, Reply } from './wire.js';

/**
 * The object that tells of the task: a reply's own, or the one in its `data`. An error reply throws, whatever HTTP
 * status it hides behind.
 */
export function openEnvelope(reply: Reply, context: ReadContext): Fields {
  const body = parse(reply.body);
  if (!body || !isOk(reply.status) || !isSuccess(body)) throw refusal(reply, body, context);
  const { code, status, data } = body;
  // An envelope has a code, or no status of its own; a flat task may carry its upstream's words in `data`.
  return isObject(data) && (typeof status !== 'string' || word(code) !== undefined) ? data : body;
}

export function malformed(what: string, code: string | undefined, reply: Reply, context: ReadContext): QueryError {
  return queryError('malformed', what, code, reply, context);
}

function parse(text: string): Fields | undefined {
  try {
    const body: unknown = JSON.parse(text.replace(/^\uFEFF/, ''));
    return isObject(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

// `{code: "success"}` on the generations wire, `{code: 0}` on the result wire; a plain task has no code at all.
function isSuccess({ code, status, data, error, success }: Fields): boolean {
  if (!/^(success|0|200)?$/i.test(word(code) ?? '')) return false;
  // A task that failed has a status beside its error.
  return typeof status === 'string' || isObject(data) || (!error && success !== false);
}

const isOk = (status: number) => status >= 200 && status <= 299;

function refusal(reply: Reply, body: Fields | undefined, context: ReadContext): QueryError {
  const { status } = reply;
  const outer = recordOf(body);
  const { error } = outer;
  const inner: Fields = isObject(error) ? error : { message: error };
  const code = word(outer.code) ?? word(inner.code) ?? word(inner.type);
  const said = word(outer.message) ?? word(outer.msg) ?? word(inner.message);
  let what = `HTTP ${status}`;
  if (!body) what += ' without a JSON object';
  if (code) what += ` [${context.redact(code)}]`;
  if (said) what += `: ${context.redact(said)}`;
  return queryError(kindOf(status, body !== undefined, code), what, code, reply, context);
}

function kindOf(status: number, hasBody: boolean, code = ''): QueryErrorKind {
  const byStatus = isOk(status) || status > 599 ? 'server' : (firstMatch(KINDS, `${status}`) ?? 'misconfigured');
  if (/^(3|401|429)/.test(`${status}`)) return byStatus;
  // A CDN's page says nothing of the task, whatever its status.
  if (!hasBody) return status >= 500 ? 'server' : 'malformed';
  // The code inside is closer to the cause than a bare 200 or 400; for the other statuses they agree, or the status knows better.
  const byCode = firstMatch(KINDS, code);
  return byCode && (status <= 299 || status === 400 || byCode === 'not-found') ? byCode : byStatus;
}

// By HTTP status, and by the codes in bodies: numbers, numeric texts and words.
const KINDS = {
  'not-found': /^(404|410)$|^task_?not_?(exist|found)/i,
  // "204" is what the result wire's server says where the key is wrong.
  unauthorized: /^(204|401)$|unauthori[sz]ed|invalid_?(api_?key|token)|authentication/i,
  forbidden: /^(402|403)$|forbidden|permission|access_?denied|insufficient/i,
  'rate-limited': /^429$|rate_?limit|too_?many|throttl/i,
  timeout: /^(408|425)$/,
  server: /^5\d\d$/,
} as const satisfies { readonly [Kind in QueryErrorKind]?: RegExp };

function queryError(
  kind: QueryErrorKind,
  what: string,
  code: string | undefined,
  { status, retryAfterMs, requestId }: Reply,
  { provider, id, redact }: ReadContext,
): QueryError {
  const advice = ADVICE[kind] ?? 'The task is not affected.';
  return new QueryError(kind, `${provider} did not tell of task ${id}: ${what}. ${advice}`, {
    code: code && redact(code),
    httpStatus: status,
    retryAfterMs,
    requestId,
    provider,
    id,
  });
}

const CHECK_KEY = 'Check the API key and its quota; the task may still be running.';
const CHECK_URL = 'Check the base URL.';

/** What to do about it, for the end of a message. */
const ADVICE: { readonly [Kind in QueryErrorKind]?: string } = {
  unauthorized: CHECK_KEY,
  forbidden: CHECK_KEY,
  'not-found': 'Right after creation this passes; later the id is wrong, or the record deleted.',
  malformed: CHECK_URL,
  misconfigured: CHECK_URL,
};
