import { describe, expect, test } from 'vitest';
import { DAY, generations, OBSERVED_AT, read, refusal, result, wires } from './reading.js';

const { result: resultWire, generations: generationsWire } = wires;
const url = 'https://cdn.example.com/v.mp4';

function videoOf(task: ReturnType<typeof read>) {
  if (task.status !== 'completed') throw new Error(`${task.status}, not completed`);
  return task.video;
}

function failureOf(task: ReturnType<typeof read>) {
  if (task.status !== 'failed') throw new Error(`${task.status}, not failed`);
  return task.failure;
}

describe('traps of the wires', () => {
  test('trap 1: a reason beside SUCCESS is no failure, be it the URL or a text', () => {
    for (const fail_reason of [url, 'task failed, code: InvalidParameter', '', null]) {
      expect(videoOf(read(generationsWire, generations({ status: 'SUCCESS', result_url: url, fail_reason }))).url).toBe(
        url,
      );
    }
    const completed = result({ status: 'completed', video_url: url, error: 'stale' });
    expect(videoOf(read(resultWire, completed)).url).toBe(url);
  });

  test('trap 2: an error text where the URL belongs is the reason, never taken for a video', () => {
    const failed = read(generationsWire, generations({ status: 'FAILURE', result_url: 'upstream refused' }));
    expect(failureOf(failed).message).toBe('upstream refused');
    expect(failed).not.toHaveProperty('video');
    expect(failureOf(read(generationsWire, generations({ status: 'FAILURE', result_url: url }))).message).toBe(
      'no reason given',
    );
    for (const wrong of [
      'upstream refused',
      'ftp://h/v.mp4',
      'javascript:alert(1)',
      'data:video/mp4;base64,A',
      '//h/v',
      'https://h:99999/v',
      'http://[::1/v',
      'https://h/a b',
      5,
    ]) {
      const done = generations({ status: 'SUCCESS', result_url: wrong, fail_reason: '' });
      expect(refusal(generationsWire, done)).toMatchObject({ kind: 'malformed', code: 'no-video' });
    }
  });

  test('trap 3: the order of places where the URL may be', () => {
    const places: [string, object][] = [
      ['result_url', { result_url: 'https://h/1' }],
      ['video_url', { video_url: 'https://h/2' }],
      ['url', { url: 'https://h/3' }],
      ['content.video_url', { content: { video_url: 'https://h/4' } }],
      ['fail_reason', { fail_reason: 'https://h/5' }],
      ['data.data.content.video_url', { data: { content: { video_url: 'https://h/6' } } }],
    ];
    places.forEach((_, first) => {
      const fields = Object.assign({}, ...places.slice(first).map(([, field]) => field)) as object;
      expect(videoOf(read(generationsWire, generations({ status: 'SUCCESS', ...fields }))).url).toBe(
        `https://h/${first + 1}`,
      );
    });
    const both = result({
      status: 'completed',
      result_url: 'https://h/1',
      video_url: 'https://h/2',
      url: 'https://h/3',
    });
    expect(videoOf(read(resultWire, both)).url).toBe('https://h/1');
    expect(videoOf(read(resultWire, { ...both, result_url: 'soon' })).url).toBe('https://h/2');
  });

  test('trap 4: the outer status is the authority', () => {
    const inner = (status: string) => ({ data: { status, content: { video_url: url } } });
    expect(read(generationsWire, generations({ status: 'IN_PROGRESS', ...inner('succeeded') })).status).toBe(
      'processing',
    );
    expect(read(generationsWire, generations({ status: 'SUCCESS', ...inner('running') })).status).toBe('completed');
    expect(read(generationsWire, generations({ status: 'FAILURE', ...inner('succeeded') })).status).toBe('failed');
    // A flat task with its upstream's words in `data`.
    for (const wire of Object.values(wires)) {
      expect(read(wire, { id: 'x', status: 'processing', data: { status: 'failed' } }).status).toBe('processing');
    }
  });

  test('trap 5: completed without a URL is unfinished', () => {
    const error = refusal(resultWire, result({ status: 'completed' }));
    expect(error).toMatchObject({ kind: 'malformed', code: 'no-video', retryable: true });
    expect(error.message).toContain('completed');
    expect(refusal(generationsWire, generations({ status: 'SUCCESS', data: {} })).code).toBe('no-video');
  });

  test('trap 6: a missing task is not-found, whatever HTTP status says so', () => {
    for (const http of [200, 400, 404, 500]) {
      const body = { code: 'task_not_exist', message: 'task_not_exist', data: null };
      expect(refusal(generationsWire, body, { http })).toMatchObject({ kind: 'not-found', retryable: false });
    }
  });

  test('trap 7: 401 says nothing of the task, which may be running on', () => {
    const error = refusal(generationsWire, { error: { message: 'quota exhausted', code: '' } }, { http: 401 });
    expect(error).toMatchObject({ kind: 'unauthorized', retryable: false });
    expect(error.message).toMatch(/quota.*task is not affected; check the API key/s);
  });

  test('trap 8: a failure without a reason still has a message', () => {
    for (const fail_reason of ['', ' ', null, undefined, 5]) {
      expect(failureOf(read(generationsWire, generations({ status: 'FAILURE', fail_reason })))).toStrictEqual({
        message: 'no reason given',
        kind: 'unknown',
      });
    }
    for (const error of ['', null, {}, { message: '' }, [], 5]) {
      expect(failureOf(read(resultWire, result({ status: 'failed', error }))).message).toBe('no reason given');
    }
  });

  test('trap 9: empty bodies and pages of HTML are classified by what is known', () => {
    expect(refusal(resultWire, '', { http: 429 }).kind).toBe('rate-limited');
    expect(refusal(resultWire, '', { http: 500 }).kind).toBe('server');
    expect(refusal(resultWire, '<html>welcome</html>', { http: 200 }).kind).toBe('malformed');
    expect(refusal(resultWire, '<html>not here</html>', { http: 404 }).kind).toBe('malformed');
  });

  test('trap 10: times are seconds', () => {
    const task = read(generationsWire, generations({ status: 'FAILURE', finish_time: 1777288800 }));
    expect(new Date(task.createdAt ?? 0).getUTCFullYear()).toBe(2026);
    expect(task).toMatchObject({ createdAt: 1777288506000, startedAt: 1777288508000, finishedAt: 1777288800000 });
    expect(read(generationsWire, generations({ start_time: 0 }))).not.toHaveProperty('startedAt');
    expect(read(resultWire, result({ created: '1761635478' })).createdAt).toBe(1761635478000);
  });

  test('trap 11: a presigned URL is on the task, and in no enumeration but there', () => {
    const signed = `${url}?X-Tos-Signature=abcdef`;
    const task = read(resultWire, result({ status: 'completed', video_url: signed }));
    expect(videoOf(task).url).toBe(signed);
    expect(Object.keys(task)).not.toContain('raw');
  });

  test('trap 12: texts in any language pass through, codes decide', () => {
    expect(failureOf(read(resultWire, result({ status: 'failed', error: '内容违规' })))).toStrictEqual({
      message: '内容违规',
      kind: 'unknown',
    });
    expect(
      failureOf(read(resultWire, result({ status: 'failed', error: { code: 'SensitiveContent', message: '违规' } }))),
    ).toStrictEqual({ message: '违规', code: 'SensitiveContent', kind: 'policy' });
    const login = refusal(resultWire, { code: '204', msg: '登录验证失败' });
    expect(login.kind).toBe('unauthorized');
    expect(login.message).toContain('登录验证失败');
  });

  test('trap 13: a path takes the id as the caller encoded it', () => {
    expect(resultWire.path('a%2Fb')).toBe('/v1/result/a%2Fb');
    expect(generationsWire.path('a%2Fb')).toBe('/v1/video/generations/a%2Fb');
  });

  test('trap 14: a wire can ask and read, nothing else', () => {
    for (const wire of Object.values(wires)) expect(Object.keys(wire).sort()).toStrictEqual(['name', 'path', 'read']);
  });
});

