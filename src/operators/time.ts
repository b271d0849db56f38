import { asyncScheduler, type Subscription } from 'rxjs';

// All that the operators know of time. Under a TestScheduler it is virtual.

export { steadyNow as now } from '../clock.js';

/** Something that waits, once at a time. */
export interface Due {
  /** Its timer, or its place in a queue: the affair of whoever keeps the waits. */
  wait?: Pick<Subscription, 'unsubscribe'> | undefined;
  /** Called when the wait is over. */
  run(): void;
}

/** Runs `due` after so many ms, in place of what it waits for already. */
export type Wait = (due: Due, ms: number) => void;

/** Each wait on a timer of its own. */
export const timerWait: Wait = (due, ms) => {
  due.wait?.unsubscribe();
  due.wait = asyncScheduler.schedule(runDue, ms, due);
};

function runDue(due?: Due): void {
  due?.run();
}

/** The longest delay that a timer can take: `setTimeout(2 ** 31)` fires at once. 24.8 days. */
export const LONGEST_DELAY = 2 ** 31 - 1;

/** @throws RangeError for a duration that no timer can take. */
export function checkDuration(name: string, ms: unknown): void {
  if (typeof ms !== 'number' || !(ms >= 0 && ms <= LONGEST_DELAY)) {
    throw new RangeError(`${name}: ${String(ms)} is no duration; write 0..${LONGEST_DELAY} ms`);
  }
}

/** @throws TypeError for a callback that is none. */
export function checkFunction(name: string, callback: unknown): void {
  if (typeof callback !== 'function') throw new TypeError(`${name}: write a function`);
}

/** One draw of a caller's `random`, which is held to 0..1 whatever it gives. */
export function draw(random: () => number): number {
  return Math.min(1, Math.max(0, random())) || 0;
}
