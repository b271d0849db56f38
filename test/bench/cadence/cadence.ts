import { windowOf } from 'rx-video-tasks';
import { chanceOf } from '../chance.js';
import { geometricMean, whole, type Findings, type Table } from '../figures.js';
import { scatter } from '../plots.js';
import { policies, REFERENCE, type Policy } from './policies.js';
import { learning } from './learning.js';
import { play, type Score } from './play.js';
import { families, fateOf, linear, scenarios, type Family, type Scenario } from './tasks.js';

/** The ratios of a score to that of the reference with the same tasks. */
interface Ratio {
  readonly family: string;
  readonly scenario: string;
  readonly requests: number;
  /** Of the requests after the first of each task. */
  readonly again: number;
  readonly latency: number;
}

const names = Object.keys(policies);

/** Requests against latency: the shipped operators in virtual time, with tasks that end as the documents say, or do not. */
export function cadence(isQuick: boolean): Promise<Findings> {
  const tasks = isQuick ? 500 : 5_000;
  const ratios = new Map<string, Ratio[]>(names.map((name) => [name, []]));
  const gaps = new Map<string, Set<string>>(names.map((name) => [name, new Set()]));
  const extra = new Map<string, Ratio>();
  const note = (family: Family, scenario: Scenario, keep: (name: string, ratio: Ratio) => void) => {
    const fates = Array.from({ length: tasks }, (_, i) => fateOf(family, scenario, chanceOf(i)));
    const scores = new Map(
      names.map((name) => [name, play((policies[name] as Policy)(family, chanceOf(1)), family, fates)]),
    );
    const reference = scores.get(REFERENCE) as Score;
    for (const [name, score] of scores) {
      gaps.get(name)?.add(judge(score, family));
      keep(name, {
        family: family.name,
        scenario: scenario.name,
        requests: score.requests / reference.requests,
        again: (score.requests - 1) / (reference.requests - 1),
        latency: score.latency / reference.latency,
      });
    }
  };
  for (const family of families) {
    for (const scenario of scenarios) note(family, scenario, (name, ratio) => ratios.get(name)?.push(ratio));
  }
  note(linear, scenarios[0] as Scenario, (name, ratio) => extra.set(name, ratio));

  const of = (name: string, pick: (ratio: Ratio) => number) => (ratios.get(name) ?? []).map(pick);
  const text = ({ requests, latency }: Pick<Ratio, 'requests' | 'latency'>) =>
    `${requests.toFixed(2)} at ${latency.toFixed(2)}`;
  const means = (name: string, test: (ratio: Ratio) => boolean) => {
    const some = (ratios.get(name) ?? []).filter(test);
    const mean = (pick: (ratio: Ratio) => number) => geometricMean(some.map(pick));
    return { requests: mean(({ requests }) => requests), latency: mean(({ latency }) => latency) };
  };
  const bold = (name: string) => (name.startsWith('cadence') ? `**\`${name}\`**` : `\`${name}\``);
  const drawn = `${whole(tasks)} tasks a cell, the same for all. Ratios to \`${REFERENCE}\`.`;
  const tables: Table[] = [
    {
      title: 'Requests and latency, over all models and scenarios',
      note: `${families.length} families, ${scenarios.length} scenarios, ${drawn} Geometric means; worst of any cell.`,
      head: ['', 'requests', 'after the first', 'latency', 'worst latency', 'worst requests', 'from ask to ask'],
      rows: names.map((name) => [
        bold(name),
        geometricMean(of(name, ({ requests }) => requests)).toFixed(2),
        geometricMean(of(name, ({ again }) => again)).toFixed(2),
        geometricMean(of(name, ({ latency }) => latency)).toFixed(2),
        Math.max(...of(name, ({ latency }) => latency)).toFixed(2),
        Math.max(...of(name, ({ requests }) => requests)).toFixed(2),
        [...(gaps.get(name) ?? [])].sort().join('; '),
      ]),
    },
    {
      title: 'By family: requests at latency',
      note: `Geometric means over the scenarios, ${drawn} The last column is one scenario, as documented, with a gateway whose progress is linear.`,
      head: ['', ...families.map(({ name }) => name), linear.name],
      rows: names.map((name) => [
        bold(name),
        ...families.map((family) => text(means(name, (ratio) => ratio.family === family.name))),
        text(extra.get(name) as Ratio),
      ]),
    },
    {
      title: 'By scenario: requests at latency',
      note: `Geometric means over the families, ${drawn}`,
      head: ['', ...scenarios.map(({ name }) => name)],
      rows: names.map((name) => [
        bold(name),
        ...scenarios.map((scenario) => text(means(name, (ratio) => ratio.scenario === scenario.name))),
      ]),
    },
  ];
  const series = names.map((name) => ({
    name: name.replace(/^cadence: '(\w+)'/, '$1'),
    isOurs: name.startsWith('cadence'),
    points: (ratios.get(name) ?? []).map(({ requests, latency }) => [latency, requests] as const),
    center: [
      geometricMean(of(name, ({ latency }) => latency)),
      geometricMean(of(name, ({ requests }) => requests)),
    ] as const,
  }));
  const plot = scatter(
    'Requests against latency: each model and scenario, and the means',
    { label: `mean latency, ratio to ${REFERENCE}`, ticks: [0.4, 0.5, 0.7, 1, 1.4, 2, 3, 4, 6, 8] },
    { label: `requests, ratio to ${REFERENCE}`, ticks: [0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.5] },
    series,
  );
  return Promise.resolve({ tables: [...tables, learning(tasks)], plots: { 'cadence.svg': plot } });
}

/** Where the times from ask to ask were, by the documents. */
function judge({ gaps: [least, most] }: Score, { windows, model }: Family): string {
  const { min, max, floor = 10_000 } = windowOf(windows, model);
  if (least < floor) return 'BELOW THE FLOOR';
  return least >= min && most <= max ? 'in the window' : 'outside the window';
}
