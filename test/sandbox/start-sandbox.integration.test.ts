import { createServer } from 'node:net';
import { once } from 'node:events';
import { lastValueFrom, take, toArray, type Observable } from 'rxjs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  createTracker,
  fetchTransport,
  isTrackingError,
  resultWindows,
  windowOf,
  type Task,
  type TrackedTask,
  type Transport,
} from 'rx-video-tasks';
import { undiciTransport } from 'rx-video-tasks/node';
import { startSandbox, type Sandbox, type SandboxOptions, type SandboxTaskRequest } from 'rx-video-tasks/sandbox';
import { ask, SERVICES } from './ask.js';
import { until } from '../waiting.js';

const running: Sandbox[] = [];
async function start(options?: SandboxOptions): Promise<Sandbox> {
  const sandbox = await startSandbox(options);
  running.push(sandbox);
  return sandbox;
}
afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(running.splice(0).map((sandbox) => sandbox.close()));
});

const all = <T>(source: Observable<T>) => lastValueFrom(source.pipe(toArray()), { defaultValue: [] as T[] });
const last = async <T>(source: Observable<T>) => (await all(source)).at(-1) as T;

const SPEED = 300;
const statuses = (tasks: readonly TrackedTask[]) => [...new Set(tasks.map(({ status }) => status))];

/** The orders in which statuses may come. A busy machine may miss the shorter ones. */
const ORDERS = ['queued,processing,completed', 'queued,completed', 'processing,completed', 'completed'];

describe.each([
  ['fetchTransport', () => Object.assign(fetchTransport(), { close: () => Promise.resolve() })],
  ['undiciTransport', () => undiciTransport()],
] as const)('with a tracker over %s', (_name, makeTransport) => {
  const withTracker = async (use: (sandbox: Sandbox, transport: Transport) => Promise<void>) => {
    const transport = makeTransport();
    try {
      await use(await start({ speed: SPEED, seed: 11 }), transport);
    } finally {
      await transport.close();
    }
  };

  test('brings a task of each service from the queue to its video', () =>
    withTracker(async (sandbox, transport) => {
      const tracker = createTracker({ provider: sandbox.providers, speed: sandbox.speed, transport });
      const refs = SERVICES.map((provider) => sandbox.create({ provider }));
      const seen = await all(tracker.trackAll(refs));
      for (const { id, provider } of refs) {
        const own = seen.filter((task) => task.id === id && task.provider === provider);
        expect(ORDERS).toContain(statuses(own).join());
        const last = own.at(-1) as Extract<Task, { status: 'completed' }>;
        expect(last.video.durationSeconds).toBe(5);
        expect((await fetch(last.video.url)).status).toBe(200);
      }
    }));

  test('has replies for failures, cancellations and super-resolution', () =>
    withTracker(async (sandbox, transport) => {
      const tracker = createTracker({ provider: sandbox.providers, speed: sandbox.speed, transport });
      const end = (request: SandboxTaskRequest) => last(tracker.track(sandbox.create(request)));
      const [failed, refused, cancelled, enhanced] = await Promise.all([
        end({ provider: 'mingyan', outcome: 'failed', reason: 'too dark' }),
        end({ provider: 'alad', outcome: 'failed', reason: 'task failed, code: InvalidParameter, message: no' }),
        end({ provider: 'xingchaoyiqing', outcome: 'cancelled' }),
        end({ provider: 'anyfast', superResolution: true }),
      ]);
      expect(failed).toMatchObject({ status: 'failed', failure: { message: 'too dark' } });
      expect(refused).toMatchObject({ status: 'failed', failure: { code: 'InvalidParameter', kind: 'invalid-input' } });
      expect(cancelled.status).toBe('cancelled');
      expect(enhanced).toMatchObject({
        status: 'completed',
        model: 'doubao-seedance-2-0-260128',
        video: { resolution: '720p', originalUrl: expect.stringContaining('/original/asyntask_') as string },
        usage: { totalTokens: 50638, billedTokens: 114441 },
      });
    }));

  test('answers for tasks that were not created, and refuses odd ids and odd keys', () =>
    withTracker(async (sandbox, transport) => {
      const options = { speed: sandbox.speed, transport };
      const tracker = createTracker({ provider: sandbox.providers, ...options, retry: { notFoundGrace: 0 } });
      const ids = {
        alad: 'asyntask_demo',
        mingyan: 'video_demo',
        globalaiopc: 'vgen_demo',
        xingchaoyiqing: 'sora_demo',
      };
      const refs = Object.entries(ids).map(([provider, id]) => ({ provider, id }));
      const ends = await Promise.all(refs.map((ref) => last(tracker.track(ref))));
      expect(ends.map(({ status }) => status)).toEqual(refs.map(() => 'completed'));
      expect(ends.map(({ model }) => model).sort()).toEqual(
        ['doubao-seedance-2-0-260128', 'sora-2', 'veo_3_1_fast', 'videos'].sort(),
      );

      for (const provider of SERVICES) {
        const lost = tracker.query({ provider, id: 'who' });
        await expect(last(lost)).rejects.toMatchObject({ kind: 'not-found' });
      }

      const providers = sandbox.providers.map((provider) => ({ ...provider, apiKey: () => 'sk-wrong' }));
      const stranger = createTracker({ provider: providers, ...options });
      for (const provider of SERVICES) {
        const ref = sandbox.create({ provider });
        await expect(last(stranger.query(ref))).rejects.toMatchObject({ kind: 'unauthorized' });
        await expect(last(stranger.track(ref))).rejects.toSatisfy(isTrackingError);
      }
    }));
});

