import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { defineProvider, resultWindows, resultWire, type Provider } from 'rx-video-tasks';
import type { FleetEvent } from 'rx-video-tasks/bullmq';

export const acme = defineProvider({
  name: 'acme',
  baseUrl: 'https://acme.example',
  wire: resultWire,
  windows: resultWindows,
});

export function provider(baseUrl: string, apiKey: string | null = 'key'): Provider {
  return acme({ apiKey, baseUrl });
}

export interface WorkerProcess {
  readonly process: ChildProcess;
  readonly events: readonly FleetEvent[];
  /** `kill -9`, and waits for the end. */
  kill(): Promise<void>;
  /** Lets it drain, and waits for the end; gives the exit code. */
  stop(): Promise<number | null>;
}

const WORKER = join(import.meta.dirname, 'worker-process.mjs');

export interface WorkerSettings {
  readonly redis: string;
  readonly baseUrl: string;
  readonly requestsPerMinute?: number;
  readonly speed?: number;
  readonly concurrency?: number;
}

/** @param flags of Node. */
export function startWorker(settings: WorkerSettings, flags: readonly string[] = []): WorkerProcess {
  const child = spawn(process.execPath, [...flags, WORKER, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const events: FleetEvent[] = [];
  let rest = '';
  child.stdout.on('data', (data: Buffer) => {
    const lines = (rest + String(data)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) events.push(JSON.parse(line) as FleetEvent);
  });
  const end = async (signal: NodeJS.Signals): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill(signal);
      await once(child, 'exit');
    }
    return child.exitCode;
  };
  return {
    process: child,
    events,
    kill: async () => {
      await end('SIGKILL');
    },
    stop: () => end('SIGTERM'),
  };
}
