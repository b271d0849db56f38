import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filter, firstValueFrom } from 'rxjs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { alad, type TrackedTask } from 'rx-video-tasks';
import { fleetTracker, type FleetEvent } from 'rx-video-tasks/bullmq';
import { startSandbox, type Sandbox } from 'rx-video-tasks/sandbox';
import { cli, linesOf, runCli, runProcess, type CliOptions, type CliRun } from '../cli/run-cli.js';
import { startRedis, type RedisServer } from './redis-server.js';

// The command line over a real Redis: `worker` polls, `watch --redis` watches through it.

const PASSWORD = 'password-of-redis';
const queues = '--queue-per-provider';

let redis: RedisServer;
let sandbox: Sandbox;
/** Where services and Redis are, for both commands. */
let places: Record<string, string>;
/** The keys, for workers alone. */
let keys: Record<string, string>;
const cleanups: (() => unknown)[] = [];

beforeEach(async () => {
  redis = await startRedis();
  await redis.redis.config('SET', 'requirepass', PASSWORD);
  sandbox = await startSandbox({ speed: 100, seed: 1 });
  places = {
    ALAD_BASE_URL: `${sandbox.url}/alad`,
    MINGYAN_BASE_URL: `${sandbox.url}/mingyan`,
    REDIS_PASSWORD: PASSWORD,
  };
  keys = { ALAD_API_KEY: sandbox.keys.alad, MINGYAN_API_KEY: sandbox.keys.mingyan };
});

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  await sandbox.close();
  await redis.stop();
});

/** A worker that runs until it is stopped, which gives what it printed. */
async function startWorker(...flags: string[]): Promise<{ stop: (signal?: NodeJS.Signals) => Promise<CliRun> }> {
  let run: Promise<CliRun> | undefined;
  const kill = await new Promise<(signal: NodeJS.Signals) => void>((resolve, reject) => {
    run = runCli(['worker', '--redis', redis.url, queues, '--speed', '100', ...flags], {
      env: { ...places, ...keys },
      onError: (stderr, child) => {
        if (stderr.includes('for the fleet')) resolve((signal) => child.kill(signal));
      },
    });
    run.catch(reject);
  });
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    kill(signal);
    return run as Promise<CliRun>;
  };
  cleanups.push(() => stop('SIGKILL'));
  return { stop };
}

const watch = (...args: string[]) => runCli(['watch', ...args, '--redis', redis.url, queues], { env: places });
const parse = <T>(ndjson: string): T[] => linesOf(ndjson).map((line) => JSON.parse(line) as T);

test('watch shows through a fleet what a worker polls, without a key; SIGTERM lets the worker finish', async () => {
  const worker = await startWorker();
  const { code, stdout, stderr } = await watch('alad:asyntask_1', 'mingyan:video_1', 'mingyan:mcp_1');
  expect(stdout).toMatch(/^\S+Z alad asyntask_1 (queued|processing)/m);
  for (const name of ['alad asyntask_1', 'mingyan video_1', 'mingyan mcp_1']) {
    expect(linesOf(stdout).filter((line) => line.includes(` ${name} completed http`))).toHaveLength(1);
  }
  expect(stdout).toMatch(/mingyan mcp_1 completed http\S+\?\S+ \(amount: 0\.32\)/);
  expect(stderr).toMatch(/3 tasks: 3 completed, \d+:\d\d\n$/);
  expect(code).toBe(0);

  const end = await worker.stop();
  expect(end.stderr).toMatch(/^Polling mingyan, alad for the fleet\. Ctrl-C ends it\.\n/);
  expect(end.stdout).toMatch(/^\S+Z alad asyntask_1 completed http\S+\.mp4$/m);
  expect(end.code).toBe(0);
  for (const secret of ['?', PASSWORD, ...Object.values(keys)]) expect(end.stdout + end.stderr).not.toContain(secret);
});

test('both print NDJSON with --json: transitions, and all that a worker does', async () => {
  const worker = await startWorker('--json');
  const tasks = parse<TrackedTask>((await watch('alad', 'asyntask_1', '--json')).stdout);
  expect(tasks.map(({ seq }) => seq)).toEqual(tasks.map((_, nth) => nth + 1));
  expect(tasks.at(-1)).toMatchObject({ status: 'completed', provider: 'alad', id: 'asyntask_1' });
  const { stdout, code } = await worker.stop('SIGINT');
  const events = parse<FleetEvent>(stdout);
  expect(events.filter(({ type }) => type === 'transition')).toHaveLength(tasks.length);
  expect(events.filter(({ type }) => type === 'polled').length).toBeGreaterThanOrEqual(tasks.length);
  expect(stdout).not.toContain('?');
  expect(code).toBe(0);
});

