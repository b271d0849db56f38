import { windowOf, type PollWindows } from 'rx-video-tasks';
import { lognormal } from '../chance.js';

/**
 * How long a task has probably been done without anyone having seen it, in ms: the expected time since its end, given
 * that it was not done `seenAt` ms after its creation, and is `age` ms old now.
 */
export function timeUnseen(windows: PollWindows, model: string): (age: number, seenAt: number) => number {
  const { mu, sigma } = lognormal(windowOf(windows, model).generation ?? [60_000, 480_000]);
  const isDoneBy = (ms: number) => normal((Math.log(ms) - mu) / sigma);
  // Of the ends up to a time: their mean, weighted by their chance.
  const whole = Math.exp(mu + sigma ** 2 / 2);
  const mass = (ms: number) => whole * normal((Math.log(ms) - mu) / sigma - sigma);
  return (age, seenAt) => {
    const open = 1 - isDoneBy(seenAt);
    // Long after every documented time nothing is known any more but that it was not done then.
    if (open < 1e-6) return age - seenAt;
    return (age * (isDoneBy(age) - isDoneBy(seenAt)) - (mass(age) - mass(seenAt))) / open;
  };
}

/** The normal distribution function, to 1e-7 (Abramowitz and Stegun 26.2.17). */
function normal(x: number): number {
  if (x === -Infinity) return 0;
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const sum = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  const tail = (Math.exp(-(x ** 2) / 2) / Math.sqrt(2 * Math.PI)) * sum;
  return x > 0 ? 1 - tail : tail;
}
