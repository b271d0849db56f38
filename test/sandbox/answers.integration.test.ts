import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startSandbox, type Sandbox, type SandboxTaskRef, type SandboxTaskRequest } from 'rx-video-tasks/sandbox';
import { ask, SERVICES, type Body, type GenerationsData } from './ask.js';

const START = Date.parse('2026-04-27T11:15:06.500Z');
const SECONDS = START / 1000 - 0.5;

let sandbox: Sandbox;
beforeEach(async () => {
  vi.useFakeTimers({ toFake: ['Date'], now: START });
  sandbox = await startSandbox({ seed: 7 });
});
afterEach(async () => {
  vi.useRealTimers();
  await sandbox.close();
});

/** The bodies of a task's answers, each once, in the order in which they come. */
async function history(ref: SandboxTaskRef, step = 1000, limit = 15 * 60_000): Promise<Body[]> {
  const bodies: Body[] = [];
  for (let age = 0; age <= limit; age += step) {
    vi.setSystemTime(START + age);
    const { status, body } = await ask(sandbox, ref);
    expect(status).toBe(200);
    if (JSON.stringify(body) !== JSON.stringify(bodies.at(-1))) bodies.push(body);
    if (/^(completed|failed|cancelled|SUCCESS|FAILURE)$/.test((body.data ?? body).status)) return bodies;
  }
  return bodies;
}

async function end(request: SandboxTaskRequest): Promise<Body> {
  return (await history(sandbox.create(request))).at(-1) as Body;
}

describe('the result wire', () => {
  test('answers as documented from the queue to the video', async () => {
    const ref = sandbox.create({ provider: 'xingchaoyiqing' });
    const common = { id: ref.id, object: 'video', created: SECONDS, model: 'seedance_1_5_pro_720p' };
    const [queued, processing, completed, ...more] = await history(ref);
    expect(queued).toStrictEqual({ ...common, status: 'queued', video_url: null, error: null });
    expect(processing).toStrictEqual({ ...common, status: 'processing', video_url: null, error: null });
    expect(completed).toStrictEqual({
      ...common,
      status: 'completed',
      video_url: expect.stringMatching(/^http:.*\.mp4\?Expires=\d{10}&Signature=\w+$/) as string,
      actualDuration: 5,
      error: null,
    });
    expect(more).toEqual([]);
  });

  test('has the reason of a failed task, and no video', async () => {
    const failed = await end({ provider: 'globalaiopc', outcome: 'failed', reason: 'no' });
    expect(failed).toMatchObject({ status: 'failed', video_url: null, error: 'no', model: 'veo_3_1_fast' });
    expect(failed).not.toHaveProperty('actualDuration');
    const drawn = await end({ provider: 'mingyan', outcome: 'failed' });
    expect(drawn.error).toMatch(/\S/);
  });

  test('cancels tasks of Seedance 1.5', async () => {
    const model = 'seedance_1_5_pro_480p';
    const ref = sandbox.create({ provider: 'xingchaoyiqing', model, outcome: 'cancelled' });
    expect((await history(ref)).at(-1)).toMatchObject({ status: 'cancelled', video_url: null, error: null, model });
  });

  test('deletes the record of a Seedance 1.5 task with its video, and keeps that of others', async () => {
    const gone = sandbox.create({ provider: 'xingchaoyiqing' });
    const kept = sandbox.create({ provider: 'mingyan' });
    vi.setSystemTime(START + 86_400_000 + 10 * 60_000);
    expect((await ask(sandbox, gone)).status).toBe(404);
    expect((await ask(sandbox, kept)).body).toMatchObject({ status: 'completed' });
  });
});