test('watch is an observer: its end leaves the task to the fleet, and nothing is acknowledged for an application', async () => {
  await startWorker();
  const env = places;
  const args = ['watch', 'alad', 'asyntask_1', '--redis', redis.url, queues];
  const first = await runCli(args, { env, onOutput: (_, child) => child.kill('SIGINT') });
  expect(first.code).toBe(130);
  const second = await runCli([...args, '--json'], { env });
  const [from] = parse<TrackedTask>(second.stdout);
  expect(from?.seq).toBeGreaterThanOrEqual(linesOf(first.stdout).length);
  expect(second.code).toBe(0);

  const { id } = sandbox.create({ provider: 'alad', outcome: 'failed' });
  expect((await watch('alad', id)).code).toBe(1);

  const tracker = fleetTracker({
    connection: redis.url.replace('//', `//:${PASSWORD}@`),
    provider: alad({ apiKey: null, baseUrl: `${sandbox.url}/alad` }),
    queue: ({ name }) => name,
  });
  cleanups.push(() => {
    tracker.close();
  });
  const failed = await firstValueFrom(tracker.resume().pipe(filter((task) => task.id === id)));
  expect(failed.status).toBe('failed');
});

test.each([
  ['as a line on standard error', [], /^fleet: 1 task open, 0 polls waiting, 1 due, 0 in flight$/m],
  ['as NDJSON', ['--json'], /^\{"status":"stats","open":1,"delayed":0,"due":1,"active":0\}$/m],
])(
  'watch --stats shows the counts of the fleet, %s: a task that no worker polls is due',
  async (_how, flags, shown) => {
    const stopWhenShown: CliOptions['onOutput'] = (text, child) => {
      if (shown.test(text)) child.kill('SIGINT');
    };
    const args = ['watch', 'alad', 'asyntask_1', '--redis', redis.url, queues, '--stats', ...flags];
    const { code, stdout, stderr } = await runCli(args, {
      env: places,
      onOutput: stopWhenShown,
      onError: stopWhenShown,
    });
    expect(stdout + stderr).toMatch(shown);
    expect(code).toBe(130);
  },
);

test('watch --save saves the videos that a fleet has polled', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'cli-fleet-'));
  cleanups.push(() => {
    rmSync(directory, { recursive: true });
  });
  await startWorker();
  const { code, stdout } = await watch('alad', 'asyntask_1', '--save', directory);
  expect(stdout).toContain(' alad asyntask_1 saved ');
  expect(readdirSync(directory).filter((name) => name.endsWith('.mp4'))).toHaveLength(1);
  expect(code).toBe(0);
});

test('a worker waits for a Redis that is away, warns once, and ends all the same', async () => {
  await redis.kill();
  const { code, stderr } = await runCli(['worker', 'alad', '--redis', redis.url], {
    env: { ...places, ...keys },
    onError: (text, child) => {
      if (text.includes('Redis: ')) setTimeout(() => child.kill('SIGTERM'), 1_000);
    },
  });
  expect(stderr.match(/^Redis: connect ECONNREFUSED/gm)).toHaveLength(1);
  expect(stderr).not.toContain(PASSWORD);
  expect(code).toBe(0);
});

test.each([
  ['bullmq', 'worker', 'alad'],
  ['ioredis', 'watch', 'alad', 'asyntask_1'],
])('without the package %s, the message is what to install', async (missing, ...args) => {
  const hook = `export const resolve = (name, context, next) => {
    if (name === '${missing}') throw Object.assign(new Error("Cannot find package '${missing}' imported from x"), { code: 'ERR_MODULE_NOT_FOUND' });
    return next(name, context);
  };`;
  const url = (code: string) => `data:text/javascript,${encodeURIComponent(code)}`;
  const register = url(`import { register } from 'node:module'; register(${JSON.stringify(url(hook))});`);
  const command = ['--import', register, cli, ...args, '--redis', redis.url];
  const { code, stdout, stderr } = await runProcess(process.execPath, command, { env: { ...places, ...keys } });
  expect(stderr).toContain('write npm install bullmq ioredis\n');
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});
