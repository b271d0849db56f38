// Measures what `cadence` promises (docs/decisions/0001), with the families, scenarios and optimum of `npm run bench -- cadence`.
import { learnGenerationTimes, type Cadence, type PollWindow, type PollWindows } from 'rx-video-tasks';
import { completedTask } from 'rx-video-tasks/testing';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { geometricMean } from '../bench/figures.js';
import { boundsOf, plainOptimum, robustOptimum } from '../bench/cadence/optimum.js';
import { walk, type Score } from '../bench/cadence/play.js';
import { evenRandom, timer, waits } from '../bench/cadence/policies.js';
import { asDocumented, documentOf, families, fatesOf, wrong, type Family } from '../bench/cadence/tasks.js';
import { isLong, repetitions } from '../repetitions.js';

// Ages are exact.
beforeAll(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterAll(() => void vi.useRealTimers());

const cadences = ['window', 'economical'] as const;
const cases = families.flatMap((family) => cadences.map((cadence) => ({ name: family.name, family, cadence })));

/** Mean requests and latency of a cadence. */
function score(family: Family, cadence: Cadence, scenario = asDocumented, tasks = repetitions(1000)): Score {
  return walk(waits(family, { cadence, random: evenRandom() }), fatesOf(family, scenario, tasks));
}

/** The same as ratios to the timer of the document. */
function measure(family: Family, cadence: Cadence, scenario = asDocumented, tasks = repetitions(1000)): Score {
  const { requests, latency, gaps } = score(family, cadence, scenario, tasks);
  const reference = walk(timer(documentOf(family).interval), fatesOf(family, scenario, tasks));
  return { requests: requests / reference.requests, latency: latency / reference.latency, gaps };
}

describe('under the documented generation times, against the timer of the document', () => {
  test.each(cases)('$name, $cadence: as soon on average, with fewer requests', ({ family, cadence }) => {
    const { requests, latency, gaps } = measure(family, cadence, asDocumented, 2000);
    expect(latency).toBeLessThanOrEqual(1.03);
    expect(requests).toBeLessThan(1);
    const { least, most } = boundsOf(family, cadence);
    expect(gaps[0]).toBeGreaterThanOrEqual(least);
    expect(gaps[1]).toBeLessThanOrEqual(most);
  });

  test.each([
    ['window', 0.89],
    ['economical', 0.74],
  ] as const)('%s: at most %f of the requests, geometric mean', (cadence, most) => {
    expect(geometricMean(families.map((family) => measure(family, cadence).requests))).toBeLessThanOrEqual(most);
  });

  test.each([0, 0.5, 1])('the promise holds for a random of %f too, within the jitter', (drawn) => {
    for (const { family, cadence } of cases) {
      const fates = fatesOf(family, asDocumented, repetitions(1000));
      const { latency } = walk(waits(family, { cadence, random: () => drawn }), fates);
      expect(latency / (documentOf(family).interval / 2)).toBeLessThanOrEqual(1.05);
    }
  });
});

describe('where the document is wrong', () => {
  test.each(wrong.flatMap((scenario) => cases.map((one) => ({ ...one, scenario, what: scenario.name }))))(
    '$what, $name, $cadence: not much later than the timer',
    ({ family, cadence, scenario }) => {
      const { latency, gaps } = measure(family, cadence, scenario, repetitions(1000));
      expect(latency).toBeLessThanOrEqual(cadence === 'window' ? 1.27 : 1.3);
      expect(gaps[0]).toBeGreaterThanOrEqual(boundsOf(family, cadence).least);
    },
  );
});

describe('near the optimum by dynamic programming, at the same latency', () => {
  const some = families.filter((_, nth) => isLong || nth % 3 === 0);
  test.each(some)('$name, window: at most 3 % more requests than any schedule inside the window', (family) => {
    const { requests, latency } = score(family, 'window', asDocumented, repetitions(2000));
    const optimum = plainOptimum(family, boundsOf(family, 'window'), latency);
    expect(requests / optimum).toBeLessThanOrEqual(1.03);
  });

  // The others take seconds each: `npm run bench -- cadence` has them.
  const quick = families.filter(({ name }) => ['480p', 'VEO', 'Seedance 2.0, generations'].includes(name));
  test.each(quick)('$name, economical: at most 4 % more than any that is as robust', (family) => {
    const { requests, latency } = score(family, 'economical', asDocumented, repetitions(2000));
    const optimum = robustOptimum(family, boundsOf(family, 'economical'), latency, 1.25);
    expect(requests / optimum).toBeLessThanOrEqual(1.04);
  });
});

describe("windows of one's own", () => {
  const windowed = (window: PollWindow): Family => ({ name: 'own', windows: { '*': window } });

  test.each([15_000, 16_000, 17_500, 20_000])('the promise is that of the interval: %i ms', (interval) => {
    const family = windowed({ min: 15_000, max: 20_000, floor: 10_000, interval, generation: [60_000, 300_000] });
    for (const cadence of cadences)
      expect(Math.abs(measure(family, cadence, asDocumented, 2000).latency - 1)).toBeLessThanOrEqual(0.03);
  });

  test('without an interval it is that of the middle of the window', () => {
    const window = { min: 20_000, max: 40_000, generation: [60_000, 300_000] } as const;
    for (const cadence of cadences) {
      const options = { cadence, random: () => 0.5 };
      const [without, middle] = [window, { ...window, interval: 30_000 }].map((own) => waits(windowed(own), options));
      for (const age of [0, 60_000, 120_000, 600_000]) expect(without?.(age)).toBe(middle?.(age));
    }
  });

  test.each([0.6, 1.6])('learned from tasks that take %f times as long, it holds for these', (stretch) => {
    for (const { family, cadence } of cases) {
      const truth = { name: 'narrow', narrow: 0.5, stretch };
      const learned = learnGenerationTimes(family.windows);
      for (const { endsAt } of fatesOf(family, truth, 100)) {
        const { model } = family;
        const task = completedTask({ createdAt: 0, finishedAt: endsAt, ...(model !== undefined && { model }) });
        learned.next(task);
      }
      const now: Family = { ...family, windows: learned.windows };
      // A timer among times as narrow as these is early or late by chance: the promise is half of its interval.
      const half = documentOf(family).interval / 2;
      expect(score(now, cadence).latency / half).toBeLessThanOrEqual(1.04);
    }
  });
});

test('all times scale: a window that is divided gives waits that are divided', () => {
  const speed = 60;
  const divided = (windows: PollWindows): PollWindows =>
    Object.fromEntries(
      Object.entries(windows).map(([name, { min, max, floor = 10_000, interval = (min + max) / 2, generation }]) => [
        name,
        {
          min: min / speed,
          max: max / speed,
          floor: floor / speed,
          interval: interval / speed,
          ...(generation && { generation: [generation[0] / speed, generation[1] / speed] as const }),
        },
      ]),
    );
  for (const { family, cadence } of cases) {
    const options = { cadence, random: () => 0.5 };
    const ordinary = waits(family, options);
    const fast = waits({ ...family, windows: divided(family.windows) }, options);
    for (let age = 0; age < 1_800_000; age += 30_000) {
      // Both are rounded to a ms.
      expect(Math.abs(ordinary(age) - speed * fast(age / speed))).toBeLessThanOrEqual(speed / 2 + 1);
    }
  }
});
