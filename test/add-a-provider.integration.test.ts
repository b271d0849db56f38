import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const page = readFileSync(join(ROOT, 'docs/add-a-provider.md'), 'utf8');
const [known, own, create] = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code);
const run = promisify(execFile);

/** Runs a block of the page as it stands, with the environment that it reads; gives what it prints. */
async function print(code = '', env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  const args = ['--input-type=module', '--eval', outputText];
  const { stdout } = await run(process.execPath, args, { cwd: ROOT, env: { ...process.env, ...env } });
  return stdout;
}

/** A service that answers as `replyTo` says, by path and headers. */
async function serve(replyTo: (path: string, headers: NodeJS.Dict<string | string[]>) => object) {
  const server = createServer(({ url = '', headers }, response) => {
    response.setHeader('content-type', 'application/json').end(JSON.stringify(replyTo(url, headers)));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('a sixth service on a known wire', async () => {
  const { server, url } = await serve((path, { authorization }) =>
    path === '/v1/video/generations/task_1' && authorization === 'Bearer acme-key'
      ? { code: 'success', data: { task_id: 'task_1', status: 'SUCCESS', result_url: `${url}/v.mp4` } }
      : { code: 404 },
  );
  try {
    expect(await print(known, { ACME_BASE_URL: url, ACME_API_KEY: 'acme-key' })).toBe('acme task_1 completed\n');
  } finally {
    server.close();
  }
});

test('a service with a wire and headers of its own', async () => {
  const { server, url } = await serve((path, headers) =>
    path === '/films/film_1' && headers['x-api-key'] === 'film-key' && headers.authorization === undefined
      ? { film: 'film_1', phase: 'failed', done: '100%', problem: 'no film left', problemCode: 'InvalidReel' }
      : { code: 401 },
  );
  try {
    expect(await print(own, { FILM_BASE_URL: url, FILM_API_KEY: 'film-key' })).toBe('film film_1 failed\n');
  } finally {
    server.close();
  }
});

test('from a create reply to a ref', async () => {
  expect(await print(create, { ALAD_API_KEY: 'alad-key' })).toBe('asyntask_1\n');
});
