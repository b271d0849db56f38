import type { Cadence } from 'rx-video-tasks';
import { geometricMean, whole, type Findings, type Table } from '../figures.js';
import { frontiers, type Frontier } from '../plots.js';
import { learning } from './learning.js';
import { boundsOf, frontier, plainOptimum, robustOptimum } from './optimum.js';
import { play, walk, type Schedule, type Score } from './play.js';
import { backOff, evenRandom, shipped, timer, waits } from './policies.js';
import { asDocumented, documentOf, families, fatesOf, linear, wrong, type Family, type Fate } from './tasks.js';

/** Requests and mean latency as ratios to the timer of the document, with the same tasks. */
interface Ratio {
  readonly requests: number;
  readonly latency: number;
}

const cadences = ['window', 'economical'] as const satisfies readonly Cadence[];

/** How much later than the timer a robust schedule may be where the document is wrong. */
const ROBUST = 1.25;

/** Requests against latency: the shipped operators in virtual time, with tasks that end as the documents say, or do not. */
export function cadence(isQuick: boolean): Promise<Findings> {
  const tasks = isQuick ? 200 : 2_000;
  const found = families.map((family) => ({ family, ...measure(family, tasks) }));
  const names = Object.keys((found[0] as (typeof found)[0]).rows);
  const drawn = `${whole(tasks)} tasks each, their ends stratified; ratios to the timer of the document.`;
  const tables: Table[] = [
    {
      title: 'As documented: requests at latency',
      note: `${drawn} Latency is the mean time from the end of a task to the request that sees it. The last column is the geometric mean of the requests.`,
      head: ['', ...families.map(({ name }) => name), 'requests'],
      rows: names.map((name) => {
        const ratios = found.map(({ rows }) => rows[name] as Ratio);
        const mean = geometricMean(ratios.map(({ requests }) => requests));
        return [label(name), ...ratios.map(text), mean.toFixed(3)];
      }),
    },
    {
      title: 'Distance from the optimum',
      note: `Requests as a ratio to the optimum at the same latency: \`window\` to the least inside the window, \`economical\` to the least above the floor with which the latency is at most ${ROBUST} where the document is wrong.`,
      head: ['', ...families.map(({ name }) => name)],
      rows: cadences.map((name) => [label(name), ...found.map(({ distance }) => distance[name].toFixed(3))]),
    },
    ...cadences.map((name) => ({
      title: `Where the document is wrong, \`${name}\`: requests at latency`,
      note: drawn,
      head: ['', ...families.map(({ name }) => name), 'worst latency'],
      rows: wrong.map((scenario, row) => {
        const ratios = found.map(({ wrongs }) => wrongs[name][row] as Ratio);
        return [scenario.name, ...ratios.map(text), Math.max(...ratios.map(({ latency }) => latency)).toFixed(2)];
      }),
    })),
    reportedProgress(tasks),
    learning(tasks),
  ];
  const plot = frontiers(
    'Requests against latency, as ratios to the timer of the document (●)',
    found.map(({ family, curves, rows }) => ({ title: family.name, ...curves, points: marks(rows) })),
  );
  return Promise.resolve({ tables, plots: { 'cadence.svg': plot } });
}

type Rows = Readonly<Record<string, Ratio>>;

function measure(family: Family, tasks: number) {
  const { floor, interval, min, max } = documentOf(family);
  const fates = fatesOf(family, asDocumented, tasks);
  const reference = walk(timer(interval), fates);
  const least = (requests: number, { latency }: Ratio) => ({ requests: requests / reference.requests, latency });
  const byAge = (wait: Schedule) => ratio(walk(wait, fates), reference);
  const scores = {
    window: play(shipped(family, 'window'), family, fates),
    economical: play(shipped(family, 'economical'), family, fates),
  };
  const ours = { window: ratio(scores.window, reference), economical: ratio(scores.economical, reference) };
  for (const name of cadences) check(family, name, scores[name]);
  const [exactWindow, exactEconomical] = [exact(family, 'window', tasks), exact(family, 'economical', tasks)];
  const plain = plainOptimum(family, boundsOf(family, 'window'), exactWindow.latency);
  const robust = robustOptimum(family, boundsOf(family, 'economical'), exactEconomical.latency, ROBUST);
  const free = plainOptimum(family, boundsOf(family, 'economical'), exactEconomical.latency);
  const rows: Rows = {
    'timer of the document': byAge(timer(interval)),
    'timer of the longest wait': byAge(timer(max)),
    'doubling back-off to 2 min': byAge(backOff({ floor }, 120_000)),
    'doubling back-off, capped for the same latency': byAge(
      backOff({ floor }, capFor(floor, fates, reference.latency)),
    ),
    "cadence: 'uniform'": ratio(play(shipped(family, 'uniform'), family, fates), reference),
    "cadence: 'window'": ours.window,
    'optimum inside the window': least(plain, ours.window),
    "cadence: 'window', initialDelay: min": ratio(
      play(shipped(family, 'window', { initialDelay: min }), family, fates),
      reference,
    ),
    "cadence: 'economical'": ours.economical,
    'robust optimum above the floor': least(robust, ours.economical),
    'optimum above the floor': least(free, ours.economical),
  };
  return {
    rows,
    distance: {
      window: exactWindow.requests / plain,
      economical: exactEconomical.requests / robust,
    },
    wrongs: { window: wrongsOf(family, 'window', tasks), economical: wrongsOf(family, 'economical', tasks) },
    curves: curvesOf(family),
  };
}

