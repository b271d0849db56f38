import { realpathSync } from 'node:fs';
import { parseArgs, type ParseArgsConfig } from 'node:util';

export const HELP = `rx-video-tasks: watch AI-video tasks until their videos are there

  rx-video-tasks watch PROVIDER ID...   watch tasks that you created at a service
  rx-video-tasks watch PROVIDER:ID...   watch tasks of several services at once
  rx-video-tasks resume --journal FILE  continue with the tasks of a journal
  rx-video-tasks worker --redis URL     poll for a fleet of processes that watch (docs/fleet.md)
  rx-video-tasks sandbox                run a local stand-in for all five services
  rx-video-tasks demo                   watch a dozen tasks of the sandbox, sped up
  rx-video-tasks demo PROVIDER:ID...    as watch, with --save into a temporary directory
  rx-video-tasks --help, --version

PROVIDER is one of xingchaoyiqing, mingyan, globalaiopc, anyfast, alad. Its key is read from the environment:
XINGCHAOYIQING_API_KEY, MINGYAN_API_KEY, GLOBALAIOPC_API_KEY, ANYFAST_API_KEY or ALAD_API_KEY; another base URL of it
from XINGCHAOYIQING_BASE_URL and so on. Tasks of the model center (ids that begin with mcp_) are tasks of the first
three.
"-" reads IDs from standard input, one a line; watch PROVIDER does so too when there is no ID and input is piped.

watch
  --base-url URL   the base URL of PROVIDER, such as the sandbox's
  --model NAME     the model of these tasks, until an answer names it: sets the polling interval from the start
  --speed N        divide all waits by N; above 1 for a base URL on this machine only (default 1)
  --json           print NDJSON: tasks, missed polls and downloads (docs/command-line.md)
  --stats          show each provider's requests that wait and that are in flight, and the limit in effect; with
                   --redis, the open tasks and the polls of the whole fleet
  --svg FILE       draw the run into FILE while it goes on: a line for each task with its polls and transitions
  --save DIR       save the videos there; a video that is there already is not fetched again
  --journal FILE   record the tasks in this file: after a crash, resume continues with them
  --allow-host H   save from this host though it is on this machine or a private network (may be repeated); the host
                   of --base-url is allowed
  --redis URL      watch through a fleet, whose workers poll: needs no key, and the tasks go on when this command ends
resume [PROVIDER]  the tasks of this provider, else of all whose keys are set
  --base-url, --speed, --json, --save, --journal, --allow-host   as above
worker [PROVIDER...]  for these providers, else for all whose keys are set; Ctrl-C lets it finish what runs
  --redis URL      where the fleet's Redis is; its password is read from REDIS_PASSWORD
  --requests-per-minute N   what each key allows, over all workers; the same for every worker (default: learned)
  --queue-per-provider      for two keys at one origin, as of the sandbox; then for every worker and watch
  --speed, --json           as above
sandbox
  --port N         (default: any free one)
  --speed N        how many times faster than real (default 1)
  --seed N         draw the same lifecycles again
demo
  --speed N        how many times faster than real (default 60)
  --seed N         draw other lifecycles (default 1)
  --json, --svg    as above

On a terminal, a live board is shown; into a pipe, one line for each transition. "~" marks an estimate, from the
documented generation time of the model.
Exit code: 0 all completed (and saved); 1 one failed, was cancelled, lost or not saved; 2 bad usage; 130 Ctrl-C. The
demo exits with 0 when every task ends as planned, a worker when it has finished what ran.`;

/** The command line is wrong, or the library refuses what it asks for. The message names the remedy. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Reads a command's arguments. @throws UsageError */
export function readArgs<T extends NonNullable<ParseArgsConfig['options']>>(args: string[], options: T) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    // Node's message goes on with a hint about positional arguments that does not apply here.
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
  throw new UsageError(`--${option}: "${text}" is not a number; write for example --${option} 60`);
}

/** @throws UsageError where there are arguments. */
export function refuseArgs(command: string, positionals: readonly string[]): void {
  if (positionals.length === 0) return;
  throw new UsageError(
    `${command} takes options only, not "${positionals[0] ?? ''}"; to watch tasks write watch PROVIDER ID`,
  );
}

/** Turns what the library refuses at call time into bad usage. */
export function orUsageError<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) throw new UsageError(inFlags(error.message));
    throw error;
  }
}

/** A message of the library, with the flags of this program in place of the options. */
export function inFlags(message: string): string {
  return message
    .replace(/\ballowHosts\b/g, '--allow-host')
    .replace(/write queue: \(provider\) => provider\.name, in/, 'write --queue-per-provider, at')
    .replace(/^baseUrl of /, '--base-url of ')
    .replace(/^(speed|port|seed):/, '--$1:')
    .replace(/, or allowInsecure: true$/, '');
}

/** How to start this program, from any directory: it need not be on the PATH. */
export function invocation(): string {
  const file = realpathSync(process.argv[1] ?? '');
  return `node ${/^[\w./-]+$/.test(file) ? file : `'${file.replaceAll("'", `'\\''`)}'`}`;
}
