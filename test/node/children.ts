import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, onTestFinished } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const base = process.env['BUILT'] ? 'dist' : 'src';
const suffix = process.env['BUILT'] ? 'js' : 'ts';
const entry = (name: string) => join(ROOT, `${base}/${name}.${suffix}`);

const folder = mkdtempSync(join(tmpdir(), 'children-'));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Bundles a program of the tests, so that each process of it starts quickly; gives its file. */
export async function program(name: string, contents: string): Promise<string> {
  const outfile = join(folder, `${name}.cjs`);
  await build({
    stdin: { contents, resolveDir: ROOT, loader: 'ts' },
    alias: {
      'rx-video-tasks/node': entry('node'),
      'rx-video-tasks/testing': entry('testing'),
      'rx-video-tasks': entry('index'),
    },
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'silent',
  });
  return outfile;
}

/** A directory that goes with its test. */
export function temporaryFolder(): string {
  const made = mkdtempSync(join(tmpdir(), 'rx-video-tasks-'));
  onTestFinished(() => {
    rmSync(made, { recursive: true, force: true });
  });
  return made;
}

export interface Child {
  readonly process: ChildProcess;
  /** All that it printed so far. */
  readonly output: () => string;
  /** The exit code or the signal. */
  readonly ended: Promise<number | string | null>;
  /** Resolves when it has printed this, or what is looked for; rejects when it ends before. */
  printed(what: string | ((output: string) => boolean)): Promise<void>;
}

/** Starts a program; it does not outlive its test, nor 60 s. */
export function start(file: string, ...args: string[]): Child {
  return startCommand(process.execPath, file, ...args);
}

/** Starts a command that runs a program, such as `unshare`. */
export function startCommand(command: string, ...args: string[]): Child {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let waiting: (() => void)[] = [];
  const receive = (chunk: Buffer) => {
    output += chunk.toString();
    for (const look of waiting) look();
  };
  child.stdout.on('data', receive);
  child.stderr.on('data', receive);
  const limit = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const ended = once(child, 'close').then(([code, signal]) => {
    clearTimeout(limit);
    return (code ?? signal) as number | string | null;
  });
  return {
    process: child,
    output: () => output,
    ended,
    printed: (what) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!(typeof what === 'string' ? output.includes(what) : what(output))) return;
          waiting = waiting.filter((other) => other !== look);
          resolve();
        };
        waiting.push(look);
        look();
        void ended.then((code) => {
          reject(new Error(`it ended with ${String(code)} before it printed ${String(what)}: ${output}`));
        });
      }),
  };
}
