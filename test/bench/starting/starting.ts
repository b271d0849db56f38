import { startChild } from '../child.js';
import { median, repeats, spread, whole, type Findings, type Table } from '../figures.js';
import type { ServerReport } from '../server.js';
import type { Crowd, Load } from './load.js';
import type { Start } from './runner.js';

const OURS = ['rx-video-tasks', 'rx-video-tasks, no limit declared'];
const NAMES = [...OURS, 'undici.request, sockets unbounded', 'global fetch'];

interface Measured extends Start {
  readonly sockets: number;
}

/** Many tasks that start in one tick, and many that are tracked for long. */
export async function starting(isQuick: boolean): Promise<Findings> {
  const tables: Table[] = [];
  const sizes = isQuick
    ? [{ tasks: 10_000, rounds: 1, peerRounds: 1 }]
    : [
        { tasks: 10_000, rounds: 5, peerRounds: 2 },
        { tasks: 20_000, rounds: 5, peerRounds: 1 },
      ];
  for (const { tasks, rounds, peerRounds } of sizes) {
    const starts = new Map<string, Measured[]>(NAMES.map((name) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const [name, all] of starts) {
        if (round < peerRounds || OURS.includes(name)) all.push(await start(name, tasks));
      }
    }
    tables.push({
      title: `${whole(tasks)} tasks start in one tick`,
      note: `Over real sockets, until each has its first answer; ${repeats('start', rounds, peerRounds)}, each in a fresh process. Errors: the most of any start.`,
      head: ['', 'loop blocked, ms', 'sockets', 'errors', 'all answered, s', 'subscribe, µs a task', 'drop, µs a task'],
      rows: [...starts].map(([name, all]) => [
        OURS.includes(name) ? `**${name}**` : name,
        spread(
          all.map(({ blocked }) => blocked),
          0,
        ),
        whole(median(all.map(({ sockets }) => sockets))),
        whole(Math.max(...all.map(({ errors }) => errors))),
        median(all.map(({ answered }) => answered / 1000)).toFixed(1),
        median(all.map(({ subscribe }) => subscribe)).toFixed(1),
        OURS.includes(name) ? median(all.map(({ drop }) => drop)).toFixed(1) : '',
      ]),
    });
  }
  tables.push(
    isQuick
      ? await load(10_000, { min: 2_000, max: 4_000 }, 6_000)
      : await load(100_000, { min: 20_000, max: 40_000 }, 30_000),
  );
  return { tables };
}

async function start(name: string, tasks: number): Promise<Measured> {
  const server = startChild('server');
  const child = startChild('starting/runner');
  try {
    const { url } = await server.ask<ServerReport>('where');
    const found = await child.ask<Start>({ name, url, tasks });
    return { ...found, sockets: (await server.ask<ServerReport>('how was it')).sockets };
  } finally {
    await Promise.all([child.stop(), server.stop()]);
  }
}

async function load(tasks: number, window: Crowd['window'], time: number): Promise<Table> {
  const server = startChild('server');
  const child = startChild('starting/load');
  try {
    const { url } = await server.ask<ServerReport>('where');
    await child.ask({ url, tasks, window } satisfies Crowd);
    await server.ask('forget what was before');
    const { delays, share, seconds } = await child.ask<Load>(time);
    const { requests, gaps } = await server.ask<ServerReport>('how was it');
    const late = gaps.map((gap) => gap - window.max).sort((a, b) => a - b);
    const inTime = late.filter((ms) => ms <= 1000).length / late.length;
    return {
      title: `${whole(tasks)} tasks tracked in one process (row L1)`,
      note: `Each polled every ${window.min / 1000} to ${window.max / 1000} s over real sockets, measured for ${seconds.toFixed(0)} s after all had been polled twice; ${whole(requests)} requests. In time: no more than a second after the longest wait, seen from the server.`,
      head: ['', 'loop delay p50, ms', 'p99, ms', 'longest, ms', 'share of a core', 'in time'],
      rows: [
        [
          '**rx-video-tasks**',
          ...[delays.p50, delays.p99, delays.max].map((ms) => ms.toFixed(1)),
          `${(share * 100).toFixed(0)} %`,
          `${(inTime * 100).toFixed(1)} %`,
        ],
      ],
    };
  } finally {
    await Promise.all([child.stop(), server.stop()]);
  }
}
