import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, vi } from 'vitest';

export const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** How long a process may take, in ms: long enough for a busy machine. */
export const LIMIT = 60_000;
// Some tests run two of them.
vi.setConfig({ testTimeout: 2 * LIMIT });

/** Where the processes of a test file leave what is temporary. */
export const temporary = mkdtempSync(join(tmpdir(), 'run-cli-'));
afterAll(() => {
  rmSync(temporary, { recursive: true, force: true });
});

export interface CliRun {
  /** The exit code, or the name of the signal that ended it. */
  readonly code: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env?: Record<string, string>;
  /** Standard input; without it there is nothing to read. */
  readonly input?: string;
  /** Leaves standard input open behind `input`. */
  readonly isInputOpen?: boolean;
  /** @default that of the tests */
  readonly cwd?: string;
  /** Closes the pipe of standard error at once. */
  readonly isErrorClosed?: boolean;
  /** Called at each output, with all that was printed so far. */
  readonly onOutput?: (stdout: string, child: ChildProcess) => void;
  /** The same of standard error. */
  readonly onError?: (stderr: string, child: ChildProcess) => void;
}

/** Runs the built command-line tool in a process of its own, without the keys in the environment of the tests. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  return runProcess(process.execPath, [cli, ...args], options);
}

export function runProcess(
  command: string,
  args: readonly string[],
  { env = {}, input, isInputOpen = false, cwd, isErrorClosed = false, onOutput, onError }: CliOptions = {},
): Promise<CliRun> {
  const { PATH = '' } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { PATH, TERM: 'xterm-256color', LANG: 'C.UTF-8', TMPDIR: temporary, ...env },
      cwd,
      // A group of its own, so that nothing of it outlives the limit.
      detached: true,
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    // A run that hangs fails its test by its code, and leaves nothing behind.
    const limit = setTimeout(() => process.kill(-(child.pid ?? NaN), 'SIGKILL'), LIMIT);
    child.stdout?.on('data', (chunk: Buffer) => {
      stdout += chunk.toString();
      onOutput?.(stdout, child);
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      onError?.(stderr, child);
    });
    child.on('error', reject);
    child.on('exit', () => child.stdin?.destroy());
    child.on('close', (code, signal) => {
      clearTimeout(limit);
      resolve({ code: code ?? signal, stdout, stderr });
    });
    if (isErrorClosed) child.stderr?.destroy();
    // A child that ends without reading all is no fault of the test's.
    child.stdin?.on('error', () => undefined);
    child.stdin?.write(input);
    if (!isInputOpen) child.stdin?.end();
  });
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
