import { QueryError, type QueryErrorKind } from '../errors.js';
import { checkOptions } from '../options.js';
import { checkReading } from './check-reading.js';
import { fieldsOf, readWord } from './field-types.js';
import { firstMatch } from './first-match.js';
import type { Fields, ReadContext, Reply } from './wire.js';

/** What `replyError` cannot read from the HTTP status. */
export interface ReplyErrorOptions {
  /** Why the query was not answered. @default read from the HTTP status and the code */
  readonly kind?: QueryErrorKind | undefined;
  /** The service's own code, or one that distinguishes errors of one kind. @default none */
  readonly code?: string | undefined;
  /** Whether the body is a JSON object: a CDN's page is no answer of the service, whatever its status. @default true */
  readonly hasBody?: boolean;
}

/**
 * Returns the QueryError for a reply that describes no task. `what` is the middle of its message; text of the reply in
 * it must have passed `context.redact`.
 * @throws TypeError for a reply or context that is none, and for unknown options.
 */
export function replyError(
  reply: Reply,
  context: ReadContext,
  what: string,
  options: ReplyErrorOptions = {},
): QueryError {
  checkReading(reply, context);
  checkOptions('replyError', 'replyError(reply, context, what, { kind })', options, ['kind', 'code', 'hasBody']);
  const { provider, id, redact } = context;
  const { code, hasBody = true, kind = kindOf(reply.status, hasBody, code) } = options;
  const { status, retryAfterMs, requestId } = reply;
  const advice = ADVICE[kind] ?? 'The task is not affected.';
  return new QueryError(kind, `${provider} returned no usable status for task ${id}: ${what}. ${advice}`, {
    code: code && redact(code),
    httpStatus: status,
    retryAfterMs,
    requestId,
    provider,
    id,
  });
}

/** The QueryError for an error envelope, or for a body that is no JSON object at all. */
export function classifyError(reply: Reply, body: Fields | undefined, context: ReadContext): QueryError {
  const { code, message } = errorIn(fieldsOf(body));
  let what = `HTTP ${reply.status}`;
  if (!body) what += ' without a JSON object';
  if (code) what += ` [${context.redact(code)}]`;
  if (message) what += `: ${context.redact(message)}`;
  return replyError(reply, context, what, { code, hasBody: body !== undefined });
}

/** Code and message of `{code, message | msg}`, of `{error: {code, type, message}}`, or of `{error: "message"}`. */
export function errorIn(body: Fields): { readonly code?: string | undefined; readonly message?: string | undefined } {
  const { error, data } = body;
  const inner = typeof error === 'string' ? { message: error } : fieldsOf(error);
  return {
    code: readWord(body.code) ?? readWord(inner.code) ?? readWord(inner.type),
    // Some envelopes have the reason as text where the task belongs.
    message: readWord(body.message) ?? readWord(body.msg) ?? readWord(inner.message) ?? readWord(data),
  };
}

export const isOk = (status: number) => status >= 200 && status <= 299;

function kindOf(status: number, hasBody: boolean, code = ''): QueryErrorKind {
  const byStatus = isOk(status) || status > 599 ? 'server' : (firstMatch(KINDS, `${status}`) ?? 'misconfigured');
  if (/^(3|401|429)/.test(`${status}`)) return byStatus;
  // A CDN's page does not describe the task, whatever its status.
  if (!hasBody) return status >= 500 ? 'server' : 'malformed';
  // The code inside is closer to the cause than a bare 200 or 400; for the other statuses they agree, or the status is
  // more precise. The status of a gateway that could not ask its upstream does not describe our request.
  const byCode = firstMatch(KINDS, code);
  const isDecisive = status <= 299 || status === 400 || byCode === 'not-found' || byCode === 'malformed';
  return byCode && isDecisive && !(byCode === 'malformed' && byStatus === 'server') ? byCode : byStatus;
}

// By HTTP status, and by the codes in bodies: numbers, numeric texts and words.
const KINDS = {
  'not-found': /^(404|410)$|^task_?not_?(exist|found)/i,
  // The result wire's server answers a wrong key with HTTP 200 and "204" (https://docs.xingchaoyiqing.com).
  unauthorized: /^(204|401)$|unauthori[sz]ed|invalid_?(api_?key|token)|authentication/i,
  forbidden: /^(402|403)$|forbidden|permission|access_?denied|insufficient/i,
  'rate-limited': /^429$|rate_?limit|too_?many|throttl/i,
  timeout: /^(408|425)$/,
  // new-api's code where its own request to the upstream failed; 451 is what it passes on for a refused content.
  malformed: /^451$|^fail_to_fetch_task$/i,
  server: /^5\d\d$/,
} as const satisfies { readonly [Kind in QueryErrorKind]?: RegExp };

const CHECK_KEY = 'The task is not affected; check the API key and its quota.';
const CHECK_URL = 'Check the base URL.';

/** The remedy, for the end of a message. */
const ADVICE: { readonly [Kind in QueryErrorKind]?: string } = {
  unauthorized: CHECK_KEY,
  forbidden: CHECK_KEY,
  'not-found': 'Right after creation this passes; later the id is wrong, or the record deleted.',
  malformed: CHECK_URL,
  misconfigured: CHECK_URL,
};
