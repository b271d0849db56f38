import { asyncScheduler } from 'rxjs';

/**
 * Whether a TestScheduler rules: its clock starts at 0. What outlives a virtual run (a queue, a shared gate) must not
 * take part in it, nor in the next one: timers that a run leaves behind never fire.
 */
export function isVirtualTime(): boolean {
  return Math.abs(asyncScheduler.now() - Date.now()) > 1000;
}
