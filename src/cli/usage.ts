import { basename, relative } from 'node:path';
import { parseArgs, type ParseArgsConfig } from 'node:util';

export const HELP = `rx-video-tasks: watch AI-video tasks until their videos are there

  rx-video-tasks watch PROVIDER ID...   watch tasks that you created at a service
  rx-video-tasks resume --journal FILE  go on with the tasks of a journal
  rx-video-tasks sandbox                run a local stand-in for all five services
  rx-video-tasks demo                   watch a dozen tasks of the sandbox, sped up
  rx-video-tasks demo PROVIDER:ID...    watch tasks of several services, and save their videos

PROVIDER is one of xingchaoyiqing, mingyan, globalaiopc, anyfast, alad. Its key is read from the environment:
XINGCHAOYIQING_API_KEY, MINGYAN_API_KEY, GLOBALAIOPC_API_KEY, ANYFAST_API_KEY or ALAD_API_KEY; where it answers, from
XINGCHAOYIQING_BASE_URL and so on, if that is not its own host.
IDs are read from standard input, one a line, when "-" is among them; by watch also when there is none and input is piped.

watch
  --base-url URL   where the service answers, such as the sandbox or another host of it, whatever the environment says
  --model NAME     the model of these tasks, until an answer names it: the right polling interval from the start
  --speed N        divide all waits by N; above 1 for a base URL on this machine only (default 1)
  --json           print NDJSON: one Task a line, at each transition
  --save DIR       save the videos there; what is there already is not fetched again
  --journal FILE   remember the tasks in this file: after a crash, resume goes on where it was
  --allow-host H   save from this host though it is on this machine or a private network (may be repeated)
resume [PROVIDER]  of this provider, else of all whose keys are set
  --base-url, --speed, --json, --save, --journal, --allow-host   as above
sandbox
  --port N         (default: any free one)
  --speed N        how many times faster than real (default 1)
  --seed N         draw the same lifecycles again
demo
  --speed N        (default 60; for PROVIDER:ID 1)
  --seed N         of the sandbox (default 1)
  --json           as above
  --allow-host H   for PROVIDER:ID: as above

On a terminal a live board is shown, otherwise one line for each transition. "~" marks progress that no service tells:
it is estimated from the documented generation time of the model.
Exit code: 0 all completed (and saved); 1 one failed, was cancelled, lost or not saved; 2 bad usage; 130 Ctrl-C.`;

/** The command line, or what the library refused of it, cannot be meant. The message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads a command's arguments. @throws UsageError */
export function readArgs<T extends NonNullable<ParseArgsConfig['options']>>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    // Node's own message goes on about positional arguments after its first sentence.
    const [what] = (error as Error).message.split(/\.(?:\s|$)/);
    const known = Object.keys(options).map((name) => `--${name}`);
    throw new UsageError(`${what ?? ''}; this command takes ${known.join(', ')}`);
  }
}

/** Reads a number. @throws UsageError */
export function readNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = text.trim() === '' ? NaN : Number(text);
  if (Number.isFinite(number)) return number;
  throw new UsageError(`--${option}: "${text}" is no number; write for example --${option} 60`);
}

/** Says no to arguments where none are taken. @throws UsageError */
export function refuseArgs(command: string, positionals: readonly string[]): void {
  if (positionals.length === 0) return;
  throw new UsageError(
    `${command} takes options only, not "${positionals[0] ?? ''}"; to watch tasks write watch PROVIDER ID`,
  );
}

/** What the library refuses at call time is bad usage here. */
export function orUsageError<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(error.message);
    throw error;
  }
}

/** How this program was started, for commands that are to be pasted. */
export function invocation(): string {
  const file = process.argv[1] ?? '';
  return basename(file) === 'cli.js' ? `node ${relative('', file)}` : 'rx-video-tasks';
}
