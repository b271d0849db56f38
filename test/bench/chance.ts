/** Chance that can be repeated: the same seed gives the same numbers, from 0 to 1, 1 excluded. */
export function chanceOf(seed: number): () => number {
  let state = seed | 0;
  // mulberry32
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** How long generating takes: lognormal, with 5 % shorter than the documented range and 5 % longer. */
export interface Lognormal {
  readonly mu: number;
  readonly sigma: number;
}

export function lognormal([shortest, longest]: readonly [number, number]): Lognormal {
  return {
    mu: (Math.log(shortest) + Math.log(longest)) / 2,
    sigma: Math.log(longest / shortest) / (2 * 1.6449),
  };
}

export function drawLognormal({ mu, sigma }: Lognormal, random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return Math.exp(mu + sigma * normal);
}

/** A wait with this mean, in a queue that forgets how long one has waited. */
export function drawExponential(mean: number, random: () => number): number {
  return -mean * Math.log(1 - random());
}
