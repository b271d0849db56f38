import type { Lognormal } from '../chance.js';

/** The chance that a standard normal variable is below `z`. Complementary error function of Numerical Recipes, 6.2.2. */
export function belowNormal(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.5 * x);
  let series = 0;
  for (let i = COEFFICIENTS.length - 1; i >= 0; i--) series = (COEFFICIENTS[i] as number) + t * series;
  const tail = (t * Math.exp(series - x * x)) / 2;
  return z > 0 ? 1 - tail : tail;
}

const COEFFICIENTS = [
  -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
  0.17087277,
];

/** The standard normal variable that is exceeded with a chance of `1 - share`. */
function normalQuantile(share: number): number {
  let [low, high] = [-9, 9];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    if (belowNormal(middle) < share) low = middle;
    else high = middle;
  }
  return low;
}

const known = new Map<number, readonly number[]>();

/** Quantiles of the standard normal distribution, in the middle of so many equal shares. */
export function normalQuantiles(count: number): readonly number[] {
  let quantiles = known.get(count);
  if (!quantiles) {
    quantiles = Array.from({ length: count }, (_, i) => normalQuantile((i + 0.5) / count));
    known.set(count, quantiles);
  }
  return quantiles;
}

/** When tasks end: the chance to have ended by an age, and its integral from 0 to that age. Ages in ms. */
export interface Ends {
  readonly endedBy: (age: number) => number;
  readonly area: (age: number) => number;
}

export function lognormalEnds({ mu, sigma }: Lognormal): Ends {
  const mean = Math.exp(mu + sigma ** 2 / 2);
  const z = (age: number) => (Math.log(age) - mu) / sigma;
  return {
    endedBy: (age) => (age > 0 ? belowNormal(z(age)) : 0),
    area: (age) => (age > 0 ? age * belowNormal(z(age)) - mean * belowNormal(z(age) - sigma) : 0),
  };
}

/** Some tasks end evenly within a time, the others as before. */
export function withEarlyEnds(share: number, within: number, others: Ends): Ends {
  const mix = (early: number, other: number) => share * early + (1 - share) * other;
  return {
    endedBy: (age) => mix(Math.min(1, age / within), others.endedBy(age)),
    area: (age) => mix(age < within ? age ** 2 / within / 2 : age - within / 2, others.area(age)),
  };
}
