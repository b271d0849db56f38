import { asyncScheduler } from 'rxjs';

/**
 * Whether a TestScheduler runs: then RxJS's schedulers have a time of their own, which begins at 0. What outlives a
 * virtual run (a queue, a shared gate, a shared timer) must not take part in it, nor in the next one: timers that a run
 * leaves behind never fire.
 *
 * This is the only question about the clock. Timers are never compared with those of the start: error reporters and
 * zone.js replace them at any time, and they stay the machine's own.
 */
export function isVirtualTime(): boolean {
  return Math.abs(asyncScheduler.now() - Date.now()) > 1000;
}

/** Epoch ms by a clock that no user and no time server sets, unlike `Date`; in a virtual run by the virtual clock. */
export function steadyNow(): number {
  return isVirtualTime() ? asyncScheduler.now() : Math.round(performance.timeOrigin + performance.now());
}
