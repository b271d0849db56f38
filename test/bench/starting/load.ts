// Row L1 of the load table: tasks of one process that are polled on time, over real sockets, while the event loop stays free.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTracker, mingyan } from 'rx-video-tasks';
import { undiciTransport } from 'rx-video-tasks/node';
import { answer } from '../child.js';

/** What tracking costs, after all tasks have been polled once. */
export interface Load {
  /** Of the event loop, in ms. */
  readonly delays: { readonly p50: number; readonly p99: number; readonly max: number };
  /** Of one core. */
  readonly share: number;
  readonly seconds: number;
}

export interface Crowd {
  readonly url: string;
  readonly tasks: number;
  readonly window: { readonly min: number; readonly max: number };
}

/** Settles when all have been polled twice at least. */
async function trackAll({ url, tasks, window: { min, max } }: Crowd): Promise<void> {
  const tracker = createTracker({
    provider: mingyan({ apiKey: 'benchmark-key', baseUrl: url }),
    transport: undiciTransport(),
    windows: { '*': { min, max, floor: min } },
    minInterval: min,
  });
  let answered = 0;
  const next = () => answered++;
  const error = (cause: unknown) => {
    throw cause;
  };
  for (let i = 0; i < tasks; i++) tracker.track(`t${i}-never`).subscribe({ next, error });
  while (answered < tasks) await sleep(100);
  await sleep(max);
}

async function measure(time: number): Promise<Load> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const before = process.cpuUsage();
  const from = performance.now();
  await sleep(time);
  const { user, system } = process.cpuUsage(before);
  const ms = performance.now() - from;
  delay.disable();
  const delays = { p50: delay.percentile(50) / 1e6, p99: delay.percentile(99) / 1e6, max: delay.max / 1e6 };
  return { delays, share: (user + system) / 1000 / ms, seconds: ms / 1000 };
}

// A crowd to track, then a time to measure for, in ms.
answer((question: Crowd | number) => (typeof question === 'number' ? measure(question) : trackAll(question)));
