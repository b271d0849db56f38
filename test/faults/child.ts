import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { TestContext } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const folderOf = process.env['BUILT'] ? 'dist/$.js' : 'src/$.ts';
const entry = (name: string) => join(ROOT, folderOf.replace('$', name));

export interface Child {
  readonly process: ChildProcess;
  /** What it wrote so far. */
  readonly output: () => string;
  readonly exit: Promise<number | null>;
}

/** Runs a script that imports the library, in a process of its own. Ends with the test. */
export async function startChild(context: TestContext, script: string, args: readonly string[]): Promise<Child> {
  const folder = mkdtempSync(join(tmpdir(), 'faults-'));
  const file = join(folder, 'script.cjs');
  await build({
    stdin: { contents: script, resolveDir: import.meta.dirname, loader: 'ts' },
    alias: { 'rx-video-tasks/node': entry('node'), 'rx-video-tasks': entry('index') },
    outfile: file,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
  });
  const child = spawn(process.execPath, ['--expose-gc', file, ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
  const exit = new Promise<number | null>((resolve) => child.once('close', resolve));
  context.onTestFinished(async () => {
    // The only signal that a stopped process receives.
    child.kill('SIGKILL');
    await exit;
    rmSync(folder, { recursive: true });
  });
  return { process: child, output: () => output, exit };
}

/** The imports of a script, and a `transport` of the kind, with a way to close it. */
export function preamble(kind: 'undici' | 'fetch', limits = '{}'): string {
  const make =
    kind === 'undici'
      ? `const transport = undiciTransport(${limits}); const close = () => transport.close();`
      : `const transport = fetchTransport(${limits}); const close = async () => {};`;
  return `
    import { lastValueFrom, toArray } from 'rxjs';
    import { createGate, createTracker, fetchTransport, xingchaoyiqing } from 'rx-video-tasks';
    import { undiciTransport } from 'rx-video-tasks/node';
    const [, , baseUrl, apiKey] = process.argv;
    ${make}
    const provider = xingchaoyiqing({ apiKey: apiKey ?? 'sk-child-0123456789', baseUrl });`;
}
