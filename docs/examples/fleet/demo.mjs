// A fleet on this machine: Redis, the sandbox, two workers, and this process, which only watches. One worker is killed on
// the way; its tasks go on at the other one.
//   npm run demo:fleet

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { summarize } from 'rx-video-tasks';
import { fleetTracker } from 'rx-video-tasks/bullmq';
import { startSandbox } from 'rx-video-tasks/sandbox';
import { auditTime, lastValueFrom, share } from 'rxjs';

const TASKS = Number(process.argv[2] ?? 1000);
const speed = 30;

const port = await freePort();
const directory = mkdtempSync(join(tmpdir(), 'fleet-demo-'));
const redis = spawn(
  'redis-server',
  ['--port', String(port), '--bind', '127.0.0.1', '--dir', directory, '--save', '', '--appendonly', 'yes'],
  { stdio: 'ignore' },
);
const connection = `redis://127.0.0.1:${port}`;
const sandbox = await startSandbox({ speed });
const names = /** @type {const} */ (['xingchaoyiqing', 'mingyan', 'globalaiopc', 'anyfast', 'alad']);
const services = names.map((name) => ({ name, baseUrl: `${sandbox.url}/${name}`, apiKey: sandbox.keys[name] }));

const startWorker = () => {
  const settings = JSON.stringify({ connection, services, speed });
  const worker = spawn(process.execPath, [join(import.meta.dirname, 'demo-worker.mjs'), settings], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const polls = { count: 0 };
  worker.stdout.on('data', (data) => (polls.count += String(data).split('polled').length - 1));
  return { worker, polls };
};

const [victim, survivor] = [startWorker(), startWorker()];
const tracker = fleetTracker({ connection, provider: sandbox.providers, queue: ({ name }) => name });
const refs = Array.from({ length: TASKS }, (_, at) => sandbox.create({ provider: names[at % names.length] ?? 'alad' }));
const start = performance.now();
const seconds = () => ((performance.now() - start) / 1000).toFixed(0);

const kill = setTimeout(() => {
  console.log(`${seconds()} s: the first worker is killed`);
  victim.worker.kill('SIGKILL');
}, 6_000);

const board$ = tracker.trackAll(refs).pipe(summarize(), share());
const progress = board$.pipe(auditTime(2_000)).subscribe(({ counts: { queued, processing, completed } }) => {
  console.log(`${seconds()} s: ${queued} queued, ${processing} processing, ${completed} completed`);
});
const board = await lastValueFrom(board$);
progress.unsubscribe();
clearTimeout(kill);

console.log(
  `${TASKS} tasks in ${seconds()} s: ${board.counts.completed} completed, ${board.counts.failed} failed, ` +
    `${board.counts.lost} lost; ${victim.polls.count} polls by the worker that was killed, ${survivor.polls.count} by the other one`,
);
tracker.close();
survivor.worker.kill('SIGTERM');
await once(survivor.worker, 'exit'); // it finishes the polls that run, and writes what they bring
await sandbox.close();
redis.kill('SIGKILL');
await once(redis, 'exit');
rmSync(directory, { recursive: true, force: true });

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}
