import { repeats, spread, whole, type Findings, type Table } from '../figures.js';
import { startChild, type Child } from '../child.js';
import type { ServerReport } from '../server.js';
import { contestants, type Work } from './contestants.js';

/** Done at the 1st to the 10th poll: 5.5 polls a task. */
const MOST_POLLS = 10;
const NAMES = Object.keys(contestants);
const [FLOOR = '', , OURSELVES = ''] = NAMES;
/** Measured in every round; the others are peers. */
const COMPARED = NAMES.slice(0, 3);

interface Size {
  readonly tasks: number;
  readonly interval: number;
  readonly rounds: number;
  /** Of the peers. @default rounds */
  readonly peerRounds?: number;
  readonly names: readonly string[];
}

interface Cost {
  /** µs of CPU a task, by round. */
  readonly cpu: number[];
  sockets: number;
}

/** CPU of a task, from the first ask to its end, over real sockets. */
export async function path(isQuick: boolean): Promise<Findings> {
  const sizes: Size[] = isQuick
    ? [
        { tasks: 1_000, interval: 50, rounds: 1, names: NAMES },
        { tasks: 10_000, interval: 100, rounds: 2, names: [FLOOR, OURSELVES] },
      ]
    : [
        { tasks: 1_000, interval: 100, rounds: 5, peerRounds: 3, names: NAMES },
        { tasks: 10_000, interval: 200, rounds: 5, peerRounds: 2, names: NAMES },
      ];
  const server = startChild('server');
  const { url } = await server.ask<ServerReport>('where');
  const racers = new Map(NAMES.map((name) => [name, startChild('path/runner', [name, url])]));
  const tables: Table[] = [];
  try {
    // To warm up.
    await race(server, racers, { tasks: isQuick ? 200 : 2_000, interval: 50, rounds: 1, names: NAMES });
    for (const size of sizes) {
      const costs = await race(server, racers, size);
      const base = costs.get(FLOOR)?.cpu ?? [];
      const ratios = (cpu: readonly number[]) => cpu.map((one, round) => one / (base[round] as number));
      tables.push({
        title: `CPU per task end to end, ${whole(size.tasks)} tasks`,
        note: `Ratio to the floor in the same round, ${repeats('round', size.rounds, size.peerRounds)}. ${(MOST_POLLS + 1) / 2} polls a task, ${size.interval} ms apart, half of the tasks on each wire, all started in one tick; a process for each contestant and one for the server; 64 connections where the contestant has a say.`,
        head: ['', 'CPU, ratio', 'µs a task', 'sockets'],
        rows: [...costs].map(([name, { cpu, sockets }]) => [
          name === OURSELVES ? `**${name}**` : name,
          spread(ratios(cpu)),
          spread(cpu, 0),
          whole(sockets),
        ]),
      });
    }
  } finally {
    await Promise.all([...racers.values(), server].map((child) => child.stop()));
  }
  return { tables };
}

async function race(
  server: Child,
  racers: ReadonlyMap<string, Child>,
  { tasks, interval, rounds, peerRounds = rounds, names }: Size,
): Promise<Map<string, Cost>> {
  const costs = new Map<string, Cost>(names.map((name) => [name, { cpu: [], sockets: 0 }]));
  for (let round = 0; round < rounds; round++) {
    for (const [name, cost] of costs) {
      if (round >= peerRounds && !COMPARED.includes(name)) continue;
      const ids = Array.from({ length: tasks }, (_, i) => `n${tasks}r${round}t${i}-${1 + ((i >> 1) % MOST_POLLS)}`);
      await server.ask('hang up');
      const cpu = await (racers.get(name) as Child).ask<number>({ ids, interval } satisfies Work);
      const { requests, sockets } = await server.ask<ServerReport>('how was it');
      if (requests !== (tasks * (MOST_POLLS + 1)) / 2) throw new Error(`${name} asked ${requests} times`);
      cost.sockets = Math.max(cost.sockets, sockets);
      cost.cpu.push(cpu / tasks);
    }
  }
  return costs;
}
