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
  return `${name}: ${show(value)} is not usable; write ${remedy}`;
}

/** A value as a message shows it: a text in quotes, and cut; of an object only what it is. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80));
  // `String` throws for an object without a prototype, and gives the source of a function.
  return Object(value) === value ? Object.prototype.toString.call(value) : String(value);
}

/** @throws TypeError for a value that is not valid. */
export function check(name: string, value: unknown, isValid: boolean, remedy: string): void {
  if (!isValid) throw new TypeError(notUsable(name, value, remedy));
}

/** @throws RangeError for a number that is not valid. */
export function checkNumber(name: string, value: unknown, isValid: boolean, remedy: string): void {
  if (typeof value !== 'number' || !isValid) throw new RangeError(notUsable(name, value, remedy));
}

/** @throws TypeError for a callback that is none. */
export function checkFunction(name: string, callback: unknown): void {
  check(name, callback, typeof callback === 'function', 'a function');
}

/** @throws TypeError for what is neither `true` nor `false`: the text "false" would count as true. */
export function checkFlag(name: string, flag: unknown): void {
  check(name, flag, typeof flag === 'boolean', 'true or false');
}

/** @throws RangeError for a limit (a count, ms or bytes) that no timer or buffer can keep. */
export function checkLimit(name: string, limit: number): void {
  const isValid = limit > 0 && limit <= LONGEST_DELAY && limit % 1 === 0;
  checkNumber(name, limit, isValid, `a whole number from 1 to ${LONGEST_DELAY}`);
}

/** A duration at this speed. @throws RangeError for one that no timer can take. */
export function checkDuration(name: string, ms: number, speed = 1): number {
  const most = LONGEST_DELAY * speed;
  checkNumber(name, ms, ms >= 0 && ms <= most, `0..${most} ms`);
  return ms / speed;
}

/** One draw of a caller's `random`, limited to 0..1 whatever it returns. */
export function draw(random: () => number): number {
  return Math.min(1, Math.max(0, random())) || 0;
}
