import type { Observable } from 'rxjs';
import { createGate, createTracker, xingchaoyiqing, type TrackedTask, type Transport } from 'rx-video-tasks';

export interface SoakOptions {
  /** Where a service answers that never finishes a task. */
  readonly baseUrl: string;
  readonly transport: Transport;
  readonly polls: number;
  /** @default 64 */
  readonly tasks?: number;
}

export interface SoakReport {
  readonly polls: number;
  /** Bytes of the heap after a collection, at equal steps from the second tenth on. */
  readonly heap: readonly number[];
  /** How much the fitted line through them rises from its start to its end, in bytes. */
  readonly growth: number;
  /** What the process still waits on, once all is closed, beyond what it did before. */
  readonly left: readonly string[];
}

/**
 * Polls so many times as fast as the service answers, through the whole library, and tells what that leaves behind. Needs
 * `--expose-gc`.
 */
export async function soak(options: SoakOptions, close: () => Promise<void>): Promise<SoakReport> {
  const { baseUrl, transport, polls: goal, tasks = 64 } = options;
  // Opened now, so that they are not found as new later.
  for (const stream of [process.stdout, process.stderr]) stream.write('');
  const before = resources();
  const provider = xingchaoyiqing({ apiKey: 'sk-soak-0123456789', baseUrl });
  let polls = 0;
  const heap: number[] = [];
  const counting: Transport = (request) => {
    polls += 1;
    return transport(request);
  };
  const tracker = createTracker({
    provider,
    transport: counting,
    gate: createGate({ requestsPerMinute: Infinity }),
    interval: 1,
    minInterval: 1,
  });
  const ids = Array.from({ length: tasks }, (_, nth) => `t${nth}`);
  const stream: Observable<TrackedTask> = tracker.trackAll(ids);
  await new Promise<void>((resolve, reject) => {
    const subscription = stream.subscribe({ error: reject });
    const check = () => {
      // What is allocated once, and the code's own warming up, is over by then.
      const step = goal / 10;
      if (polls >= step * (heap.length + 2)) heap.push(collected());
      if (polls < goal) {
        setImmediate(check);
        return;
      }
      subscription.unsubscribe();
      resolve();
    };
    check();
  });
  tracker.close();
  await close();
  // Sockets take a moment to close. An idle one that is kept does not keep the process alive, and is not among these.
  let left = without(resources(), before);
  for (const end = performance.now() + 30_000; left.length > 0 && performance.now() < end;) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    left = without(resources(), before);
  }
  return { polls, heap, growth: growthOf(heap), left };
}

/** Sockets, timers and whatever else keeps a process alive, and the listeners of the process. */
function resources(): string[] {
  const listeners = process
    .eventNames()
    .flatMap((name) => Array<string>(process.listenerCount(name)).fill(`on ${String(name)}`));
  return [...process.getActiveResourcesInfo(), ...listeners];
}

function without(all: readonly string[], some: readonly string[]): string[] {
  const rest = [...all];
  for (const one of some) {
    const at = rest.indexOf(one);
    if (at >= 0) rest.splice(at, 1);
  }
  return rest;
}

function collected(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** By least squares. */
function growthOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const up = values.reduce((sum, value, at) => sum + (at - middle) * (value - mean), 0);
  const across = values.reduce((sum, _, at) => sum + (at - middle) ** 2, 0);
  return (up / across) * (values.length - 1);
}
