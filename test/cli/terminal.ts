import { spawn } from '@lydell/node-pty';
import xterm from '@xterm/headless';
import { cli, LIMIT, temporary } from './run-cli.js';

export interface TerminalOptions {
  readonly env?: Record<string, string>;
  /** @default 110 */
  readonly columns?: number;
  /** @default 40 */
  readonly rows?: number;
  /** Called whenever the screen has changed. */
  readonly onScreen?: (screen: string, terminal: Terminal) => void;
}

export interface Terminal {
  /** Types something. */
  write(text: string): void;
  resize(columns: number): void;
  /** What it shows now, with colours. */
  readonly buffer: xterm.IBuffer;
}

export interface TerminalRun {
  readonly code: number;
  /** What the terminal shows in the end, from the first line that it scrolled away. */
  readonly screen: string;
  /** Whether the cursor is visible in the end. */
  readonly hasCursor: boolean;
}

/**
 * Runs a command and then writes its exit code as an operating system command of the terminal (ECMA-48, 8.3.89), which the
 * emulator reads after all other output. node-pty drops output that is not read within 200 ms of the exit of its process
 * (DESTROY_SOCKET_TIMEOUT_MS in https://github.com/microsoft/node-pty/blob/main/src/unixTerminal.ts), so this one stays.
 */
const SHELL = `trap : INT; "$@"; printf '\\033]9;%d\\007' $?; read -r _`;
const EXIT_CODE = 9;

/** Runs the built command-line tool in a pseudo-terminal, and reads back what a terminal emulator makes of its output. */
export function runOnTerminal(args: readonly string[], options: TerminalOptions = {}): Promise<TerminalRun> {
  return runProgramOnTerminal([process.execPath, cli, ...args], options);
}

/** The same with any program. */
export function runProgramOnTerminal(command: readonly string[], options: TerminalOptions = {}): Promise<TerminalRun> {
  const { env = {}, columns = 110, rows = 40, onScreen } = options;
  const emulator = new xterm.Terminal({ cols: columns, rows, scrollback: 10_000, allowProposedApi: true });
  const { PATH = '' } = process.env;
  const child = spawn('sh', ['-c', SHELL, 'sh', ...command], {
    cols: columns,
    rows,
    env: { PATH, TERM: 'xterm-256color', LANG: 'C.UTF-8', TMPDIR: temporary, ...env },
  });
  const terminal: Terminal = {
    write: (text) => {
      child.write(text);
    },
    resize: (width) => {
      emulator.resize(width, rows);
      child.resize(width, rows);
    },
    get buffer() {
      return emulator.buffer.active;
    },
  };
  let hasCursor = true;
  child.onData((data) => {
    const shownAt = data.lastIndexOf('\u001b[?25h');
    const hiddenAt = data.lastIndexOf('\u001b[?25l');
    if (shownAt !== hiddenAt) hasCursor = shownAt > hiddenAt;
    emulator.write(data, () => {
      onScreen?.(screenOf(emulator), terminal);
    });
  });
  return new Promise((resolve) => {
    const end = (code: number) => {
      clearTimeout(limit);
      resolve({ code, screen: screenOf(emulator), hasCursor });
    };
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
    }, LIMIT);
    emulator.parser.registerOscHandler(EXIT_CODE, (code) => {
      end(Number(code));
      child.kill('SIGKILL');
      return true;
    });
    child.onExit(() => {
      end(NaN);
      emulator.dispose();
    });
  });
}

function screenOf({ buffer: { active } }: xterm.Terminal): string {
  const lines: string[] = [];
  for (let nth = 0; nth < active.length; nth++) {
    const line = active.getLine(nth);
    const text = line?.translateToString(true) ?? '';
    // A line that is longer than the terminal is one line.
    if (line?.isWrapped && lines.length > 0) lines.push((lines.pop() ?? '') + text);
    else lines.push(text);
  }
  return lines.join('\n').trimEnd();
}
