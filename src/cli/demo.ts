import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defer, of, type Observable } from 'rxjs';
import type { TaskRefFields, Transport } from 'rx-video-tasks';
import type { SandboxTaskRequest } from 'rx-video-tasks/sandbox';
import { openSandbox } from './sandbox.js';
import { keyNameOf, servicesWithKeys } from './services.js';
import { trackTasks, type TrackRequest, type TrackResult } from './track-tasks.js';
import { trackHere } from './tracking.js';
import { invocation, readArgs, readNumber, UsageError } from './usage.js';
import { keyOf } from './view.js';
import { watch, watchOptions } from './watch.js';

/** One task fails, one is cancelled, so that the board shows what it can. */
const cast: readonly SandboxTaskRequest[] = [
  { provider: 'xingchaoyiqing', model: 'seedance_1_5_pro_480p' },
  { provider: 'xingchaoyiqing', model: 'seedance_1_5_pro_720p' },
  { provider: 'xingchaoyiqing', model: 'seedance_1_5_pro_1080p', outcome: 'cancelled' },
  { provider: 'mingyan', model: 'videos' },
  { provider: 'mingyan', model: 'sora-2' },
  { provider: 'mingyan', model: 'viduq3-turbo', outcome: 'failed', reason: 'the prompt violates the content policy' },
  { provider: 'globalaiopc', model: 'veo_3_1' },
  { provider: 'globalaiopc', model: 'veo_3_1_fast' },
  { provider: 'anyfast', model: 'seedance' },
  { provider: 'anyfast', model: 'seedance-turbo', superResolution: true },
  { provider: 'alad', model: 'seedance' },
  { provider: 'alad', model: 'seedance-turbo', superResolution: true },
];

/** The place in the cast of the task of which one poll is missed. */
const UNLUCKY = 6;
/** s; for as long as that the board shows the reason and counts down. */
const RETRY_AFTER = 3;

/**
 * `demo`: a dozen tasks of the sandbox, over all five providers. `demo PROVIDER:ID...`: `watch` with `--save`. None is
 * created there: that would cost money, and this library cannot do it. @throws UsageError
 */
export async function demo(args: string[], stop: Observable<unknown>): Promise<number> {
  const { values, positionals } = readArgs(args, { ...watchOptions, seed: { type: 'string' } });
  if (positionals.length === 0) {
    const { speed, seed, svg, json: isJson = false, ...others } = values;
    const [other] = Object.keys(others);
    if (other !== undefined) {
      throw new UsageError(`--${other} goes with tasks of your own; write demo PROVIDER:ID... --${other}`);
    }
    return onSandbox(readNumber('speed', speed) ?? 60, readNumber('seed', seed) ?? 1, { isJson, svg, stop });
  }
  if (values.seed !== undefined)
    throw new UsageError('--seed goes with the sandbox; leave it out for tasks of your own');
  if (values.save !== undefined) return watch(args, stop);
  return inTemporaryDirectory((directory) => watch([...args, `--save=${directory}`], stop));
}

async function onSandbox(
  speed: number,
  seed: number,
  { isJson, svg, stop }: Pick<TrackRequest, 'isJson' | 'svg' | 'stop'>,
): Promise<number> {
  const gateway = await openSandbox({ speed, seed });
  try {
    const refs = cast.map((task) => gateway.create(task));
    console.error(`${cast.length} tasks at a local stand-in for five services, ${speed} times faster than real.\n`);
    const { providers, url } = gateway;
    const allowHosts = [new URL(url).host];
    const intercept = missOnePoll((refs[UNLUCKY] as TaskRefFields).id);
    const result = await inTemporaryDirectory((save) =>
      trackTasks({
        tracking: trackHere({ providers, speed, intercept, isSaving: true }),
        ...{ providers, refs, speed, isJson, svg, save, allowHosts, stop },
      }),
    );
    console.error(farewell());
    return isAsPlanned(result, refs) ? 0 : 1;
  } finally {
    await gateway.close();
  }
}

/** Answers the first poll of a task with 503, as an overloaded gateway would. */
function missOnePoll(id: string): (transport: Transport) => Transport {
  let isMissed = false;
  const overloaded = { status: 503, headers: { 'retry-after': String(RETRY_AFTER) }, body: '' };
  return (transport) => (request) =>
    defer(() => {
      if (isMissed || !request.url.endsWith(`/${id}`)) return transport(request);
      isMissed = true;
      return of(overloaded);
    });
}

/** Whether every task has the outcome that the cast gives it, and every video is saved. */
function isAsPlanned({ last, saves }: TrackResult, refs: readonly TaskRefFields[]): boolean {
  const areSaved = saves.every(({ status }) => status === 'saved');
  return areSaved && refs.every((ref, nth) => last.get(keyOf(ref))?.status === (cast[nth]?.outcome ?? 'completed'));
}

/** Prints where the videos are, if there are any; else removes the directory. */
async function inTemporaryDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'rx-video-tasks-demo-'));
  try {
    return await work(directory);
  } finally {
    const isEmpty = await rmdir(directory).then(
      () => true,
      () => false,
    );
    if (!isEmpty) console.error(`\nThe videos are in ${directory}`);
  }
}

function farewell(): string {
  const names = servicesWithKeys();
  const own = (services: readonly string[]) =>
    `  ${invocation()} demo ${services.map((name) => `${name}:ID`).join(' ')}`;
  return names.length === 0
    ? `\nYour own tasks, with the key of their service:\n  export ALAD_API_KEY=...\n${own(['alad'])}`
    : `\n${names.map(keyNameOf).join(', ')} ${names.length === 1 ? 'is' : 'are'} set. Your own tasks there:\n${own(names)}`;
}
