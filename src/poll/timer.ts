import { asyncScheduler } from 'rxjs';
import { steadyNow } from '../clock.js';
import type { Waiter } from '../queue.js';

const LOADED = /* @__PURE__ */ steadyNow();

/**
 * ms since this module was loaded. Rounded last, it is a small integer, which costs an object that keeps it 16 bytes
 * less.
 */
export function now(): number {
  return Math.round(steadyNow() - LOADED);
}

/** Something that waits for one point in time. */
export interface Scheduled extends Waiter<Scheduled> {
  /** A timer of its own, or one that it shares. */
  timer?: { unsubscribe(scheduled: Scheduled): void } | undefined;
  /** Called when the time has come. */
  run(): void;
}

/** Runs `scheduled` after so many ms; replaces what was scheduled for it before. */
export type Schedule = (scheduled: Scheduled, delayMs: number) => void;

/**
 * ms over which waits of `delayMs` that end together, after a pause of all, are spread: else all would be asked at
 * once.
 */
export function spreadOf(delayMs: number): number {
  return Math.max(2_000, Math.min(delayMs, 10_000));
}

/** A timer for each. */
export const scheduleAlone: Schedule = (scheduled, delayMs) => {
  cancel(scheduled);
  scheduled.timer = asyncScheduler.schedule(run, delayMs, scheduled);
};

function run(scheduled?: Scheduled): void {
  scheduled?.run();
}

export function cancel(scheduled: Scheduled): void {
  scheduled.timer?.unsubscribe(scheduled);
  scheduled.timer = undefined;
}
