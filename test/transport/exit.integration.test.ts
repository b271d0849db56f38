import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { reply, startFaultServer } from '../fault-server.js';

const ROOT = join(import.meta.dirname, '../..');
const aliases = process.env['BUILT']
  ? { 'rx-video-tasks/node': join(ROOT, 'dist/node.js'), 'rx-video-tasks': join(ROOT, 'dist/index.js') }
  : { 'rx-video-tasks/node': join(ROOT, 'src/node.ts'), 'rx-video-tasks': join(ROOT, 'src/index.ts') };

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'exit-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

test.for([
  ['fetchTransport', 'rx-video-tasks'],
  ['undiciTransport', 'rx-video-tasks/node'],
] as const)('L0 idle sockets of %s do not keep a process alive', async ([name, entry]) => {
  const script = join(folder, `${name}.cjs`);
  await build({
    stdin: {
      contents: `import { ${name} } from '${entry}';
        ${name}()({ url: process.argv[2], headers: {} }).subscribe((reply) => console.log(reply.body));`,
      resolveDir: ROOT,
    },
    alias: aliases,
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'cjs',
  });
  const server = await startFaultServer();
  // A server that keeps its side open for longer than this test may take.
  server.answer(reply({ body: 'answered', headers: { 'keep-alive': 'timeout=600' } }));
  const child = spawn(process.execPath, [script, server.url], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    let output = '';
    child.stdout.on('data', (text) => (output += String(text)));
    const [code] = (await once(child, 'close')) as [number | null];
    expect({ code, output }).toEqual({ code: 0, output: 'answered\n' });
    expect(server.connections).toBe(1);
  } finally {
    child.kill();
    await server.close();
  }
});
