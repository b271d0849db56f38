import { describe, expect, test } from 'vitest';
import { generations, OBSERVED_AT, read, refusal, result, wires } from './reading.js';

const { generations: generationsWire, result: resultWire } = wires;
const url = 'https://cdn.example.com/v.mp4';

function completed(body: unknown, asked: Parameters<typeof read>[2] = {}) {
  const task = read(generationsWire, body, asked);
  if (task.status !== 'completed') throw new Error(`${task.status}, not completed`);
  return task;
}

function failureOf(body: unknown) {
  const task = read(generationsWire, body);
  if (task.status !== 'failed') throw new Error(`${task.status}, not failed`);
  return task.failure;
}

describe('status words', () => {
  const rows: [string, string[]][] = [
    ['failed', ['error', 'fail', 'failed', 'timeout', 'timed out', 'refunded', 'expired']],
    ['completed', ['done', 'success', 'succeeded', 'SUCCESS']],
    ['processing', ['generating', 'running', 'in_progress', 'In Progress', 'in-progress', 'IN-PROGRESS']],
    ['queued', ['queueing', 'queued', 'submitted', 'not_start', 'NOT-START', ' Not Start ']],
    ['cancelled', ['cancelled', 'canceled', 'CANCELED']],
    ['unknown', ['reviewing', 'paused', 'not', 'start', 'success_pending']],
  ];

  test.each(rows.flatMap(([status, words]) => words.map((word) => [word, status] as const)))(
    '%j is %s',
    (word, status) => {
      expect(read(generationsWire, generations({ status: word, result_url: url })).status).toBe(status);
      expect(read(resultWire, result({ status: word, video_url: url })).status).toBe(status);
    },
  );

  test.each(['not_found', 'NOT FOUND', 'task_not_exist'])('%j denies that there is such a task', (status) => {
    expect(refusal(generationsWire, generations({ status }))).toMatchObject({ kind: 'not-found', retryable: false });
  });

  test('a status under another name counts where there is none', () => {
    const kling = {
      task_id: 'x',
      task_status: 'succeed',
      task_result: { videos: [{ id: 'v', url, duration: '5.1' }] },
    };
    expect(completed({ code: 0, data: kling }).video.url).toBe(url);
    expect(read(generationsWire, { task_id: 'x', state: 'running' }).status).toBe('processing');
    expect(read(generationsWire, { task_id: 'x', status: 'queued', state: 'failed' }).status).toBe('queued');
  });
});

describe('places of the URL', () => {
  test.each<[string, object]>([
    ['metadata.url', { metadata: { url } }],
    ['metadata.content.video_url', { metadata: { content: { video_url: url } } }],
    ['content.result_url', { content: { result_url: url } }],
    ['data.creations[].url', { data: { creations: [{ id: '1', url, cover_url: 'https://c.example/c.jpg' }] } }],
    [
      'results[].url of type video',
      {
        results: [
          { type: 'image', url: 'https://c.example/a' },
          { type: 'video', url },
        ],
      },
    ],
    ['urls[]', { urls: ['https://c.example/cover.jpg', url] }],
    ['outputs.video_url', { outputs: { video_url: url } }],
    ['video.url', { video: { url } }],
    ['video_url.url', { video_url: { url } }],
    ['output.video_url of the upstream', { data: { output: { video_url: url } } }],
    ['the upstream as text', { data: JSON.stringify({ content: { video_url: url } }) }],
    ['an envelope as the upstream', { data: { code: 'success', data: { result_url: url } } }],
  ])('%s', (_, fields) => {
    expect(completed(generations({ status: 'SUCCESS', ...fields })).video.url).toBe(url);
    expect(completed({ id: 'x', status: 'completed', ...fields }).video.url).toBe(url);
  });

  test.each<[string, object]>([
    ['a reference video of the prompt', { content: [{ type: 'video_url', video_url: { url } }] }],
    ['an image', { url: 'https://c.example/a.png?x=1' }],
    ['another scheme', { metadata: { url: 'ftp://c.example/v.mp4' } }],
    ['a path of another host', { url: '//c.example/v.mp4' }],
    ['a backslash', { url: '/\\c.example/v.mp4' }],
    ['text', { video_url: 'generating' }],
  ])('%s is no video', (_, fields) => {
    expect(refusal(generationsWire, generations({ status: 'SUCCESS', ...fields })).code).toBe('no-video');
  });

  test('a relative URL is resolved against the base URL that was asked', () => {
    const body = generations({ status: 'SUCCESS', result_url: '/v1/videos/x/content' });
    const at = (baseUrl: string) => completed(body, { baseUrl }).video;
    expect(at('https://gw.example.com')).toMatchObject({
      url: 'https://gw.example.com/v1/videos/x/content',
      requiresKey: true,
    });
    expect(at('http://127.0.0.1:4000').url).toBe('http://127.0.0.1:4000/v1/videos/x/content');
    // A proxy serves the gateway's paths below its own.
    expect(at('https://gateway.example.com/acme').url).toBe('https://gateway.example.com/acme/v1/videos/x/content');
  });

  test('the key is required at the gateway’s own endpoint only', () => {
    const at = (result_url: string) =>
      completed(generations({ status: 'SUCCESS', result_url }), { baseUrl: 'https://gw.example.com' }).video;
    expect(at('https://gw.example.com/v1/videos/x/content').requiresKey).toBe(true);
    for (const other of [
      'https://gw.example.com/v1/videos/x.mp4',
      'https://cdn.example.com/v1/videos/x/content',
      'http://gw.example.com/v1/videos/x/content',
      'https://gw.example.com:8443/v1/videos/x/content',
      'https://gw.example.com.evil.example/v1/videos/x/content',
    ]) {
      expect(at(other)).not.toHaveProperty('requiresKey');
    }
  });

  test('of a model center task `video_url` comes first', () => {
    const body = { id: 'mcp_1', status: 'completed', result_url: 'https://h/1', video_url: 'https://h/2' };
    expect(read(resultWire, body, { id: 'mcp_1' })).toMatchObject({ video: { url: 'https://h/2' } });
    expect(read(resultWire, { ...body, id: 'x' })).toMatchObject({ video: { url: 'https://h/1' } });
  });
});

