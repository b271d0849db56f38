import { readFileSync } from 'node:fs';
import { firstValueFrom, merge, of, ReplaySubject, take, type Observable } from 'rxjs';
import { demo } from './demo.js';
import { resume } from './resume.js';
import { sandbox } from './sandbox.js';
import { HELP, UsageError } from './usage.js';
import { watch } from './watch.js';

const commands: Readonly<Record<string, (args: string[], stop: Observable<number>) => Promise<number>>> = {
  watch,
  resume,
  sandbox,
  demo,
};

process.exitCode = await run(process.argv.slice(2));

/** Gives the exit code. By then nothing is left open, and the process ends by itself. */
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
    if (!command) throw new UsageError(`"${name}" is no command; write watch, resume, sandbox or demo`);
    const code = await command(args, stop);
    return await firstValueFrom(merge(stop, of(code)), { defaultValue: code });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`rx-video-tasks: ${error.message}\nAll commands and options: rx-video-tasks --help`);
    return 2;
  }
}

function isHelpWanted(args: string[]): boolean {
  const end = args.indexOf('--');
  return (end < 0 ? args : args.slice(0, end)).some((arg) => arg === '--help' || arg === '-h');
}

/**
 * Emits, once, the exit code of a run that ends before its time: Ctrl-C, a polite kill, or a reader that went away
 * (`... | head -1`).
 */
function stopSignal(): Observable<number> {
  const stop = new ReplaySubject<number>(1);
  let isStopping = false;
  // The listeners stay: were they gone after the first signal, the board's own would end the process before its time.
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.on(signal, () => {
      // Whoever insists need not wait until all is closed.
      if (isStopping) process.exit(code);
      isStopping = true;
      stop.next(code);
    });
  }
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    stop.next(141);
  });
  return stop.pipe(take(1));
}

function version(): string {
  const file = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(file) as { version: string }).version;
}
