import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, vi } from 'vitest';

export const cli = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));

/** How long a process may take, in ms: long enough for a busy machine. */
const LIMIT = 60_000;
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
  /** Called at each output, with all that was printed so far. */
  readonly onOutput?: (stdout: string, child: ChildProcess) => void;
  /** The same of standard error. */
  readonly onError?: (stderr: string, child: ChildProcess) => void;
}

/** Runs the built command-line tool in a process of its own, without the keys of whoever runs the tests. */
export function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  return runProcess(process.execPath, [cli, ...args], options);
}

/** Runs it on a terminal of 110 columns. */
export function runOnTerminal(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  const command = [process.execPath, cli, ...args].map((word) => `'${word}'`).join(' ');
  return runProcess('script', ['-qec', `stty cols 110 rows 40; exec ${command}`, '/dev/null'], {
    input: '',
    isInputOpen: true,
    ...options,
  });
}

export function runProcess(
  command: string,
  args: readonly string[],
  { env = {}, input, isInputOpen = false, onOutput, onError }: CliOptions = {},
): Promise<CliRun> {
  const { PATH = '' } = process.env;
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { PATH, TERM: 'xterm-256color', LANG: 'C.UTF-8', TMPDIR: temporary, ...env },
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
    // A child that ends without reading all is no fault of the test's.
    child.stdin?.on('error', () => undefined);
    child.stdin?.write(input);
    if (!isInputOpen) child.stdin?.end();
  });
}

export function linesOf(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

/** What a terminal shows in the end: all that was printed since the board was drawn last, without colours. */
export function lastScreen(output: string): string {
  // eslint-disable-next-line no-control-regex -- escape sequences are what is looked for
  const plain = output.replace(/\r/g, '').replace(/\u001b\[[\d;?]*[mhl]/g, '');
  return plain.slice(Math.max(0, plain.lastIndexOf('\u001b[')));
}