describe('shapes', () => {
  test('the result wire wrapped in data, with and without a code', () => {
    const inner = result({ status: 'completed', video_url: url, totalTokens: '1200', object: 'video.generation' });
    for (const body of [{ data: inner }, { code: 0, msg: 'ok', data: inner }, { code: '200', data: inner }]) {
      const task = read(resultWire, body);
      expect(task).toMatchObject({ status: 'completed', usage: { totalTokens: 1200 }, video: { url } });
    }
  });

  test('an envelope with a code and a status word of its own', () => {
    for (const wire of Object.values(wires)) {
      const body = { code: 'success', status: 'success', data: { status: 'running' } };
      expect(read(wire, body).status).toBe('processing');
    }
  });

  test('the generations path answering with the two other bodies', () => {
    const other = {
      code: 'success',
      data: { task_id: 'x', status: 'succeeded', url, format: 'mp4', error: null, metadata: {} },
    };
    expect(videoOf(read(generationsWire, other)).url).toBe(url);
    const flat = {
      model: 'm',
      status: 'succeeded',
      content: { video_url: url },
      created_at: 1777288506,
      updated_at: 1777288600,
    };
    expect(read(generationsWire, flat)).toMatchObject({
      status: 'completed',
      model: 'm',
      createdAt: 1777288506000,
      video: { url },
    });
    const failed = { model: 'm', status: 'failed', error: { code: 'InternalError', message: 'oops' } };
    expect(failureOf(read(generationsWire, failed))).toStrictEqual({
      message: 'oops',
      code: 'InternalError',
      kind: 'provider',
    });
    expect(read(generationsWire, { model: 'm', status: 'submitted' }).status).toBe('queued');
  });

  test.each([
    null,
    {},
    [],
    'text',
    7,
    { code: 'success', data: { status: 'FAILURE' } },
    { usage: 3, content: 'no', seed: 'x' },
  ])('upstream data %j costs no status', (data) => {
    expect(read(generationsWire, generations({ status: 'SUCCESS', result_url: url, data }))).toMatchObject({
      status: 'completed',
      video: { url },
    });
  });

  test('originalUrl only where it is a URL and differs', () => {
    const done = (original_result_url: unknown) =>
      videoOf(read(generationsWire, generations({ status: 'SUCCESS', result_url: url, original_result_url })));
    expect(done('https://h/low.mp4').originalUrl).toBe('https://h/low.mp4');
    for (const none of [url, 'soon', '', null]) expect(done(none)).not.toHaveProperty('originalUrl');
  });

  test.each([
    ['SensitiveContentDetected', 'policy'],
    ['OutputVideoPolicyViolation', 'policy'],
    ['InvalidParameter', 'invalid-input'],
    ['InternalServiceError', 'provider'],
    ['TaskExpired', 'expired'],
    ['1234', 'unknown'],
  ])('failure code %s is of kind %s', (code, kind) => {
    expect(failureOf(read(resultWire, result({ status: 'failed', error: { code, message: 'm' } })))).toMatchObject({
      code,
      kind,
    });
    const reason = `task failed, code: ${code}, message: m`;
    expect(failureOf(read(generationsWire, generations({ status: 'FAILURE', fail_reason: reason })))).toStrictEqual({
      message: reason,
      code,
      kind,
    });
  });

  test('the status "expired" is a failure of that kind', () => {
    expect(failureOf(read(resultWire, result({ status: 'expired' }))).kind).toBe('expired');
  });

  test('a failure is of unknown kind where only its message has a reason', () => {
    expect(failureOf(read(resultWire, result({ status: 'failed', error: 'policy rejected' }))).kind).toBe('unknown');
  });
});