test('each id has its one path', () => {
  expect(resultWire.path('mcp_1')).toBe('/v2/model-center/tasks/mcp_1');
  for (const id of ['video_1', 'vgen_1', 'MCP_1', 'xmcp_1', 'mcp'])
    expect(resultWire.path(id)).toBe(`/v1/result/${id}`);
  expect(generationsWire.path('mcp_1')).toBe('/v1/video/generations/mcp_1');
});

describe('failures', () => {
  const failed = (fields: object) => failureOf(generations({ status: 'FAILURE', ...fields }));

  test('the most telling code wins, the outer message is kept', () => {
    const inner = { error: { code: 'OutputVideoSensitiveContentDetected', message: 'inner' } };
    expect(failed({ fail_reason: 'task failed, code: 500', data: inner })).toStrictEqual({
      message: 'task failed, code: 500',
      code: 'OutputVideoSensitiveContentDetected',
      kind: 'policy',
    });
    expect(failed({ fail_reason: '', data: inner }).message).toBe('inner');
    expect(failed({ fail_reason: 'null', data: inner }).message).toBe('inner');
    expect(failed({ data: JSON.stringify(inner) }).kind).toBe('policy');
    expect(failed({ fail_reason: JSON.stringify(inner) }).code).toBe('OutputVideoSensitiveContentDetected');
  });

  test.each<[object, string]>([
    [{ error: { code: 500, message: 'm' } }, 'provider'],
    [{ error: { code: 400, message: 'm' } }, 'invalid-input'],
    [{ data: { err_code: 'invalid_asset' } }, 'invalid-input'],
    [{ data: { output: { code: 'DataInspectionFailed', message: 'm' } } }, 'policy'],
    [{ error: { code: 0, message: 'm' } }, 'unknown'],
    [{ data: { status: 'expired' } }, 'expired'],
    [{ data: { status: 'cancelled' } }, 'unknown'],
  ])('%j is of kind %s', (fields, kind) => {
    expect(failed(fields).kind).toBe(kind);
  });

  test('no errors beside success', () => {
    for (const error of [{}, { code: 0, message: '' }, { code: 0, message: 'string' }]) {
      expect(completed({ task_id: 'x', status: 'completed', url, error }).video.url).toBe(url);
    }
  });

  test('an envelope that reports a failed request is no failed task', () => {
    for (const body of [
      { status: 'error', message: 'too many requests' },
      { status: 'fail', data: { title: 'a title is required' } },
      { status: 'fail', data: null },
      { code: 1001, status: 'error', msg: 'no balance', data: null },
    ]) {
      expect(refusal(generationsWire, body)).toMatchObject({ kind: 'server' });
    }
    expect(refusal(generationsWire, { status: 'success', data: { title: 'x' } }).kind).toBe('malformed');
    expect(read(generationsWire, { status: 'success', data: { status: 'processing', url } }).status).toBe('processing');
  });
});