describe('the generations wire', () => {
  test('answers as documented from acceptance to the video', async () => {
    const ref = sandbox.create({ provider: 'alad' });
    const bodies = await history(ref);
    for (const { code, message, data } of bodies) {
      expect({ code, message }).toEqual({ code: 'success', message: '' });
      expect(data).toMatchObject({
        task_id: ref.id,
        action: 'generate',
        submit_time: SECONDS,
        request_id: expect.stringMatching(/^20260427111506500\w{8}$/) as string,
      });
    }
    const all = bodies.map(({ data }) => data);
    const words = all.map(({ status }) => status);
    expect([...new Set(words)]).toEqual(['NOT_START', 'QUEUED', 'IN_PROGRESS', 'SUCCESS']);

    expect(all[0]).toMatchObject({ progress: '0%', start_time: 0, finish_time: 0, fail_reason: '', data: null });
    expect(all[0]).not.toHaveProperty('result_url');
    const running = all.filter(({ status }) => status === 'IN_PROGRESS');
    const progress = running.map((data) => Number(/^(\d+)%$/.exec(data.progress)?.[1]));
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress[0]).toBeGreaterThanOrEqual(50);
    expect(progress.at(-1)).toBeLessThan(100);
    for (const data of running) {
      expect(data).toMatchObject({ finish_time: 0, fail_reason: '', data: { status: 'running' } });
      expect(data.data).not.toHaveProperty('model');
      expect(data.start_time).toBeGreaterThan(SECONDS);
    }

    const done = all.at(-1) as GenerationsData;
    expect(done).toMatchObject({
      progress: '100%',
      result_url: expect.stringMatching(/X-Tos-Date=20260427T\d{6}Z&X-Tos-Expires=86400&/) as string,
      fail_reason: done.result_url,
      data: {
        content: { video_url: done.result_url },
        model: 'doubao-seedance-2-0-260128',
        duration: 5,
        ratio: '16:9',
        resolution: '720p',
        framespersecond: 24,
        generate_audio: false,
        status: 'succeeded',
        usage: { completion_tokens: 108900, total_tokens: 108900 },
      },
    });
    expect(done.data.id).toMatch(/^cgt-20260427191506-[a-z0-9]{5}$/);
    expect(Number.isInteger(done.data.seed)).toBe(true);
    expect(done.finish_time - SECONDS).toBeGreaterThanOrEqual(60);
    expect(done.finish_time - SECONDS).toBeLessThanOrEqual(300);
    expect(done).not.toHaveProperty('original_result_url');
    expect(done.data).not.toHaveProperty('super_resolution');
  });

  test('begins its progress at 50%', async () => {
    const ref = sandbox.create({ provider: 'anyfast', outcome: 'never' });
    const shown = (await history(ref, 5000, 60 * 60_000)).map(({ data }) => [data.status, data.progress]);
    expect(shown.at(-1)).toEqual(['IN_PROGRESS', '50%']);
  });

  test('shows something new every 15 s only', async () => {
    const ref = sandbox.create({ provider: 'anyfast' });
    const changes: number[] = [];
    let before = '';
    for (let age = 0; age <= 330_000; age += 500) {
      vi.setSystemTime(START + age);
      const now = JSON.stringify((await ask(sandbox, ref)).body);
      if (age > 0 && now !== before) changes.push(age);
      before = now;
    }
    expect(changes.length).toBeGreaterThan(3);
    expect(new Set(changes.map((age) => age % 15_000)).size).toBe(1);
  });

  test('reads a super-resolution task: its original, its resolution and its bill', async () => {
    const done = (await end({ provider: 'alad', superResolution: true })).data;
    expect(done.result_url).toMatch(/\?preview=1&auth_key=\d{10}-\w+$/);
    expect(done.original_result_url).toMatch(/\/original\/\w+\.mp4\?X-Tos-/);
    expect(done.fail_reason).toBe(done.result_url);
    expect(done.data).toMatchObject({
      content: { video_url: done.original_result_url },
      resolution: '480p',
      super_resolution: '720p',
      usage: { completion_tokens: 50638, total_tokens: 50638, super_resolution_tokens: 114441 },
    });
  });

  test('has the reason of a failed task, at 100% and without a URL', async () => {
    const failed = (await end({ provider: 'anyfast', outcome: 'failed' })).data;
    expect(failed).toMatchObject({ status: 'FAILURE', progress: '100%' });
    expect(failed.fail_reason).toMatch(/^task failed, code: \w+, message: \S/);
    expect(failed.finish_time).toBeGreaterThanOrEqual(SECONDS);
    expect(failed).not.toHaveProperty('result_url');
    expect(failed).not.toHaveProperty('data');
    const silent = await end({ provider: 'anyfast', outcome: 'failed', reason: '' });
    expect(silent.data.fail_reason).toBe('');
  });

  test('has no start time for a task that failed in the queue', async () => {
    const times = new Set<boolean>();
    for (let n = 0; n < 40; n++) {
      const ref = sandbox.create({ provider: 'alad', outcome: 'failed' });
      vi.setSystemTime(START + 15 * 60_000);
      const { data } = (await ask(sandbox, ref)).body;
      vi.setSystemTime(START);
      if (data.start_time > 0) expect(data.finish_time).toBeGreaterThanOrEqual(data.start_time);
      times.add(data.start_time === 0);
    }
    expect(times).toEqual(new Set([true, false]));
  });
});

