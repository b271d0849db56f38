import { describe, expect, test } from 'vitest';
import { generations, read, refusal, result, wires } from './reading.js';

const RETRYABLE = ['rate-limited', 'server', 'network', 'timeout', 'malformed'];
const json = '{"message":"no"}';
const html = '<!doctype html><title>no</title>';

describe.each(Object.entries(wires))('replies that tell of no task, on the %s wire', (_, wire) => {
  test.each([
    // HTTP, and what a JSON body, HTML and an empty body with it mean
    [200, 'malformed', 'malformed', 'malformed'],
    [204, 'malformed', 'malformed', 'malformed'],
    [301, 'misconfigured', 'misconfigured', 'misconfigured'],
    [302, 'misconfigured', 'misconfigured', 'misconfigured'],
    [308, 'misconfigured', 'misconfigured', 'misconfigured'],
    [400, 'misconfigured', 'malformed', 'malformed'],
    [401, 'unauthorized', 'unauthorized', 'unauthorized'],
    [402, 'forbidden', 'malformed', 'malformed'],
    [403, 'forbidden', 'malformed', 'malformed'],
    [404, 'not-found', 'malformed', 'malformed'],
    [405, 'misconfigured', 'malformed', 'malformed'],
    [408, 'timeout', 'malformed', 'malformed'],
    [410, 'not-found', 'malformed', 'malformed'],
    [418, 'misconfigured', 'malformed', 'malformed'],
    [422, 'misconfigured', 'malformed', 'malformed'],
    [425, 'timeout', 'malformed', 'malformed'],
    // What a gateway passes on for a content that its upstream refuses.
    [451, 'malformed', 'malformed', 'malformed'],
    [429, 'rate-limited', 'rate-limited', 'rate-limited'],
    [500, 'server', 'server', 'server'],
    [502, 'server', 'server', 'server'],
    [503, 'server', 'server', 'server'],
    [520, 'server', 'server', 'server'],
    [524, 'server', 'server', 'server'],
  ])('HTTP %d: %s with JSON, %s with HTML, %s when empty', (http, withJson, withHtml, whenEmpty) => {
    for (const [body, kind] of [
      [json, withJson],
      [html, withHtml],
      ['', whenEmpty],
      [' \n', whenEmpty],
    ] as const) {
      const error = refusal(wire, body, { http });
      expect(error).toMatchObject({
        kind,
        retryable: RETRYABLE.includes(kind),
        httpStatus: http,
        provider: 'acme',
        id: 'x',
      });
      expect(error.message).toMatch(/^acme returned no usable status for task x: /);
    }
  });

  test('a task under an error status is ignored', () => {
    const bodies = [result({ status: 'completed', video_url: 'https://h/v' }), generations({ status: 'FAILURE' })];
    for (const body of bodies) expect(refusal(wire, body, { http: 503 }).kind).toBe('server');
  });

  // HTTP 200 or 400, and a code in the body
  test.each([
    ['204', 'unauthorized', 'unauthorized'],
    [401, 'unauthorized', 'unauthorized'],
    ['401', 'unauthorized', 'unauthorized'],
    ['invalid_api_key', 'unauthorized', 'unauthorized'],
    ['Unauthorized', 'unauthorized', 'unauthorized'],
    [402, 'forbidden', 'forbidden'],
    [403, 'forbidden', 'forbidden'],
    ['access_denied', 'forbidden', 'forbidden'],
    ['insufficient_user_quota', 'forbidden', 'forbidden'],
    [404, 'not-found', 'not-found'],
    ['410', 'not-found', 'not-found'],
    ['task_not_exist', 'not-found', 'not-found'],
    ['TaskNotFound', 'not-found', 'not-found'],
    [408, 'timeout', 'timeout'],
    [429, 'rate-limited', 'rate-limited'],
    ['rate_limit_exceeded', 'rate-limited', 'rate-limited'],
    ['TooManyRequests', 'rate-limited', 'rate-limited'],
    [500, 'server', 'server'],
    ['503', 'server', 'server'],
    [400, 'server', 'misconfigured'],
    [1001, 'server', 'misconfigured'],
    // new-api could not ask its upstream: nothing is wrong with our request.
    ['fail_to_fetch_task', 'server', 'malformed'],
    ['constructor', 'server', 'misconfigured'],
  ])('code %j in the body: %s under HTTP 200, %s under 400', (code, under200, under400) => {
    for (const body of [
      { code, msg: 'm', data: null },
      { error: { code, message: 'm' } },
      { error: { type: code, message: 'm' } },
    ]) {
      expect(refusal(wire, body, { http: 200 })).toMatchObject({ kind: under200, code: String(code) });
      expect(refusal(wire, body, { http: 400 })).toMatchObject({ kind: under400, code: String(code) });
    }
  });

  test('the HTTP status knows better than a code, but for a missing task', () => {
    expect(refusal(wire, { code: 500 }, { http: 401 }).kind).toBe('unauthorized');
    expect(refusal(wire, { code: 'rate_limit' }, { http: 403 }).kind).toBe('forbidden');
    expect(refusal(wire, { code: 401 }, { http: 503 }).kind).toBe('server');
    expect(refusal(wire, { code: 'task_not_exist' }, { http: 500 }).kind).toBe('not-found');
  });

  // F22: HTTP 200, and an error all the same.
  test.each([
    ['unauthorized', { code: '204', msg: '登录验证失败' }],
    ['unauthorized', { code: 401, msg: 'invalid key', data: null }],
    ['forbidden', { code: 403, msg: 'no', data: null }],
    ['not-found', { code: 'task_not_exist', message: 'task_not_exist', data: null }],
    ['not-found', { code: '404', msg: 'no such task' }],
    ['rate-limited', { code: 429, msg: 'slow down', data: {} }],
    ['server', { code: 500, msg: 'oops', data: null }],
    ['server', { code: 'fail_to_fetch_task', message: 'upstream', data: null }],
    ['unauthorized', { error: { message: 'Invalid token', type: 'authentication_error', code: '' } }],
    ['server', { error: 'something broke' }],
    ['server', { success: false, message: 'later' }],
    ['malformed', { code: 'success', message: '', data: null }],
  ])('F22 HTTP 200 that is %s: %j', (kind, body) => {
    expect(refusal(wire, body)).toMatchObject({ kind, httpStatus: 200 });
  });

  test.each(['{}', '[]', 'null', 'true', '7', '"completed"', '{"status":"completed"', '[{"status":"completed"}]'])(
    'F22 %s is no status',
    (body) => {
      expect(refusal(wire, body).kind).toBe('malformed');
    },
  );

  test('F12 HTML with HTTP 200 is a miss; a byte order mark is none', () => {
    expect(refusal(wire, html)).toMatchObject({ kind: 'malformed', retryable: true });
    expect(read(wire, `\uFEFF${JSON.stringify(result({ status: 'queued' }))}`).status).toBe('queued');
  });

  test('a task that failed is no error reply', () => {
    expect(read(wire, { id: 'x', status: 'failed', error: { message: 'no' } }).status).toBe('failed');
  });

  test('the error carries the code and message of the reply', () => {
    const reply = { status: 429, body: '', retryAfterMs: 7_000, requestId: 'trace-1' };
    const context = { provider: 'acme', id: 'x', observedAt: 0, retention: 0, redact: (text: string) => `<${text}>` };
    expect(() => wire.read(reply, context)).toThrow(
      expect.objectContaining({ kind: 'rate-limited', retryAfterMs: 7_000, requestId: 'trace-1' }),
    );
    const echo = { status: 401, body: JSON.stringify({ code: 'c', message: 'm' }) };
    expect(() => wire.read(echo, context)).toThrow(expect.objectContaining({ code: '<c>' }));
    expect(() => wire.read(echo, context)).toThrow('HTTP 401 [<c>]: <m>');
  });
});
