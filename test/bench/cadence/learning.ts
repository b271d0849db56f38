import { tap } from 'rxjs';
import { dedupeStatus, learnGenerationTimes, type PollWindows, type Task } from 'rx-video-tasks';
import { chanceOf } from '../chance.js';
import { geometricMean, whole, type Table } from '../figures.js';
import { play, walk } from './play.js';
import { shipped, timer } from './policies.js';
import { documentOf, families, fatesOf, type Family, type Fate, type Scenario } from './tasks.js';

/** Times that are half as wide as documented, in the documented place or beside it. */
const truths: readonly Scenario[] = [
  { name: 'half as wide', narrow: 0.5 },
  { name: 'half as wide, 1.3 times slower', narrow: 0.5, stretch: 1.3 },
  { name: 'half as wide, 0.75 times as long', narrow: 0.5, stretch: 0.75 },
];

const counts = [0, 30, 100];

/** What learning from some tasks brings. */
export function learning(tasks: number): Table {
  const rows = (['window', 'economical'] as const).flatMap((cadence) =>
    counts.map((count) => {
      const cells = truths.map((truth) => {
        const ratios = families.map((family) => {
          const fates = fatesOf(family, truth, tasks);
          const windows = learn(family, truth, count);
          const score = play(shipped(family, cadence, { windows }), family, fates);
          const reference = walk(timer(documentOf(family).interval), fates);
          return { requests: score.requests / reference.requests, latency: score.latency / reference.latency };
        });
        const requests = geometricMean(ratios.map((ratio) => ratio.requests));
        const latencies = ratios.map(({ latency }) => latency);
        return `${requests.toFixed(2)} at ${geometricMean(latencies).toFixed(2)} (${Math.max(...latencies).toFixed(2)})`;
      });
      return [`\`${cadence}\`, ${count === 0 ? 'by the documents' : `learned from ${count} tasks`}`, ...cells];
    }),
  );
  return {
    title: 'Learned generation times: requests at latency',
    note: `Geometric means over the ${families.length} families, in brackets the largest latency of any; ${whole(tasks)} tasks each, ratios to the timer of the document.`,
    head: ['', ...truths.map(({ name }) => name)],
    rows,
  };
}

/** Windows after so many tasks were polled. */
function learn(family: Family, truth: Scenario, count: number): PollWindows {
  const learned = learnGenerationTimes(family.windows);
  const poll = shipped(family, 'window', { windows: learned.windows });
  play((query) => poll(query).pipe(dedupeStatus(), tap<Task>(learned)), family, drawn(family, truth, count));
  return learned.windows;
}

/** Some fates of a population, picked by chance. */
function drawn(family: Family, truth: Scenario, count: number): readonly Fate[] {
  const random = chanceOf(1);
  const population = fatesOf(family, truth, 10_000);
  return Array.from({ length: count }, () => population[Math.floor(random() * population.length)] as Fate);
}
