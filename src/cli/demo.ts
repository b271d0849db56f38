import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Observable } from 'rxjs';
import type { SandboxTaskRequest } from 'rx-video-tasks/sandbox';
import { follow } from './follow.js';
import { openSandbox } from './sandbox.js';
import { keyNameOf, servicesWithKeys } from './services.js';
import { invocation, readArgs, readNumber, refuseArgs } from './usage.js';

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
 * `demo`: a dozen tasks over all five providers, always on the sandbox: a demo on the real services would have to create
 * tasks, which costs money and which this library cannot do. @throws UsageError
 */
export async function demo(args: string[], stop: Observable<unknown>): Promise<number> {
  const { values, positionals } = readArgs(args, {
    speed: { type: 'string' },
    seed: { type: 'string' },
    json: { type: 'boolean' },
  });
  refuseArgs('demo', positionals);
  const { json: isJson = false } = values;
  const speed = readNumber('speed', values.speed) ?? 60;
  const gateway = await openSandbox({ speed, seed: readNumber('seed', values.seed) ?? 1 });
  try {
    const refs = cast.map((task) => gateway.create(task));
    console.error(`${cast.length} tasks at a local stand-in for five services, ${speed} times faster than real.\n`);
    const save = await mkdtemp(join(tmpdir(), 'rx-video-tasks-demo-'));
    // The sandbox is on this machine, and this program has started it.
    const allowHosts = [new URL(gateway.url).host];
    const { code } = await follow({ providers: gateway.providers, refs, speed, isJson, save, allowHosts, stop });
    console.error(`\nThe videos are in ${save}`);
    console.error(farewell());
    return code;
  } finally {
    await gateway.close();
  }
}

function farewell(): string {
  const [service] = servicesWithKeys();
  return service === undefined
    ? `\nYour own tasks:\n  export ALAD_API_KEY=...\n  ${invocation()} watch alad ID...`
    : `\n${keyNameOf(service)} is set. Your own tasks there:\n  ${invocation()} watch ${service} ID...`;
}
