// One contestant in a process of its own: starts many tasks in one tick, waits for their first answers, drops them.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { alad, createGate, createTracker, mingyan, type Gate } from 'rx-video-tasks';
import { undiciTransport } from 'rx-video-tasks/node';
import { Agent, request } from 'undici';
import { answer } from '../child.js';

/** What a start cost. Times in ms. */
export interface Start {
  /** The longest time that nothing else got its turn. */
  readonly blocked: number;
  /** Until all had their first answer. Without a declared limit the gate starts slowly: see decision 3. */
  readonly answered: number;
  readonly errors: number;
  /** µs a task: the subscribing itself, and dropping all at the end. */
  readonly subscribe: number;
  readonly drop: number;
}

interface Outcome {
  readonly isAnswered: () => void;
  readonly isRefused: () => void;
}

/** Asks about all tasks in one tick; gives the way to drop them. */
type Starter = (url: string, ids: readonly string[], outcome: Outcome) => () => void;

export const starters: Record<string, Starter> = {
  'rx-video-tasks': (url, ids, outcome) => tracked(createGate(), url, ids, outcome),
  'rx-video-tasks, no limit declared': (url, ids, outcome) =>
    tracked(createGate({ requestsPerMinute: Infinity }), url, ids, outcome),
  'undici.request, sockets unbounded': (url, ids, outcome) => {
    const dispatcher = new Agent();
    return promises(ids, outcome, async (path) => {
      const { body } = await request(url + path, { dispatcher });
      await body.json();
    });
  },
  'global fetch': (url, ids, outcome) =>
    promises(ids, outcome, async (path) => {
      await (await fetch(url + path)).json();
    }),
};

function tracked(gate: Gate, url: string, ids: readonly string[], { isAnswered, isRefused }: Outcome): () => void {
  const options = { apiKey: 'benchmark-key', baseUrl: url };
  const tracker = createTracker({ provider: [mingyan(options), alad(options)], transport: undiciTransport(), gate });
  const subscriptions = ids.map((id, index) =>
    tracker
      .track({ id, provider: index % 2 === 0 ? 'mingyan' : 'alad' })
      .subscribe({ next: isAnswered, error: isRefused }),
  );
  return () => {
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
}

/** ms. Where the sockets ran out, some are never answered. */
const PATIENCE = 20_000;

function promises(
  ids: readonly string[],
  { isAnswered, isRefused }: Outcome,
  ask: (path: string) => Promise<void>,
): () => void {
  for (const id of ids) void ask(`/v1/result/${id}`).then(isAnswered, isRefused);
  return () => undefined;
}

answer(async ({ name, url, tasks }: { name: string; url: string; tasks: number }): Promise<Start> => {
  const ids = Array.from({ length: tasks }, (_, i) => `t${i}-never`);
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  await sleep(100);
  delay.reset();
  // The first turn after a reset is not counted.
  await sleep(20);
  const from = performance.now();
  let left = tasks;
  let errors = 0;
  let drop: () => void = () => undefined;
  const done = new Promise<void>((resolve) => {
    const oneLess = () => {
      if (--left === 0) resolve();
    };
    const outcome = {
      isAnswered: oneLess,
      isRefused: () => {
        errors++;
        oneLess();
      },
    };
    drop = (starters[name] as Starter)(url, ids, outcome);
  });
  const subscribed = performance.now();
  await Promise.race([done, sleep(PATIENCE)]);
  const answered = performance.now() - from;
  delay.disable();
  const dropping = performance.now();
  drop();
  return {
    blocked: delay.max / 1e6,
    answered,
    errors: errors + left,
    subscribe: ((subscribed - from) * 1000) / tasks,
    drop: ((performance.now() - dropping) * 1000) / tasks,
  };
});
