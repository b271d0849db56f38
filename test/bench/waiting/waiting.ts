import { startChild } from '../child.js';
import { median, repeats, spread, whole, type Findings, type Table } from '../figures.js';
import { bars } from '../plots.js';
import { contestants, type Window } from './contestants.js';
import type { Bill, Stay } from './runner.js';

const NAMES = Object.keys(contestants);
/** Measured in every round; the others are peers. */
const COMPARED = NAMES.slice(0, 4);
const OURS = COMPARED.slice(1);

interface Size {
  readonly tasks: number;
  readonly window: Window;
  readonly rounds: number;
  /** Of the peers. @default rounds */
  readonly peerRounds?: number;
  readonly names: readonly string[];
}

/** Bytes of a waiting task, and CPU of a poll without HTTP and without reading replies. */
export async function waiting(isQuick: boolean): Promise<Findings> {
  const [floor = '', tracked = '', bare = '', , , timers = ''] = NAMES;
  const seconds = (min: number, max: number) => ({ min: min * 1000, max: max * 1000 });
  const sizes: Size[] = isQuick
    ? [{ tasks: 20_000, window: seconds(1, 2), rounds: 1, names: NAMES }]
    : [
        { tasks: 100_000, window: seconds(3, 6), rounds: 5, peerRounds: 2, names: NAMES },
        { tasks: 1_000_000, window: seconds(15, 30), rounds: 1, names: [floor, tracked, bare, timers] },
      ];
  const tables: Table[] = [];
  const plots: Record<string, string> = {};
  for (const size of sizes) {
    const bills = await stays(size);
    const rows = [...bills].map(([name, all]) => ({
      name,
      isOurs: OURS.includes(name),
      value: median(all.map(({ bill }) => bill.bytes)),
    }));
    plots[`bytes-${size.tasks}.svg`] = bars(`Bytes per task, ${whole(size.tasks)} waiting tasks`, rows);
    tables.push({
      title: `${whole(size.tasks)} waiting tasks`,
      note: `Each polled every ${size.window.min / 1000} to ${size.window.max / 1000} s, answered at once by a fresh Task that is kept; each in a process of its own, in turn; ${repeats('round', size.rounds, size.peerRounds)}. CPU as a ratio to the floor of the same round: outside HTTP and the reading of replies, gate and query included for the tracker.`,
      head: [
        '',
        'bytes a task',
        'CPU a poll, ratio',
        'µs a poll',
        'RSS, MB',
        'subscribe, µs a task',
        'drop, µs a task',
      ],
      rows: [...bills].map(([name, all]) => {
        const of = (pick: (bill: Bill) => number) => all.map(({ bill }) => pick(bill));
        return [
          OURS.includes(name) ? `**${name}**` : name,
          whole(median(of(({ bytes }) => bytes))),
          spread(all.map(({ ratio }) => ratio)),
          median(of(({ poll }) => poll)).toFixed(1),
          whole(median(of(({ rss }) => rss / 1e6))),
          median(of(({ subscribe }) => subscribe)).toFixed(1),
          median(of(({ drop }) => drop)).toFixed(1),
        ];
      }),
    });
  }
  return { tables, plots };
}

interface Measured {
  readonly bill: Bill;
  /** Its CPU a poll, to that of the floor beside it. */
  readonly ratio: number;
}

async function stays({ tasks, window, rounds, peerRounds = rounds, names }: Size): Promise<Map<string, Measured[]>> {
  const bills = new Map<string, Measured[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    let floor: Bill | undefined;
    for (const name of names) {
      if (round >= peerRounds && !COMPARED.includes(name)) continue;
      const bill = await stay({ name, tasks, window });
      floor ??= bill;
      bills.get(name)?.push({ bill, ratio: bill.poll / floor.poll });
    }
  }
  return bills;
}

async function stay(what: Stay): Promise<Bill> {
  const child = startChild('waiting/runner', [], ['--expose-gc', '--max-old-space-size=12000']);
  try {
    return await child.ask<Bill>(what);
  } finally {
    await child.stop();
  }
}