describe('times and figures', () => {
  test.each([
    [1777288800, 1777288800000],
    [1777288800123, 1777288800123],
    ['2026-04-27T11:20:00Z', Date.UTC(2026, 3, 27, 11, 20)],
    ['2026-04-27 11:20:00', Date.UTC(2026, 3, 27, 11, 20)],
    ['2026-04-27T19:20:00.500+08:00', Date.UTC(2026, 3, 27, 11, 20, 0, 500)],
    ['2026-13-40T00:00:00Z', undefined],
    ['0001-01-01T00:00:00Z', undefined],
    [0, undefined],
  ])('time %j', (time, ms) => {
    for (const names of [
      { created_at: time, completed_at: time },
      { created: time, finished_at: time },
      { submit_time: time, finish_time: time },
    ]) {
      const task = completed({ id: 'x', status: 'completed', url, ...names });
      expect([task.createdAt, task.finishedAt]).toStrictEqual([ms, ms]);
    }
  });

  test('a finish time on a running task is none', () => {
    const body = { id: 'x', object: 'video', status: 'in_progress', progress: 0, completed_at: 1777288800 };
    expect(read(generationsWire, { code: 'success', data: body })).not.toHaveProperty('finishedAt');
  });

  test('figures under other names', () => {
    const metadata = { duration: 5, seed: 7, resolution: '480p', fps: 30, usage: { total_tokens: 9 } };
    expect(completed({ id: 'x', status: 'completed', url, metadata })).toMatchObject({
      video: { durationSeconds: 5, seed: 7, resolution: '480p', framesPerSecond: 30 },
      usage: { totalTokens: 9 },
    });
    expect(completed({ id: 'x', status: 'completed', url, seconds: '8' }).video.durationSeconds).toBe(8);
    expect(completed({ id: 'x', status: 'completed', url, usage: { duration: 5 } }).video.durationSeconds).toBe(5);
    expect(completed(generations({ status: 'SUCCESS', url, quota: 1200 })).usage?.amount).toBe(1200);
    const properties = { input: 'p', upstream_model_name: 'doubao' };
    expect(read(generationsWire, generations({ properties })).model).toBe('doubao');
  });

  test('what it cost and what follows', () => {
    const task = read(
      resultWire,
      result({ status: 'completed', video_url: url, amount: 0.32, last_frame_url: `${url}.png` }),
    );
    expect(task).toMatchObject({ usage: { amount: 0.32 }, video: { lastFrameUrl: `${url}.png` } });
    const ark = { content: { video_url: url, last_frame_url: 'https://h/l.png', cover_url: 'https://h/c.jpg' } };
    expect(completed(generations({ status: 'SUCCESS', data: ark })).video).toMatchObject({
      lastFrameUrl: 'https://h/l.png',
      coverUrl: 'https://h/c.jpg',
    });
    const bad = result({ status: 'completed', video_url: url, last_frame_url: 'none', amount: 'much' });
    expect(read(resultWire, bad)).toStrictEqual({
      ...{ id: 'x', provider: 'acme', status: 'completed', rawStatus: 'completed', observedAt: OBSERVED_AT },
      ...{ model: 'seedance_1_5_pro_720p', createdAt: 1761635478000 },
      video: { url, expiresAt: 1761635478000 + 86_400_000 },
    });
  });
});

describe('ids', () => {
  test.each<[string, object, boolean]>([
    ['task_id of another task', { data: { task_id: 'other', status: 'queued' } }, false],
    ['id of another task', { data: { id: 'other', status: 'queued' } }, false],
    ['flat id of another task', { id: 'other', status: 'queued' }, false],
    ['task_id beside the envelope', { code: 0, task_id: 'other', data: { status: 'queued' } }, false],
    ['none', { code: 0, data: { status: 'queued' } }, true],
    ['the upstream’s id beside ours', { data: { id: 'cgt-1', task_id: 'x', status: 'queued' } }, true],
    ['a number of the gateway’s own', { data: { id: 4711, status: 'queued' } }, true],
    ['the upstream’s id inside', { data: { task_id: 'x', status: 'queued', data: { id: 'cgt-1' } } }, true],
  ])('%s', (_, body, isTaken) => {
    if (isTaken) expect(read(generationsWire, body).status).toBe('queued');
    else expect(refusal(generationsWire, body).code).toBe('wrong-task');
  });
});

describe('errors of a poll', () => {
  const upstream = JSON.stringify({ error: { code: 'InvalidParameter', message: 'm' } });

  test.each([400, 451])('F22 HTTP %d of a gateway that could not ask its upstream is a missed poll', (http) => {
    const body = { code: 'fail_to_fetch_task', message: upstream, data: null };
    expect(refusal(generationsWire, body, { http })).toMatchObject({ kind: 'malformed', retryable: true });
  });

  test('a text where the task belongs', () => {
    expect(refusal(generationsWire, { code: 'success', data: 'task is queued' }).kind).toBe('malformed');
    expect(refusal(generationsWire, { code: 500, data: 'no such channel' }).message).toContain('no such channel');
    expect(read(generationsWire, generations({ data: 'a text' })).status).toBe('processing');
  });
});
