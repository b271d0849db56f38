import { LONGEST_DELAY } from './durations.js';

// Options as callers pass them. In JavaScript nothing else notices a call without any, or a name that is mistyped.

/**
 * @param caller the function that was called, for the message.
 * @param usage how to call it.
 * @param names all options that it takes.
 * @throws TypeError for what is no object, and for an option that it does not have.
 */
export function checkOptions(caller: string, usage: string, options: unknown, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    // The type alone: a text may be an API key.
    throw new TypeError(`${caller}: the options are ${options === null ? 'null' : typeof options}; write ${usage}`);
  }
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    throw new TypeError(`${caller}: there is no option "${name.slice(0, 80)}"; write one of ${names.join(', ')}`);
  }
}

/** The message for a value that no option of this name takes. `remedy` is what to write instead. */
export function notUsable(name: string, value: unknown, remedy: string): string {
  return `${name}: ${String(value)} is not usable; write ${remedy}`;
}

/** @throws RangeError for a limit (a count, ms or bytes) that no timer or buffer can keep. */
export function checkLimit(name: string, limit: number): void {
  if (Number.isInteger(limit) && limit > 0 && limit <= LONGEST_DELAY) return;
  throw new RangeError(notUsable(name, limit, `a whole number from 1 to ${LONGEST_DELAY}`));
}

/** A duration at this speed. @throws RangeError for one that no timer can take. */
export function checkDuration(name: string, ms: number, speed = 1): number {
  const scaled = typeof ms === 'number' ? ms / speed : NaN;
  if (scaled >= 0 && scaled <= LONGEST_DELAY) return scaled;
  throw new RangeError(`${name}: ${String(ms)} is no duration; write 0..${LONGEST_DELAY * speed} ms`);
}

/** @throws TypeError for a callback that is none. */
export function checkFunction(name: string, callback: unknown): void {
  if (typeof callback !== 'function') throw new TypeError(`${name}: write a function`);
}

/** One draw of a caller's `random`, limited to 0..1 whatever it returns. */
export function draw(random: () => number): number {
  return Math.min(1, Math.max(0, random())) || 0;
}