describe('refusals', () => {
  test.each(SERVICES)('%s refuses any key but its own, in its own way', async (provider) => {
    const { id } = sandbox.create({ provider });
    const other = SERVICES.find((name) => name !== provider) ?? 'alad';
    const { [provider]: key, [other]: foreign } = sandbox.keys;
    for (const authorization of ['', 'Bearer sk-wrong', key, `Bearer ${key} `.toLowerCase(), `Bearer ${foreign}`]) {
      const { status, body } = await ask(sandbox, { provider, id }, authorization);
      if (provider === 'anyfast' || provider === 'alad') {
        expect(status).toBe(401);
        expect(body).toMatchObject({ error: { type: 'new_api_error', message: 'Invalid token' } });
      } else {
        expect(status).toBe(200);
        expect(body).toEqual({ code: '204', msg: '登录验证失败' });
      }
    }
  });

  test.each(SERVICES)('%s knows no ids but those of its documented forms', async (provider) => {
    const isGateway = provider === 'anyfast' || provider === 'alad';
    const foreign = isGateway ? ['video_x', 'vgen_x', 'sora_x'] : ['asyntask_x'];
    const odd = ['x', 'task_1', 'VIDEO_x', 'asyntask_', 'video_', 'asyntask_a%20b', 'video_a%2Fb', 'video_a/b', '%ZZ'];
    for (const id of [...foreign, ...odd, `asyntask_${'a'.repeat(200)}`]) {
      const { status, body } = await ask(sandbox, { provider, id });
      expect([id, status]).toEqual([id, isGateway ? 400 : 404]);
      expect(body.code).toBe(isGateway ? 'task_not_exist' : 404);
    }
  });

  test('answers 429 with Retry-After beyond the rate limit, per key, until the second is over', async () => {
    await sandbox.close();
    sandbox = await startSandbox({ rateLimit: 2 });
    const [one, two] = [sandbox.create({ provider: 'alad' }), sandbox.create({ provider: 'mingyan' })];
    const statuses = async (ref: SandboxTaskRef, n: number) => {
      const answers = [];
      for (let i = 0; i < n; i++) answers.push(await ask(sandbox, ref));
      return answers.map(({ status, headers }) => [status, headers.get('retry-after')]);
    };
    expect(await statuses(one, 3)).toEqual([
      [200, null],
      [200, null],
      [429, '1'],
    ]);
    expect(await statuses(two, 1)).toEqual([[200, null]]);
    vi.setSystemTime(START + 1000);
    expect(await statuses(one, 1)).toEqual([[200, null]]);
  });

  test('lists its paths where there is nothing', async () => {
    const paths = ['/', '//', '/alad', '/alad/v1/result/video_x', '/videos', '/videos/nobody/a.mp4', '/sandbox/tasks'];
    for (const path of paths) {
      const response = await fetch(sandbox.url + path);
      expect([path, response.status]).toEqual([path, 404]);
      expect(await response.text()).toContain('GET /alad/v1/video/generations/{id}');
    }
    expect((await fetch(`${sandbox.url}/alad/v1/video/generations/asyntask_x`, { method: 'POST' })).status).toBe(404);
  });
});
