import { asyncScheduler } from 'rxjs';
import { steadyNow } from '../clock.js';

// All that the operators know of time. Under a TestScheduler it is virtual.

const LOADED = /* @__PURE__ */ steadyNow();

/** ms since this module was loaded. Rounded last, it is a small integer, which costs an object that keeps it 16 bytes less. */
export function now(): number {
  return Math.round(steadyNow() - LOADED);
}

/** Something that waits, once at a time. */
export interface Due {
  /** Where it waits: its timer, or a slot that it shares. */
  wait?: { unsubscribe(due: Due): void } | undefined;
  /** Called when the wait is over. */
  run(): void;
}

/** Runs `due` after so many ms, in place of what it waits for already. */
export type Wait = (due: Due, ms: number) => void;

/** Each wait on a timer of its own. */
export const timerWait: Wait = (due, ms) => {
  rest(due);
  due.wait = asyncScheduler.schedule(runDue, ms, due);
};

function runDue(due?: Due): void {
  due?.run();
}

/** Ends the wait, if there is one. */
export function rest(due: Due): void {
  due.wait?.unsubscribe(due);
  due.wait = undefined;
}

/** The longest delay that a timer can take: `setTimeout(2 ** 31)` fires at once. 24.8 days. */
export const LONGEST_DELAY = 2 ** 31 - 1;

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

/** One draw of a caller's `random`, which is held to 0..1 whatever it gives. */
export function draw(random: () => number): number {
  return Math.min(1, Math.max(0, random())) || 0;
}
