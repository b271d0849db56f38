import { firstValueFrom, type Observable } from 'rxjs';
import type { Provider, Wire } from 'rx-video-tasks';
import { startSandbox, type Sandbox, type SandboxService } from 'rx-video-tasks/sandbox';
import { baseUrlNameOf, keyNameOf } from './services.js';
import { inFlags, invocation, readArgs, readNumber, refuseArgs, UsageError } from './usage.js';

/** `sandbox`: runs until `stop` emits. @throws UsageError */
export async function sandbox(args: string[], stop: Observable<unknown>): Promise<number> {
  const { values, positionals } = readArgs(args, {
    port: { type: 'string' },
    speed: { type: 'string' },
    seed: { type: 'string' },
  });
  refuseArgs('sandbox', positionals);
  const speed = readNumber('speed', values.speed) ?? 1;
  const gateway = await openSandbox({
    speed,
    port: readNumber('port', values.port),
    seed: readNumber('seed', values.seed),
  });
  try {
    console.log(welcome(gateway));
    await firstValueFrom(stop, { defaultValue: undefined });
    return 0;
  } finally {
    await gateway.close();
  }
}

export interface SandboxSettings {
  readonly speed: number;
  readonly port?: number | undefined;
  readonly seed?: number | undefined;
}

/** @throws UsageError for what the sandbox refuses, and for a port that is taken. */
export async function openSandbox({ speed, port, seed }: SandboxSettings): Promise<Sandbox> {
  try {
    return await startSandbox({
      speed,
      ...(port === undefined ? {} : { port }),
      ...(seed === undefined ? {} : { seed }),
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' || code === 'EACCES') {
      throw new UsageError(
        `--port: ${String(port)} is not available (${code}); write another, or none for any free one`,
      );
    }
    throw error instanceof TypeError || error instanceof RangeError ? new UsageError(inFlags(message)) : error;
  }
}

/** How to use it from another terminal, in commands that work as pasted. */
function welcome({ url, providers, speed, keys, seed }: Sandbox): string {
  const pace = speed === 1 ? 'in real time' : `${speed} times faster than real`;
  const faster = speed === 1 ? '' : ` --speed ${speed}`;
  const all = providers.map(({ name, wire }) => `${name}:${prefixOf(wire)}four`).join(' ');
  const lines = (line: (provider: Provider) => string) => providers.map((provider) => `  ${line(provider)}`);
  return [
    `The sandbox stands in for all five services at ${url}, ${pace} (seed ${seed}). Ctrl-C ends it.`,
    '',
    'Its keys and base URLs, for another terminal:',
    ...lines(
      ({ name, baseUrl }) =>
        `export ${keyNameOf(name)}=${keys[name as SandboxService]} ${baseUrlNameOf(name)}=${baseUrl}`,
    ),
    '',
    'Any id with the prefix of its wire is a task: the first request for it creates it, and it completes. Ask once:',
    ...lines(({ name, baseUrl, wire }) => {
      const path = wire.path(`${prefixOf(wire)}one`);
      return `curl -H "Authorization: Bearer $${keyNameOf(name)}" ${baseUrl}${path}`;
    }),
    '',
    'Or create one that fails:',
    `  curl -d '{"provider": "alad", "outcome": "failed"}' ${url}/sandbox/tasks`,
    '',
    'Watch until the videos are there:',
    ...lines(({ name, wire }) => {
      const prefix = prefixOf(wire);
      return `${invocation()} watch ${name} ${prefix}two ${prefix}three${faster}`;
    }),
    '',
    'Watch all five, and save their videos:',
    `  ${invocation()} watch ${all}${faster} --save ./videos`,
  ].join('\n');
}

function prefixOf(wire: Wire): string {
  return wire.name === 'generations' ? 'asyntask_' : 'video_';
}
