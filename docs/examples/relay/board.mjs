// A board of tasks for browsers: serves the pages of a folder, and the relay at /tasks.
//
//   npm ci && npm run build && node docs/examples/relay/board.mjs docs/examples/plain-page

import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createTracker } from 'rx-video-tasks';
import { nodeRelay, relayHandler } from 'rx-video-tasks/relay';
import { startSandbox } from 'rx-video-tasks/sandbox';

/** @type {Record<string, string>} */
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css' };

/** @param {string} folder @param {{ port?: number, speed?: number }} [options] */
export async function startBoard(folder, { port = 0, speed = 60 } = {}) {
  const sandbox = await startSandbox({ speed, seed: 7 });
  const tracker = createTracker({ provider: sandbox.providers, speed });
  // In an application: a table, and the session of the user. Here everyone may see these four.
  const tasks = new Map([
    ['clip-1', sandbox.create({ provider: 'alad' })],
    ['clip-2', sandbox.create({ provider: 'anyfast' })],
    ['clip-3', sandbox.create({ provider: 'xingchaoyiqing', model: 'seedance_1_5_pro_480p' })],
    ['clip-4', sandbox.create({ provider: 'alad', outcome: 'failed', reason: 'the prompt was refused' })],
  ]);
  const relay = nodeRelay(
    relayHandler({
      tracker,
      videoUrl: true,
      authorize: (_request, publicIds) => ({ subject: 'everyone', refs: publicIds.map((id) => tasks.get(id)) }),
    }),
  );
  const policy = [
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'",
    `media-src ${sandbox.url}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    "require-trusted-types-for 'script'; trusted-types angular",
  ].join('; ');

  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    if (path === '/tasks') {
      relay(request, response);
      return;
    }
    // Only names of files, so that nothing outside the folder is reached.
    const file = join(folder, path === '/' ? 'index.html' : /^\/[\w.-]+$/.test(path) ? path : 'none');
    const type = TYPES[extname(file)];
    if (!type || !existsSync(file)) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': type, 'content-security-policy': policy, 'cache-control': 'no-store' });
    createReadStream(file).pipe(response);
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  const close = async () => {
    tracker.close();
    server.closeAllConnections();
    server.close();
    await sandbox.close();
  };
  return { url: `http://127.0.0.1:${address.port}/`, server, sandbox, close };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { url } = await startBoard(resolve(process.argv[2] ?? '.'), { port: 8080 });
  console.log(`the board is at ${url}`);
}
