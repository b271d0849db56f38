// One contestant in a process of its own. Needs --expose-gc.
import { setTimeout as sleep } from 'node:timers/promises';
import { answer } from '../child.js';
import { answers, contestants, type Contestant, type Window } from './contestants.js';

/** What waiting cost. */
export interface Bill {
  /** Of the heap, a task, after the polls that were measured. */
  readonly bytes: number;
  readonly rss: number;
  /** µs a task. */
  readonly subscribe: number;
  /** µs of CPU a poll. */
  readonly poll: number;
  readonly polls: number;
  /** µs a task. */
  readonly drop: number;
}

export interface Stay {
  readonly name: string;
  readonly tasks: number;
  readonly window: Window;
}

function heap(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

const timed = <T>(work: () => T): [result: T, ms: number] => {
  const from = performance.now();
  const result = work();
  return [result, performance.now() - from];
};

answer(async ({ name, tasks, window }: Stay): Promise<Bill> => {
  const start = contestants[name] as Contestant;
  const { min, max } = window;
  const before = heap();
  const [drop, subscribe] = timed(() => start(tasks, window));
  const startedAt = performance.now();
  globalThis.gc?.();
  // The first asks are over at once; the second ones come from `min` to `max` after them.
  await sleep(Math.max(0, min - (performance.now() - startedAt)));
  const cpuBefore = process.cpuUsage();
  const answersBefore = answers;
  await sleep(max - min);
  const { user, system } = process.cpuUsage(cpuBefore);
  const polls = answers - answersBefore;
  const bytes = (heap() - before) / tasks;
  const { rss } = process.memoryUsage();
  const [, dropping] = timed(drop);
  return {
    bytes,
    rss,
    subscribe: (subscribe * 1000) / tasks,
    poll: (user + system) / polls,
    polls,
    drop: (dropping * 1000) / tasks,
  };
});
