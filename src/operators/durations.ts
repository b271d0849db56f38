/** The longest delay that a timer can take: `setTimeout(2 ** 31)` fires at once. 24.8 days. */
export const LONGEST_DELAY = 2 ** 31 - 1;

/** A duration that a caller gave. @throws RangeError unless it is 0..2^31-1 ms. */
export function checkDuration(name: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0 && value <= LONGEST_DELAY) return value;
  throw new RangeError(`${name}: ${String(value)} is no duration; write ms from 0 to ${LONGEST_DELAY}`);
}

/** A duration that came from outside (a header, a table, an answer), or undefined where it is nonsense. */
export function saneDuration(value: number | undefined): number | undefined {
  return value !== undefined && value >= 0 ? Math.min(value, LONGEST_DELAY) : undefined;
}

/** One draw of a caller's `random`, which is held to 0..1 whatever it gives. */
export function draw(random: () => number): number {
  return Math.min(1, Math.max(0, random())) || 0;
}