describe('a seed', () => {
  test('gives the same keys, ids and lifecycles again, in whatever order tasks are asked about', async () => {
    const START = Date.parse('2026-01-01T00:00:00Z');
    vi.useFakeTimers({ toFake: ['Date'], now: START });
    const run = async (seed: number, order: (ids: string[]) => string[]) => {
      vi.setSystemTime(START);
      const sandbox = await start({ seed });
      const created = SERVICES.map((provider) => sandbox.create({ provider }).id);
      const answers = new Map<string, unknown[]>();
      for (let age = 0; age <= 480_000; age += 20_000) {
        vi.setSystemTime(START + age);
        for (const id of order(['asyntask_a', 'asyntask_b', 'asyntask_c'])) {
          const { body } = await ask(sandbox, { provider: 'alad', id });
          answers.set(id, [...(answers.get(id) ?? []), withoutOrigin(body, sandbox)]);
        }
      }
      return { keys: sandbox.keys, seed: sandbox.seed, created, answers };
    };
    const first = await run(5, (ids) => ids);
    expect(await run(5, (ids) => ids.reverse())).toEqual(first);
    const other = await run(6, (ids) => ids);
    expect(other.keys).not.toEqual(first.keys);
    expect(other.created).not.toEqual(first.created);
    expect(other.answers).not.toEqual(first.answers);
    expect(first.answers.get('asyntask_a')).not.toEqual(first.answers.get('asyntask_b'));
  });

  test('is random where none is given, and returned', async () => {
    const [one, two] = [await start(), await start()];
    expect(one.seed).not.toBe(two.seed);
    expect((await start({ seed: one.seed })).keys).toEqual(one.keys);
  });
});

const withoutOrigin = (body: unknown, { url }: Sandbox): unknown =>
  JSON.parse(JSON.stringify(body).replaceAll(url, ''));

test('takes every generation time from the documented range of its model, and from all of it', async () => {
  const START = Date.parse('2026-01-01T00:00:00Z');
  vi.useFakeTimers({ toFake: ['Date'], now: START });
  const sandbox = await start({ seed: 3, speed: 2 });
  for (const model of ['seedance_1_5_pro_480p', 'veo_3_1', 'sora-2', 'viduq3-turbo', 'anything']) {
    const [shortest = 0, longest = 0] = windowOf(resultWindows, model).generation ?? [];
    const halves = new Set<boolean>();
    for (let n = 0; n < 30; n++) {
      const ref = sandbox.create({ provider: 'globalaiopc', model });
      const statusAt = async (ms: number) => {
        vi.setSystemTime(START + ms / 2);
        const { status } = (await ask(sandbox, ref)).body as { status: string };
        vi.setSystemTime(START);
        return status;
      };
      expect(await statusAt(0)).toBe('queued');
      expect(await statusAt(shortest - 2)).toBe('processing');
      expect(await statusAt(longest + 2)).toBe('completed');
      halves.add((await statusAt((shortest + longest) / 2)) === 'completed');
    }
    expect(halves.size).toBe(2);
  }
});

