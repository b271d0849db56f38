import { asyncScheduler } from 'rxjs';

/**
 * Whether a TestScheduler rules: its clock starts at 0. What outlives a virtual run (a queue, a shared gate) must not
 * take part in it, nor in the next one: timers that a run leaves behind never fire.
 */
export function isVirtualTime(): boolean {
  return Math.abs(asyncScheduler.now() - Date.now()) > 1000;
}

const realInterval = setInterval;

/** Whether timers and clocks are the machine's own: no TestScheduler, no fake timers. */
export function isRealTime(): boolean {
  return setInterval === realInterval && !isVirtualTime();
}

/** Epoch ms by a clock that nobody sets, unlike the wall's; under virtual time and fake timers theirs. */
export function steadyNow(): number {
  return isRealTime() ? Math.round(performance.timeOrigin + performance.now()) : asyncScheduler.now();
}
