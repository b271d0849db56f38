import { asDocumented, documentOf, endsOf, wrong, type Family, type Scenario } from './tasks.js';
import type { Schedule } from './play.js';

/** The bounds of each wait, in ms. */
export interface Bounds {
  readonly least: number;
  readonly most: number;
}

/** The bounds of a cadence. */
export function boundsOf(family: Family, cadence: 'window' | 'economical'): Bounds {
  const { min, max, floor } = documentOf(family);
  return cadence === 'window' ? { least: min, most: max } : { least: floor, most: 3 * max };
}

/** A mean latency that a schedule has to keep to in a scenario. */
interface Limit {
  readonly scenario: Scenario;
  readonly latency: number;
}

/** Scenarios of wrong documents whose ends depend on the age alone. */
const byAge = wrong.filter(({ queue = 0 }) => queue === 0);

/** The fewest requests of a task, on average, whose mean latency under the documented times is at most `latency`, in ms. */
export function plainOptimum(family: Family, bounds: Bounds, latency: number): number {
  return optimum(family, bounds, [{ scenario: asDocumented, latency }]);
}

/** The same, with a latency of at most `most` times the timer's in each scenario where the document is wrong. */
export function robustOptimum(family: Family, bounds: Bounds, latency: number, most: number): number {
  const { interval } = documentOf(family);
  const timer = planner(family, { least: interval, most: interval });
  const limits = byAge.map((scenario) => ({
    scenario,
    latency: most * timer.judge(() => interval, scenario).latency,
  }));
  return optimum(family, bounds, [{ scenario: asDocumented, latency }, ...limits]);
}

/** From prices of latency to the best schedule at each: the frontier between requests and latency. */
export function frontier(family: Family, bounds: Bounds, prices: readonly number[]) {
  const { plan, judge } = planner(family, bounds);
  return prices.map((price) => judge(plan([{ scenario: asDocumented, price }]), asDocumented));
}

/**
 * Lagrangian relaxation: each limit has a price, and requests plus priced excess of latency are minimized by dynamic
 * programming. At any prices that minimum is a lower bound for every schedule by age that keeps to the limits; the best
 * bound is returned. Prices rise where a limit is exceeded and fall where it is not, each by a step of its own that shrinks
 * when it overshoots (Rprop).
 */
function optimum(family: Family, bounds: Bounds, limits: readonly Limit[]): number {
  const { plan, judge } = planner(family, bounds);
  const prices = limits.map((limit, i) => ({ ...limit, log: i === 0 ? -9 : -14, step: 1, side: 0 }));
  let best = 0;
  for (let round = 0; round < 50; round++) {
    const wait = plan(prices.map(({ scenario, log }) => ({ scenario, price: Math.exp(log) })));
    let bound = judge(wait, asDocumented).requests;
    for (const price of prices) {
      const excess = judge(wait, price.scenario).latency - price.latency;
      bound += Math.exp(price.log) * excess;
      const side = Math.sign(excess);
      price.step = Math.min(1, price.step * (side * price.side < 0 ? 0.5 : 1.2));
      price.log += side * price.step;
      price.side = side;
    }
    best = Math.max(best, bound);
  }
  return best;
}

interface Price {
  readonly scenario: Scenario;
  /** Requests per ms of mean latency. */
  readonly price: number;
}

/** Dynamic programming over ages in steps of a 30th of the shortest wait, up to where 1 of 10,000 tasks still runs. */
function planner(family: Family, { least, most }: Bounds) {
  const { mu, sigma } = documentOf(family).times;
  const step = least / 30;
  const longest = Math.max(1, ...byAge.map(({ stretch = 1 }) => stretch));
  const ages = Math.ceil((longest * Math.exp(mu + 3.7 * sigma)) / step);
  const [shortWait, longWait] = [Math.round(least / step), Math.round(most / step)];
  const size = ages + longWait + 1;
  const tables = new Map<Scenario, { ended: Float64Array; area: Float64Array }>();
  const tableOf = (scenario: Scenario) => {
    let table = tables.get(scenario);
    if (!table) {
      const { endedBy, area } = endsOf(family, scenario);
      const fill = (value: (age: number) => number) => Float64Array.from({ length: size }, (_, i) => value(i * step));
      tables.set(scenario, (table = { ended: fill(endedBy), area: fill(area) }));
    }
    return table;
  };

  const plan = (prices: readonly Price[]): Schedule => {
    const ended = new Float64Array(size);
    const area = new Float64Array(size);
    for (const { scenario, price } of prices) {
      const table = tableOf(scenario);
      for (let i = 0; i < size; i++) {
        ended[i] = at(ended, i) + price * at(table.ended, i);
        area[i] = at(area, i) + price * at(table.area, i);
      }
    }
    const documented = tableOf(asDocumented).ended;
    const cost = new Float64Array(size);
    const waits = new Int32Array(size).fill(shortWait);
    for (let i = ages - 1; i >= 0; i--) {
      let least = Infinity;
      for (let j = shortWait; j <= longWait; j++) {
        const value = at(area, i + j) - at(area, i) - at(ended, i) * j * step + at(cost, i + j);
        if (value >= least) continue;
        least = value;
        waits[i] = j;
      }
      // The task still runs, so a further request is needed.
      cost[i] = 1 - at(documented, i) + least;
    }
    return (age) => at(waits, Math.min(size - 1, Math.round(age / step))) * step;
  };

  /** Exact means of a schedule that asks at age 0 first. */
  const judge = (wait: Schedule, scenario: Scenario) => {
    const { endedBy, area } = endsOf(family, scenario);
    let requests = 1;
    let latency = 0;
    for (let age = 0; endedBy(age) < 0.9999;) {
      const gap = wait(age);
      requests += 1 - endedBy(age);
      latency += area(age + gap) - area(age) - endedBy(age) * gap;
      age += gap;
    }
    return { requests, latency };
  };
  return { plan, judge };
}

function at(values: Float64Array | Int32Array, index: number): number {
  return values[index] as number;
}
