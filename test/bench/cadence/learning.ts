import { tap, type Observable } from 'rxjs';
import {
  dedupeStatus,
  learnGenerationTimes,
  pollUntilTerminal,
  windowOf,
  withModelInterval,
  type Cadence,
  type PollWindows,
  type Task,
} from 'rx-video-tasks';
import { chanceOf } from '../chance.js';
import { geometricMean, whole, type Table } from '../figures.js';
import { policies, REFERENCE, type Policy } from './policies.js';
import { play } from './play.js';
import { families, fateOf, type Family, type Scenario } from './tasks.js';

/** Times that are half as wide as documented, where the documents put them or beside it. */
const truths: readonly Scenario[] = [
  { name: 'half as wide', narrow: 0.5 },
  { name: 'half as wide, 1.3 times slower', narrow: 0.5, stretch: 1.3 },
  { name: 'half as wide, 0.75 times as long', narrow: 0.5, stretch: 0.75 },
];

const counts = [0, 30, 100];

/** What it brings to have seen some tasks. */
export function learning(tasks: number): Table {
  const rows = (['window', 'economical'] as const).flatMap((cadence) =>
    counts.map((count) => {
      const cells = truths.map((truth) => {
        const ratios = families.map((family) => {
          const fates = Array.from({ length: tasks }, (_, i) => fateOf(family, truth, chanceOf(i)));
          const windows = count === 0 ? family.windows : learn(family, truth, cadence, count);
          const score = play(follow(family, windows, cadence), family, fates);
          const reference = play((policies[REFERENCE] as Policy)(family, chanceOf(1)), family, fates);
          return [score.requests / reference.requests, score.latency / reference.latency] as const;
        });
        const [requests, latency] = [0, 1].map((which) => geometricMean(ratios.map((ratio) => ratio[which] as number)));
        return `${(requests as number).toFixed(2)} at ${(latency as number).toFixed(2)}`;
      });
      return [`\`${cadence}\`, ${count === 0 ? 'by the documents' : `learned from ${count} tasks`}`, ...cells];
    }),
  );
  return {
    title: 'Generation times that are learned: requests at latency',
    note: `Geometric means over the families, ${whole(tasks)} tasks a cell, the same for all. Ratios to \`${REFERENCE}\`.`,
    head: ['', ...truths.map(({ name }) => name)],
    rows,
  };
}

function follow({ model }: Family, windows: PollWindows, cadence: Cadence) {
  const random = chanceOf(1);
  const pace = withModelInterval<Task>(windows, { cadence, random });
  const poll = pollUntilTerminal<Task>({ minInterval: windowOf(windows, model).floor ?? 10_000, random });
  return (query: Observable<Task>) => query.pipe(pace, poll);
}

/** Windows after so many tasks were followed. */
function learn(family: Family, truth: Scenario, cadence: Cadence, count: number): PollWindows {
  const learned = learnGenerationTimes(family.windows);
  const fates = Array.from({ length: count }, (_, i) => fateOf(family, truth, chanceOf(1_000_000 + i)));
  const watch = follow(family, learned.windows, cadence);
  play((query) => watch(query).pipe(dedupeStatus(), tap<Task>(learned)), family, fates);
  return learned.windows;
}