describe('tasks', () => {
  test('have ids of the documented forms, all different', async () => {
    const sandbox = await start();
    const id = (request: SandboxTaskRequest) => sandbox.create(request).id;
    expect(id({ provider: 'xingchaoyiqing' })).toMatch(/^video_\w{32}$/);
    expect(id({ provider: 'globalaiopc' })).toMatch(/^vgen_\w{32}$/);
    expect(id({ provider: 'mingyan', model: 'sora-2-pro' })).toMatch(/^sora_\w{32}$/);
    expect(id({ provider: 'alad' })).toMatch(/^asyntask_\w{32}$/);
    expect(new Set(Array.from({ length: 500 }, () => id({ provider: 'alad' }))).size).toBe(500);
  });

  test('belong to one service each', async () => {
    const sandbox = await start({ seed: 1 });
    const { id } = sandbox.create({ provider: 'mingyan', model: 'videos_fast' });
    expect((await ask(sandbox, { provider: 'mingyan', id })).body).toMatchObject({ model: 'videos_fast' });
    expect((await ask(sandbox, { provider: 'xingchaoyiqing', id })).body).not.toMatchObject({ model: 'videos_fast' });
  });

  test('are refused where their service could not have them', async () => {
    const sandbox = await start();
    for (const [request, message] of [
      [undefined, 'provider: undefined'],
      [{}, 'provider: undefined'],
      [{ provider: 'openai' }, 'write one of: xingchaoyiqing, mingyan, globalaiopc, anyfast, alad'],
      [{ provider: 'alad', model: '' }, 'write for example model: "seedance"'],
      [{ provider: 'alad', model: 7 }, 'model: 7'],
      [{ provider: 'alad', outcome: 'lost' }, 'write one of: completed, failed, cancelled, never'],
      [{ provider: 'alad', outcome: 'cancelled' }, 'documents no "cancelled"'],
      [{ provider: 'mingyan', outcome: 'cancelled' }, 'documents no "cancelled"'],
      [{ provider: 'mingyan', superResolution: true }, 'write provider: "anyfast" or "alad"'],
      [{ provider: 'alad', superResolution: 'yes' }, 'write true or false'],
      [{ provider: 'alad', reason: 'why' }, 'outcome: "failed" with it'],
      [{ provider: 'alad', outcome: 'failed', reason: 7 }, 'reason: 7'],
    ] as const) {
      const create = () => sandbox.create(request as unknown as SandboxTaskRequest);
      expect(create).toThrow(TypeError);
      expect(create).toThrow(message);
    }
  });

  test('are created over HTTP too', async () => {
    const sandbox = await start();
    const post = async (body: string) => {
      const response = await fetch(`${sandbox.url}/sandbox/tasks`, { method: 'POST', body });
      return { status: response.status, body: (await response.json()) as { id: string } & Record<string, unknown> };
    };
    const before = Date.now();
    const { status, body } = await post('{"provider": "mingyan", "model": "videos_fast", "outcome": "never"}');
    expect(status).toBe(201);
    expect(body).toMatchObject({ provider: 'mingyan', model: 'videos_fast' });
    expect(body['createdAt']).toBeGreaterThanOrEqual(before);
    const { id } = body;
    expect((await ask(sandbox, { provider: 'mingyan', id })).body).toMatchObject({ id, status: 'queued' });
    for (const [text, code, message] of [
      ['', 400, 'the body is not JSON'],
      ['{', 400, 'the body is not JSON'],
      ['null', 400, 'provider: undefined'],
      ['[]', 400, 'provider: undefined'],
      ['"alad"', 400, 'provider: undefined'],
      ['{"provider": "openai"}', 400, 'write one of'],
      ['{"provider": "alad", "outcome": "lost"}', 400, 'outcome'],
      [`{"provider": "alad", "model": "${'x'.repeat(100_000)}"}`, 413, 'larger than'],
    ] as const) {
      const answer = await post(text);
      expect([text.slice(0, 40), answer.status]).toEqual([text.slice(0, 40), code]);
      expect(JSON.stringify(answer.body)).toContain(message);
    }
  });
});