describe('when a video expires', () => {
  const expiryOf = (query: string, fields: object = {}) =>
    videoOf(read(generationsWire, generations({ status: 'SUCCESS', result_url: `${url}${query}`, ...fields })))
      .expiresAt;
  const signed = Date.UTC(2026, 3, 27, 11, 15, 5);

  test.each([
    ['?X-Tos-Date=20260427T111505Z&X-Tos-Expires=3600', signed + 3_600_000],
    ['?x-tos-date=20260427T111505Z&x-tos-expires=60', signed + 60_000],
    ['?X-Amz-Date=20260427T111505Z&X-Amz-Expires=86400', signed + DAY],
    ['?X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Date=20260427T111505Z&X-Goog-Expires=900', signed + 900_000],
    ['?x-oss-signature-version=OSS4-HMAC-SHA256&x-oss-date=20260427T111505Z&x-oss-expires=86400', signed + DAY],
    ['?Expires=1777300000&Signature=s', 1_777_300_000_000],
  ])('%s: by its own parameters', (query, at) => {
    expect(expiryOf(query)).toBe(at);
  });

  test.each([
    '',
    '?X-Tos-Date=yesterday&X-Tos-Expires=60',
    '?X-Tos-Date=20260427T111505Z',
    '?Expires=3600',
    '?Expires=never',
  ])('"%s" does not: a day from the end, else from the creation, else from now', (query) => {
    expect(expiryOf(query, { finish_time: 1777288800 })).toBe(1777288800000 + DAY);
    expect(expiryOf(query)).toBe(1777288506000 + DAY);
    expect(expiryOf(query, { submit_time: 0 })).toBe(OBSERVED_AT + DAY);
  });
});

