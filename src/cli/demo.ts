import { mkdtemp, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isObservable, map, type Observable } from 'rxjs';
import type { SandboxTaskRequest } from 'rx-video-tasks/sandbox';
import { follow, tellEnds, type Followed } from './follow.js';
import { idsOf } from './ids.js';
import { openSandbox } from './sandbox.js';
import { readHosts } from './saving.js';
import { keyNameOf, providerOf, servicesWithKeys } from './services.js';
import { invocation, readArgs, readNumber, UsageError } from './usage.js';
import type { Following } from './view.js';

/** All end well: what a demo does on a machine that works is exit with 0. */
const cast: readonly SandboxTaskRequest[] = [
  { provider: 'xingchaoyiqing', model: 'seedance_1_5_pro_480p' },
  { provider: 'xingchaoyiqing', model: 'seedance_1_5_pro_720p' },
  { provider: 'xingchaoyiqing', model: 'seedance_1_5_pro_1080p' },
  { provider: 'mingyan', model: 'videos' },
  { provider: 'mingyan', model: 'sora-2' },
  { provider: 'mingyan', model: 'viduq3-turbo' },
  { provider: 'globalaiopc', model: 'veo_3_1' },
  { provider: 'globalaiopc', model: 'veo_3_1_fast' },
  { provider: 'anyfast', model: 'seedance' },
  { provider: 'anyfast', model: 'seedance-turbo', superResolution: true },
  { provider: 'alad', model: 'seedance' },
  { provider: 'alad', model: 'seedance-turbo', superResolution: true },
];

/**
 * `demo [PROVIDER:ID...]`: a dozen tasks of the sandbox, over all five providers; or your own, at as many services as you
 * have keys for. None is created there: that would cost money, and this library cannot do it. @throws UsageError
 */
export async function demo(args: string[], stop: Observable<unknown>): Promise<number> {
  const { values, positionals } = readArgs(args, {
    speed: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'boolean' },
    'allow-host': { type: 'string', multiple: true },
  });
  const speed = readNumber('speed', values.speed);
  const seed = readNumber('seed', values.seed);
  const allowHosts = readHosts(values['allow-host']);
  const { json: isJson = false } = values;
  if (positionals.length === 0) {
    if (allowHosts.length > 0) throw new UsageError('--allow-host goes with tasks of your own; write demo PROVIDER:ID');
    return onSandbox(speed ?? 60, seed ?? 1, { isJson, stop });
  }
  if (seed !== undefined) throw new UsageError('--seed goes with the sandbox; leave it out for tasks of your own');
  const { code } = await atServices(positionals, { speed: speed ?? 1, isJson, allowHosts, stop });
  return code;
}

async function onSandbox(speed: number, seed: number, rest: Pick<Following, 'isJson' | 'stop'>): Promise<number> {
  const gateway = await openSandbox({ speed, seed });
  try {
    const refs = cast.map((task) => gateway.create(task));
    console.error(`${cast.length} tasks at a local stand-in for five services, ${speed} times faster than real.\n`);
    // The sandbox is on this machine, and this program has started it.
    const allowHosts = [new URL(gateway.url).host];
    const { code } = await followAndSave({ providers: gateway.providers, refs, speed, allowHosts, ...rest });
    console.error(farewell());
    return code;
  } finally {
    await gateway.close();
  }
}

async function atServices(
  args: readonly string[],
  rest: Pick<Following, 'speed' | 'isJson' | 'allowHosts' | 'stop'>,
): Promise<Followed> {
  const tasks = idsOf(args, 'demo PROVIDER:ID...');
  const refs = isObservable(tasks) ? tasks.pipe(map(refOf)) : tasks.map(refOf);
  const names = isObservable(refs) ? servicesWithKeys() : new Set(refs.map(({ provider }) => provider));
  const providers = [...names].map((name) => providerOf(name));
  if (providers.length === 0) throw new UsageError('no key is set; write export ALAD_API_KEY=... before this command');
  const followed = await followAndSave({ providers, refs, ...rest });
  if (process.stdout.isTTY && !rest.isJson) tellEnds(followed);
  return followed;
}

/** The task behind `PROVIDER:ID`. @throws UsageError */
function refOf(text: string): { provider: string; id: string } {
  const at = text.indexOf(':');
  if (at < 0) throw new UsageError(`"${text}" names no service; write PROVIDER:ID, for example alad:${text}`);
  return { provider: text.slice(0, at), id: text.slice(at + 1) };
}

/** Saves the videos in a new directory and says where; where none came, there is no directory. */
async function followAndSave(following: Following): Promise<Followed> {
  const save = await mkdtemp(join(tmpdir(), 'rx-video-tasks-demo-'));
  try {
    return await follow({ ...following, save });
  } finally {
    const isEmpty = await rmdir(save).then(
      () => true,
      () => false,
    );
    if (!isEmpty) console.error(`\nThe videos are in ${save}`);
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
