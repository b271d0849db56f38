import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { eventsOf, take } from './events.js';

const folder = fileURLToPath(new URL('../../docs/examples/relay/', import.meta.url));
const running: ChildProcess[] = [];
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
});

/** Starts an example on the built package; gives the URL that it prints. */
async function start(file: string): Promise<string> {
  const child = spawn(process.execPath, [folder + file], { env: { ...process.env, PORT: '0' } });
  running.push(child);
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const [line] = (await Promise.race([once(child.stdout, 'data'), once(child, 'exit')])) as [Buffer | number | null];
  const url = /http:\S+/.exec(String(line))?.[0];
  if (url === undefined) throw new Error(`${file} did not start: ${output}`);
  return url;
}

test('the first example of docs/relay.md streams the task to its end, on another port', async () => {
  const page = readFileSync(new URL('../../docs/relay.md', import.meta.url), 'utf8');
  const code = /^```js\n(.*?)^```$/ms.exec(page)?.[1] ?? '';
  const url = 'http://127.0.0.1:8080/tasks?id=clip-1';
  expect(code).toContain(`// curl -N '${url}'`);
  const port = await freePort();
  const child = spawn(process.execPath, [
    '--input-type=module',
    '--eval',
    code.replace('listen(8080)', `listen(${port})`),
  ]);
  running.push(child);
  const response = await vi.waitUntil(() => fetch(url.replace('8080', String(port))).catch(() => undefined), 60_000);
  const statuses = (await take(eventsOf(response))).map(({ task }) => task.status);
  expect(statuses.at(-1)).toBe('completed');
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

describe.each(['node.mjs', 'express.mjs', 'fastify.mjs', 'hono.mjs'])('docs/examples/relay/%s', (file) => {
  test('streams a task to its end, to its user only', async () => {
    const url = await start(file);
    const headers = { authorization: 'Bearer secret-of-ann' };
    const response = await fetch(url, { headers });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const statuses = (await take(eventsOf(response))).map(({ task }) => task.status);
    // A slow start misses the first ones; none is missing after that.
    const seen = [...new Set(statuses)];
    expect(seen.at(-1)).toBe('completed');
    expect(seen).toEqual(['queued', 'processing', 'completed'].slice(-seen.length));
    const refused = [await fetch(url), await fetch(url.replace('clip-1', 'clip-2'), { headers })];
    expect(refused.map(({ status }) => status)).toEqual([404, 404]);
  });

  test('notices at once that a client has gone: its place is free again', async () => {
    const url = (await start(file)).replace('clip-1', 'clip-2');
    const headers = { authorization: 'Bearer secret-of-bob' };
    for (let round = 0; round < 10; round++) {
      const gone = new AbortController();
      const ask = () => fetch(url, { headers, signal: gone.signal });
      // The closing of the six may be noticed after the seventh request, but long before the next heartbeat.
      const response = await vi.waitUntil(async () => ask().then((answer) => answer.status === 200 && answer), 60_000);
      await response.body?.getReader().read();
      gone.abort();
    }
  });
});