/** Ten times the tasks, by the waits alone: what jitter adds by chance would blur the distance from the optimum. */
function exact(family: Family, cadence: Cadence, tasks: number): Score {
  return walk(waits(family, { cadence, random: evenRandom() }), fatesOf(family, asDocumented, 10 * tasks));
}

function wrongsOf(family: Family, name: Cadence, tasks: number): readonly Ratio[] {
  return wrong.map((scenario) => {
    const fates = fatesOf(family, scenario, tasks);
    const score = play(shipped(family, name), family, fates);
    check(family, name, score);
    return ratio(score, walk(timer(documentOf(family).interval), fates));
  });
}

/** The longest wait with which back-off has a latency. */
function capFor(floor: number, fates: readonly Fate[], latency: number): number {
  let [low, high] = [floor, 600_000];
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2;
    if (walk(backOff({ floor }, middle), fates).latency < latency) low = middle;
    else high = middle;
  }
  return low;
}

/** @throws Error where a cadence does not keep its bounds. */
function check(family: Family, name: Cadence, { gaps: [shortest, longest] }: Score): void {
  const { least, most } = boundsOf(family, name === 'economical' ? name : 'window');
  if (shortest >= least && longest <= most) return;
  throw new Error(`${family.name}, ${name}: waits of ${shortest} to ${longest} ms, not ${least} to ${most}`);
}

function reportedProgress(tasks: number): Table {
  const fates = fatesOf(linear, asDocumented, tasks);
  const reference = walk(timer(documentOf(linear).interval), fates);
  return {
    title: 'Progress that is linear: requests at latency',
    note: 'Seedance 2.0 on the generations wire, as documented; ratios to the timer of the document.',
    head: cadences.map(label),
    rows: [cadences.map((name) => text(ratio(play(shipped(linear, name), linear, fates), reference)))],
  };
}

/** What is possible at each latency: by timers, inside the window, above the floor. */
function curvesOf(family: Family): Pick<Frontier, 'curves'> {
  const { interval, floor } = documentOf(family);
  const spaced = Array.from({ length: 25 }, (_, i) => Math.exp(-2 + i / 4) / interval);
  const one = { least: interval, most: interval };
  const [reference] = frontier(family, one, [1]) as [Ratio];
  const intervals = [0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.35, 1.5, 1.75, 2].map((times) => times * interval);
  const timers = intervals.filter((ms) => ms >= floor).flatMap((ms) => frontier(family, { least: ms, most: ms }, [1]));
  const relative = (points: readonly Ratio[]) => points.map((point) => ratio(point, reference));
  return {
    curves: [
      { name: 'timers', points: relative(timers) },
      ...cadences.map((name) => ({
        name: `optimum, ${name}`,
        points: relative(frontier(family, boundsOf(family, name), spaced)),
      })),
    ],
  };
}

function marks(rows: Rows): Frontier['points'] {
  const at = (name: string) => rows[name] as Ratio;
  return [
    { name: 'window', ...at("cadence: 'window'") },
    { name: 'economical', ...at("cadence: 'economical'") },
    { name: 'timer', ...at('timer of the document') },
    { name: 'back-off', ...at('doubling back-off to 2 min') },
  ];
}

function ratio(score: Ratio, reference: Ratio): Ratio {
  return { requests: score.requests / reference.requests, latency: score.latency / reference.latency };
}

function text({ requests, latency }: Ratio): string {
  return `${requests.toFixed(2)} at ${latency.toFixed(2)}`;
}

function label(name: string): string {
  return name.startsWith('cadence') || name === 'window' || name === 'economical' ? `**\`${name}\`**` : name;
}
