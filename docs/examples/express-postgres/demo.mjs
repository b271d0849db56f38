// The server on the sandbox: it accepts three tasks, is killed on the way, and tracks them to their end when it is back.
//
//   npm ci && npm run build && node docs/examples/express-postgres/demo.mjs

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSandbox } from 'rx-video-tasks/sandbox';
import { distinctUntilChanged, from, lastValueFrom, map, merge, mergeMap, takeWhile, tap, timer } from 'rxjs';

const here = import.meta.dirname;
const speed = 30;
const sandbox = await startSandbox({ speed });
const data = mkdtempSync(join(tmpdir(), 'express-postgres-'));

/** Starts the server; resolves when it listens. */
async function start() {
  const server = spawn(process.execPath, [join(here, '../run.mjs'), join(here, 'server.ts')], {
    env: {
      ...process.env,
      ...{ DATA: data, PORT: '0', SPEED: String(speed) },
      ...{ MINGYAN_API_KEY: sandbox.keys.mingyan, MINGYAN_BASE_URL: `${sandbox.url}/mingyan` },
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(server.stdout, 'data');
  return { server, url: String(line).trim() };
}

/** @param {import('node:child_process').ChildProcess} server */
async function kill(server) {
  server.kill('SIGKILL');
  await once(server, 'exit');
}

/** @param {string} url @param {string} id */
async function stateOf(url, id) {
  const reply = await fetch(`${url}/tasks/${id}`);
  return /** @type {import('rx-video-tasks').Task} */ (await reply.json());
}

const first = await start();
const ids = Array.from({ length: 3 }, () => sandbox.create({ provider: 'mingyan', outcome: 'completed' }).id);
for (const id of ids) {
  const { status } = await fetch(`${first.url}/tasks/${id}`, { method: 'POST' });
  console.log(`POST /tasks/${id}: ${status}, ${(await stateOf(first.url, id)).status ?? 'no state yet'}`);
}
await kill(first.server);
console.log('the server is killed');

const second = await start();
console.log('the server is back');
const states = ids.map((id) =>
  timer(0, 200).pipe(
    mergeMap(() => from(stateOf(second.url, id))),
    map(({ seq, status }) => ({ seq, status })),
    distinctUntilChanged((a, b) => a.seq === b.seq),
    takeWhile(({ status }) => status !== 'completed', true),
    tap(({ seq, status }) => console.log(`GET /tasks/${id}: ${status}, seq ${seq}`)),
  ),
);
await lastValueFrom(merge(...states));

await kill(second.server);
await sandbox.close();
rmSync(data, { recursive: true });
