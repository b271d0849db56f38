import { QueryError, type QueryErrorKind } from '../errors.js';
import { isObject } from './fields.js';
import type { ReadContext, Reply } from './wire.js';

type Json = Readonly<Record<string, unknown>>;

/** The JSON object of a reply that carries one; an error reply, whatever HTTP status it hides behind, throws. */
export function openEnvelope(reply: Reply, context: ReadContext): Json {
  const body = parse(reply.body);
  const isError = reply.status < 200 || reply.status > 299;
  if (!isError && body && isSuccessCode(body['code']) && !isBareError(body)) return body;
  throw refusal(reply, body, context);
}

export function malformed(what: string, code: string | undefined, reply: Reply, context: ReadContext): QueryError {
  return queryError('malformed', what, code, reply, context);
}

function parse(text: string): Json | undefined {
  try {
    const body: unknown = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text);
    return isObject(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

// `{code: "success"}` on the generations wire, `{code: 0}` on the result wire; a plain task has no code at all.
function isSuccessCode(code: unknown): boolean {
  return code === undefined || code === null || ['success', '', '0', '200'].includes(String(code).trim().toLowerCase());
}

/** An error object where a task should be. (A task that failed has a status beside its error.) */
function isBareError(body: Json): boolean {
  const hasTask = typeof body['status'] === 'string' || isObject(body['data']);
  return !hasTask && (isObject(body['error']) || typeof body['error'] === 'string');
}

function refusal(reply: Reply, body: Json | undefined, context: ReadContext): QueryError {
  const { status } = reply;
  const inner = isObject(body?.['error']) ? body['error'] : undefined;
  const code = firstText(body?.['code'], inner?.['code'], inner?.['type']);
  const said = firstText(body?.['message'], body?.['msg'], inner?.['message'], body?.['error']);
  const kind = kindOf(status, body !== undefined, code);
  const answer = status >= 200 && status <= 299 ? 'an error' : `HTTP ${status}`;
  const what =
    body === undefined && kind === 'malformed'
      ? `HTTP ${status} without a JSON object${reply.body.trim() === '' ? ' (empty body)' : ''}`
      : `${answer}${code === undefined ? '' : ` [${context.redact(code)}]`}${said === undefined ? '' : `: ${context.redact(said)}`}`;
  return queryError(kind, what, code, reply, context);
}

function kindOf(status: number, hasBody: boolean, code: string | undefined): QueryErrorKind {
  if (status >= 300 && status <= 399) return 'misconfigured';
  const byStatus = kindOfStatus(status);
  if (status === 401 || status === 429) return byStatus;
  // A CDN's page says nothing of the task, whatever its status.
  if (!hasBody) return status >= 500 ? 'server' : 'malformed';
  // The code inside is closer to the cause than a bare 200 or 400; for the other statuses they agree, or the status knows better.
  const byCode = kindOfCode(code);
  if (byCode === 'not-found' || status < 300 || status === 400) return byCode ?? (status < 300 ? 'server' : byStatus);
  return byStatus;
}

function kindOfStatus(status: number): QueryErrorKind {
  if (status === 401) return 'unauthorized';
  if (status === 402 || status === 403) return 'forbidden';
  if (status === 404 || status === 410) return 'not-found';
  if (status === 408 || status === 425) return 'timeout';
  if (status === 429) return 'rate-limited';
  if (status >= 400 && status <= 499) return 'misconfigured';
  return 'server';
}

// Codes come as numbers, numeric texts and words. The result wire's server says "204" where the key is wrong.
function kindOfCode(code: string | undefined): QueryErrorKind | undefined {
  if (code === undefined) return undefined;
  if (/^\d+$/.test(code)) {
    const kind = code === '204' ? 'unauthorized' : kindOfStatus(Number(code));
    return kind === 'misconfigured' ? undefined : kind;
  }
  if (/^task_?not_?(exist|found)/i.test(code)) return 'not-found';
  if (/unauthori[sz]ed|invalid_?(api_?key|token)|authentication/i.test(code)) return 'unauthorized';
  if (/forbidden|permission|access_?denied|insufficient/i.test(code)) return 'forbidden';
  if (/rate_?limit|too_?many|throttl/i.test(code)) return 'rate-limited';
  return undefined;
}

function queryError(
  kind: QueryErrorKind,
  what: string,
  code: string | undefined,
  { status, retryAfterMs, requestId }: Reply,
  { provider, id, redact }: ReadContext,
): QueryError {
  return new QueryError(kind, `${provider} did not tell of task ${id}: ${what}. ${ADVICE[kind]}`, {
    code: code === undefined ? undefined : redact(code),
    httpStatus: status,
    retryAfterMs,
    requestId,
    provider,
    id,
  });
}

/** What to do about each kind, for the end of a message. */
const ADVICE = {
  unauthorized: 'Check the API key; an exhausted quota is answered like this too. The task may still be running.',
  forbidden: 'This key may not ask about the task. The task may still be running.',
  'not-found': 'Right after creation this passes; later it means a wrong id, another account, or a deleted record.',
  'rate-limited': 'Too many requests for this key. The task is not affected.',
  server: 'The service has a problem. The task is not affected by the failed query.',
  network: 'The service could not be reached. The task is not affected.',
  timeout: 'Ask again. The task is not affected.',
  malformed: 'Ask again; if it goes on, check the base URL.',
  misconfigured: 'Check the base URL and the task id: asking again the same way is pointless.',
  expired: 'The service keeps records for a day only.',
} as const satisfies Record<QueryErrorKind, string>;

function firstText(...values: unknown[]): string | undefined {
  for (const value of values) {
    if (typeof value === 'string' && value.trim() !== '') return value.trim();
    if (typeof value === 'number') return String(value);
  }
  return undefined;
}