describe('F26 odd progress and times are clamped or absent', () => {
  test.each([
    ['50%', 50],
    [' 50 % ', 50],
    ['100', 100],
    [33.5, 33.5],
    ['150%', 100],
    [-1, 0],
    ['-1%', 0],
    ['', undefined],
    ['%', undefined],
    ['NaN%', undefined],
    ['Infinity%', undefined],
    ['half', undefined],
    [null, undefined],
    [true, undefined],
    [[50], undefined],
  ])('F26 progress %j', (progress, expected) => {
    expect(read(generationsWire, generations({ progress })).progress).toBe(expected);
    expect(read(resultWire, result({ progress })).progress).toBe(expected);
  });

  test.each([
    [0, undefined],
    ['0', undefined],
    [-5, undefined],
    [2 ** 53 + 1, undefined],
    [1e300, undefined],
    ['soon', undefined],
    ['', undefined],
    [null, undefined],
    [{}, undefined],
    [1777288506, 1777288506000],
    [1777288506.5, 1777288506500],
    ['1777288506', 1777288506000],
    [1777288506123, 1777288506123],
  ])('F26 time %j', (time, expected) => {
    const times = { submit_time: time, start_time: time, finish_time: time };
    const task = read(generationsWire, generations({ status: 'FAILURE', ...times }));
    expect([task.createdAt, task.startedAt, task.finishedAt]).toStrictEqual([expected, expected, expected]);
    expect(read(resultWire, result({ created: time })).createdAt).toBe(expected);
  });
});

describe('F25 an answer for another id', () => {
  test('F25 is a miss', () => {
    for (const error of [
      refusal(resultWire, result({ id: 'other' }), { id: 'x' }),
      refusal(generationsWire, generations({}, 'other'), { id: 'x' }),
    ]) {
      expect(error).toMatchObject({ kind: 'malformed', code: 'wrong-task', retryable: true, id: 'x' });
      expect(error.message).toContain('other');
    }
  });

  test('F25 an answer that names no id is taken', () => {
    expect(read(resultWire, result({ id: undefined })).id).toBe('x');
  });
});

describe('F27 hostile JSON', () => {
  const deep = (depth: number) => '[{"data":'.repeat(depth) + '1' + '}]'.repeat(depth);

  test.each(Object.entries(wires))('F27 100,000 levels deep on the %s wire', (_, wire) => {
    expect(refusal(wire, deep(50_000)).kind).toBe('malformed');
    expect(read(wire, `{"status":"running","data":${deep(50_000)},"error":${deep(50_000)}}`).status).toBe('processing');
    expect(refusal(wire, '{"data":'.repeat(100_000) + '1' + '}'.repeat(100_000)).kind).toBe('malformed');
  });

  test.each(Object.entries(wires))('F27 __proto__ pollutes nothing on the %s wire', (_, wire) => {
    const evil = '{"__proto__":{"status":"completed","polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    expect(refusal(wire, evil).kind).toBe('malformed');
    expect(refusal(wire, `{"code":"success","data":${evil}}`).kind).toBe('malformed');
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
    const task = read(wire, '{"status":"running","__proto__":{"progress":7},"toString":1,"code":{"toString":1}}');
    expect(task).toMatchObject({ status: 'processing' });
    expect(task.progress).toBeUndefined();
  });

  test('F27 of duplicate keys the last counts', () => {
    expect(read(resultWire, '{"id":"x","status":"failed","status":"running"}').status).toBe('processing');
  });

  test('F27 lone surrogates are text like any other', () => {
    const task = read(resultWire, '{"id":"x","status":"failed","error":"\\ud800 no"}');
    expect(failureOf(task).message).toBe('\ud800 no');
    expect(refusal(resultWire, '{"id":"\\ud800","status":"failed"}').code).toBe('wrong-task');
  });

  test('F27 objects where texts belong, down to their toString', () => {
    const nasty = { toString: 1, valueOf: null };
    for (const field of ['code', 'message', 'msg', 'error', 'id', 'data', 'success']) {
      for (const http of [200, 400, 500]) {
        expect(() => refusal(resultWire, { [field]: nasty }, { http })).not.toThrow();
      }
    }
  });
});
