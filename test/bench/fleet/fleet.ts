import { Redis } from 'ioredis';
import { startRedis } from '../../fleet/redis-server.js';
import { startChild } from '../child.js';
import { median, repeats, spread, whole, type Findings } from '../figures.js';
import { fill } from './fill.js';
import type { Bill, Job } from './runner.js';

/** What a fleet costs beside one process: CPU of a poll, delay from due to asked, bytes of Redis. */
export async function fleet(isQuick: boolean): Promise<Findings> {
  const rounds = isQuick ? 1 : 3;
  const tasks = isQuick ? 1_000 : 5_000;
  const interval = 5_000;
  const duration = isQuick ? 5_000 : 10_000;
  const measured = { worker: [] as Measured[], tracker: [] as Measured[] };
  for (let round = 0; round < rounds; round++) {
    for (const engine of ['tracker', 'worker'] as const) {
      measured[engine].push(await measure({ engine, tasks, interval, duration }));
    }
  }
  const waiting = isQuick ? 10_000 : 100_000;
  const bytes = await bytesOf(waiting);
  const row = (name: string, all: readonly Measured[]): string[] => {
    const of = (pick: (one: Measured) => number) => median(all.map(pick));
    const ratios = all.map(({ perCore }, round) => perCore / (measured.tracker[round] as Measured).perCore);
    return [
      name,
      whole(of(({ perCore }) => perCore)),
      spread(ratios),
      ...[of(({ redis }) => redis), of(({ middle }) => middle), of(({ late }) => late)].map(whole),
    ];
  };
  return {
    tables: [
      {
        title: 'A fleet beside one process',
        note: `${whole(tasks)} tasks, each polled ${interval / 1000} s after its answer, answered at once without HTTP; ${repeats('round', rounds)}. Redis on the same machine, every write in its log. A waiting task takes ${whole(bytes)} bytes of Redis (measured with ${whole(waiting)} tasks): its job, its snapshot, its places in the sets.`,
        head: [
          '',
          'polls a second and core',
          'ratio to one process',
          'µs of Redis a poll',
          'due to asked, ms',
          '99 %, ms',
        ],
        rows: [row('one process', measured.tracker), row('**one worker**', measured.worker)],
      },
    ],
  };
}

interface Measured {
  /** Polls a second of CPU of the engine. */
  readonly perCore: number;
  /** µs of Redis's CPU a poll. */
  readonly redis: number;
  /** Delay from due to asked: median, and 99 %. */
  readonly middle: number;
  readonly late: number;
}

async function measure(job: Omit<Job, 'connection'>): Promise<Measured> {
  const server = await startRedis();
  const child = startChild('fleet/runner');
  try {
    if (job.engine === 'worker') await fill({ connection: server.url, tasks: job.tasks });
    const { polls, cpu, redisCpu, delays } = await child.ask<Bill>({ ...job, connection: server.url });
    const at = (share: number) => delays[Math.floor(delays.length * share)] ?? NaN;
    return { perCore: (polls / cpu) * 1e6, redis: redisCpu / polls, middle: at(0.5), late: at(0.99) };
  } finally {
    await child.stop();
    await server.stop();
  }
}

async function bytesOf(tasks: number): Promise<number> {
  const server = await startRedis(['--appendfsync', 'no']);
  try {
    const before = await memoryOf(server.redis);
    await fill({ connection: server.url, tasks });
    return ((await memoryOf(server.redis)) - before) / tasks;
  } finally {
    await server.stop();
  }
}

async function memoryOf(redis: Redis): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]);
}
