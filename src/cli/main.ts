import { readFileSync } from 'node:fs';
import type { WriteStream } from 'node:tty';
import { firstValueFrom, merge, of, ReplaySubject, take, type Observable } from 'rxjs';
import { demo } from './demo.js';
import { printable } from './format.js';
import { resume } from './resume.js';
import { sandbox } from './sandbox.js';
import { HELP, UsageError } from './usage.js';
import { watch } from './watch.js';
import { worker } from './worker.js';

const commands: Readonly<Record<string, (args: string[], stop: Observable<number>) => Promise<number>>> = {
  watch,
  resume,
  worker,
  sandbox,
  demo,
};

/** Commands that a signal ends in the ordinary way: what they resolve with stands. */
const daemons: readonly string[] = ['worker'];

process.exitCode = await run(process.argv.slice(2));

/** Resolves with the exit code. By then nothing is left open, and the process ends by itself. */
async function run([name, ...args]: string[]): Promise<number> {
  if (name === undefined) {
    console.error(HELP);
    return 2;
  }
  if (name === 'help' || name === '--help' || name === '-h' || isHelpWanted(args)) {
    console.log(HELP);
    return 0;
  }
  if (name === '--version' || name === '-v') {
    console.log(version());
    return 0;
  }
  const stop = stopSignal();
  try {
    const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
    if (!command) throw new UsageError(`"${name}" is not a command; write watch, resume, worker, sandbox or demo`);
    const code = await command(args, stop);
    if (daemons.includes(name)) return code;
    return await firstValueFrom(merge(stop, of(code)), { defaultValue: code });
  } catch (error) {
    if (error instanceof UsageError) {
      console.error(`rx-video-tasks: ${printable(error.message)}\nAll commands and options: rx-video-tasks --help`);
      return 2;
    }
    // A defect, or a system that refuses: its stack, which may quote text from outside.
    console.error(
      String((error as Error).stack)
        .split('\n')
        .map(printable)
        .join('\n'),
    );
    return 1;
  }
}

function isHelpWanted(args: string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h');
}

/**
 * Emits, once, the exit code of a run that ends early: Ctrl-C, SIGTERM, or a closed standard output (`... | head -1`).
 * A closed standard error ends nothing.
 */
function stopSignal(): Observable<number> {
  const stop = new ReplaySubject<number>(1);
  let isStopping = false;
  // The listeners stay: without them the next signal would end the process before all is closed.
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(signal, () => {
      // A second signal does not wait until all is closed.
      if (isStopping) process.exit(code);
      isStopping = true;
      stop.next(code);
    });
  }
  onClosed(process.stdout, () => {
    stop.next(141);
  });
  onClosed(process.stderr, () => undefined);
  return stop.pipe(take(1));
}

/** Calls back when the reader of a stream is gone. */
function onClosed(stream: WriteStream, callback: () => void): void {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    callback();
  });
}

function version(): string {
  const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}
