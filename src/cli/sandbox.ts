import { firstValueFrom, type Observable } from 'rxjs';
import type { Provider, Wire } from 'rx-video-tasks';
import { startSandbox, type Sandbox, type SandboxService } from 'rx-video-tasks/sandbox';
import { baseUrlNameOf, keyNameOf } from './services.js';
import { invocation, readArgs, readNumber, refuseArgs, UsageError } from './usage.js';

/** `sandbox`: runs until it is stopped. @throws UsageError */
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

export interface SandboxWishes {
  readonly speed: number;
  readonly port?: number | undefined;
  readonly seed?: number | undefined;
}

/** @throws UsageError for what the sandbox refuses, a port that is taken included. */
export async function openSandbox({ speed, port, seed }: SandboxWishes): Promise<Sandbox> {
  try {
    return await startSandbox({
      speed,
      ...(port === undefined ? {} : { port }),
      ...(seed === undefined ? {} : { seed }),
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE' || code === 'EACCES') {
      throw new UsageError(`--port: ${String(port)} cannot be had (${code}); write another, or none for any free one`);
    }
    throw error instanceof TypeError || error instanceof RangeError ? new UsageError(message) : error;
  }
}

/** How to talk to it, ready to be pasted into another terminal. */
function welcome({ url, providers, speed, keys, seed }: Sandbox): string {
  const pace = speed === 1 ? 'in real time' : `${speed} times faster than real`;
  const faster = speed === 1 ? '' : ` --speed ${speed}`;
  const all = providers.map(({ name, wire }) => `${name}:${prefixOf(wire)}four`).join(' ');
  const lines = (line: (provider: Provider) => string) => providers.map((provider) => `  ${line(provider)}`);
  return [
    `The sandbox stands in for all five services at ${url}, ${pace} (seed ${seed}). Ctrl-C ends it.`,
    '',
    'Its keys and places, for another terminal:',
    ...lines(
      ({ name, baseUrl }) =>
        `export ${keyNameOf(name)}=${keys[name as SandboxService]} ${baseUrlNameOf(name)}=${baseUrl}`,
    ),
    '',
    'Any id with the prefix of its wire is a task: it is created when it is first asked about, and completes. Ask once:',
    ...lines(({ name, baseUrl, wire }) => {
      const path = wire.path(`${prefixOf(wire)}one`);
      return `curl -H "Authorization: Bearer $${keyNameOf(name)}" ${baseUrl}${path}`;
    }),
    '',
    'Or create one that ends as you like:',
    `  curl -d '{"provider": "alad", "outcome": "failed"}' ${url}/sandbox/tasks`,
    '',
    'Watch until the videos are there:',
    ...lines(({ name, wire }) => {
      const prefix = prefixOf(wire);
      return `${invocation()} watch ${name} ${prefix}two ${prefix}three${faster}`;
    }),
    '',
    'Watch all five, and save their videos:',
    `  ${invocation()} demo ${all}${faster} --allow-host ${new URL(url).host}`,
  ].join('\n');
}

function prefixOf(wire: Wire): string {
  return wire.name === 'generations' ? 'asyntask_' : 'video_';
}
