import { spread, whole, type Findings, type Table } from '../figures.js';
import { startChild, type Child } from '../child.js';
import type { ServerReport } from '../server.js';
import { contestants, type Work } from './contestants.js';

/** Done at the 1st to the 10th poll: 5.5 polls a task. */
const MOST_POLLS = 10;
const NAMES = Object.keys(contestants);

interface Size {
  readonly tasks: number;
  readonly interval: number;
  readonly rounds: number;
  readonly names: readonly string[];
}

interface Cost {
  /** µs of CPU a task, by round. */
  readonly cpu: number[];
  sockets: number;
}

/** CPU of a task, from the first ask to its end, over real sockets. */
export async function path(isQuick: boolean): Promise<Findings> {
  const [floor = '', , ourselves = ''] = NAMES;
  const sizes = isQuick
    ? [
        { tasks: 1_000, interval: 50, rounds: 2, names: NAMES },
        { tasks: 10_000, interval: 100, rounds: 2, names: [floor, ourselves] },
      ]
    : [
        { tasks: 1_000, interval: 100, rounds: 7, names: NAMES },
        { tasks: 10_000, interval: 200, rounds: 5, names: NAMES },
      ];
  const tables: Table[] = [];
  const figures: Record<string, Record<string, number[]>> = {};
  for (const size of sizes) {
    const costs = await race(size);
    const base = costs.get(floor)?.cpu ?? [];
    const ratios = new Map([...costs].map(([name, { cpu }]) => [name, cpu.map((one, i) => one / (base[i] as number))]));
    figures[size.tasks] = Object.fromEntries(ratios);
    tables.push({
      title: `CPU per task end to end, ${whole(size.tasks)} tasks`,
      note: `Ratio to the floor in the same round, median (least–most) of ${size.rounds} rounds after one to warm up. ${MOST_POLLS / 2 + 0.5} polls a task, ${size.interval} ms apart, half of the tasks on each wire, all started in one tick; a process for each contestant and one for the server; 64 connections where the contestant has a say.`,
      head: ['', 'CPU, ratio', 'µs a task', 'sockets'],
      rows: [...costs].map(([name, { cpu, sockets }]) => [
        name === ourselves ? `**${name}**` : name,
        spread(ratios.get(name) ?? []),
        spread(cpu, 0),
        whole(sockets),
      ]),
    });
  }
  return { tables, figures };
}

async function race({ tasks, interval, rounds, names }: Size): Promise<Map<string, Cost>> {
  const server = startChild('server');
  const { url } = await server.ask<ServerReport>('where');
  const racers = new Map<string, Child>(names.map((name) => [name, startChild('path/runner', [name, url])]));
  const costs = new Map<string, Cost>(names.map((name) => [name, { cpu: [], sockets: 0 }]));
  try {
    // Round 0 warms up.
    for (let round = 0; round <= rounds; round++) {
      for (const [name, racer] of racers) {
        const ids = Array.from({ length: tasks }, (_, i) => `r${round}t${i}-${1 + ((i >> 1) % MOST_POLLS)}`);
        await server.ask('forget what was before');
        const cpu = await racer.ask<number>({ ids, interval } satisfies Work);
        const { requests, sockets } = await server.ask<ServerReport>('how was it');
        if (requests !== (tasks * (MOST_POLLS + 1)) / 2) throw new Error(`${name} asked ${requests} times`);
        const cost = costs.get(name) as Cost;
        cost.sockets = Math.max(cost.sockets, sockets);
        if (round > 0) cost.cpu.push(cpu / tasks);
      }
    }
  } finally {
    await Promise.all([...racers.values(), server].map((child) => child.stop()));
  }
  return costs;
}