describe('options', () => {
  test.each([
    [{ speed: 0 }, 'speed: 0'],
    [{ speed: -1 }, 'speed: -1'],
    [{ speed: NaN }, 'write a number above 0'],
    [{ speed: Infinity }, 'speed: Infinity'],
    [{ speed: '60' }, 'speed: "60"'],
    [{ seed: NaN }, 'seed: NaN'],
    [{ seed: 'abc' }, 'seed: "abc"'],
    [{ port: -1 }, 'port: -1'],
    [{ port: 65_536 }, 'port: 65536'],
    [{ port: 80.5 }, 'port: 80.5'],
    [{ retention: 0 }, 'retention: 0'],
    [{ retention: Infinity }, 'retention: Infinity'],
    [{ rateLimit: 0 }, 'rateLimit: 0'],
    [{ rateLimit: NaN }, 'rateLimit: NaN'],
  ])('refuses %o', async (options, message) => {
    const starting = start(options as SandboxOptions);
    await expect(starting).rejects.toThrow(RangeError);
    await expect(starting).rejects.toThrow(message);
  });

  test.each(['0.0.0.0', '::', '192.168.0.1', 'example.com', ''])('refuses to listen on %o', async (host) => {
    const starting = start({ host } as unknown as SandboxOptions);
    await expect(starting).rejects.toThrow(TypeError);
    await expect(starting).rejects.toThrow("write '127.0.0.1'");
  });

  test('rejects with a message when the port is taken', async () => {
    const { url } = await start();
    await expect(start({ port: Number(new URL(url).port) })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test('listens on the given port', async () => {
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port } = free.address() as { port: number };
    free.close();
    await once(free, 'close');
    const sandbox = await start({ port, host: 'localhost' });
    expect(sandbox.url).toBe(`http://localhost:${port}`);
    const tracker = createTracker({ provider: sandbox.providers });
    const task = await last(tracker.query({ provider: 'alad', id: 'asyntask_demo' }));
    expect(task.status).toBe('queued');
  });

  test('distinguishes the five services', async () => {
    const { url, providers, speed, keys } = await start({ speed: 60 });
    expect(speed).toBe(60);
    expect(providers.map(({ name }) => name)).toEqual(SERVICES);
    expect(providers.map(({ baseUrl }) => baseUrl)).toEqual(SERVICES.map((name) => `${url}/${name}`));
    expect(providers.map(({ apiKey }) => apiKey())).toEqual(SERVICES.map((name) => keys[name]));
    expect(new Set(Object.values(keys)).size).toBe(5);
    expect(providers.every(({ isLoopback, isPublicService }) => isLoopback && !isPublicService)).toBe(true);
  });
});

describe('close', () => {
  test('frees the port, ends idle and busy connections, and may be called again', async () => {
    const sandbox = await start();
    const { id } = sandbox.create({ provider: 'alad' });
    await ask(sandbox, { provider: 'alad', id });
    // A request whose body never ends.
    const busy = fetch(`${sandbox.url}/sandbox/tasks`, {
      method: 'POST',
      body: new ReadableStream({
        start: (controller) => {
          controller.enqueue(new Uint8Array([123]));
        },
      }),
      duplex: 'half',
    } as RequestInit).then(
      () => 'answered',
      () => 'cut',
    );
    await ask(sandbox, { provider: 'alad', id });
    await sandbox.close();
    await sandbox.close();
    expect(await busy).toBe('cut');
    await expect(ask(sandbox, { provider: 'alad', id })).rejects.toThrow();
    await start({ port: Number(new URL(sandbox.url).port) });
  });

  test('leaves no handle', async () => {
    const handles = () => process.getActiveResourcesInfo().filter((name) => name.startsWith('TCP')).length;
    const before = handles();
    const sandbox = await start();
    const transport = undiciTransport();
    const tracker = createTracker({ provider: sandbox.providers, transport });
    await last(tracker.track(sandbox.create({ provider: 'alad' })).pipe(take(1)));
    expect(handles()).toBeGreaterThan(before);
    await sandbox.close();
    await transport.close();
    await until(() => {
      expect(handles()).toBe(before);
    });
  });

  test('comes with the end of an `await using` block', async () => {
    const sandbox = await start();
    await sandbox[Symbol.asyncDispose]();
    await expect(fetch(sandbox.url)).rejects.toThrow();
  });
});
