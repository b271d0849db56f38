import { asyncScheduler } from 'rxjs';
import { isRealTime } from '../clock.js';
import { rest, timerWait, type Due, type Wait } from './timer.js';

/** At most so many run before the event loop gets its turn. */
const SLICE = 500;

/** Later than this, in ms, and the process was suspended. */
const LATE = 1000;

/** Longer waits, in ms, have a timer of their own: rounded up to share one, they could be more than a timer can take. */
const LONGEST_SHARED = 2 ** 30;

/** Those whose waits end together, on one timer. */
interface Slot {
  add(due: Due): void;
  unsubscribe(due: Due): void;
}

/**
 * Waits for many things with few timers: waits that end at about the same time, to a thousandth of their length, share
 * one. None ends early. A timer each costs a waiting task 300 bytes more, a heap of due times more CPU.
 *
 * What ends more than a second late, because the process was suspended, is spread over some seconds: else everything
 * would be asked at once.
 *
 * Only real time is shared. Under virtual time (a TestScheduler run, fake timers) each waits on a timer of its own, which
 * ends with the test: nothing that it leaves waiting disturbs the next one, or real waits. So it is under zone.js, where a
 * timer also carries the zone of its subscriber.
 */
export function sharedWait(): Wait {
  const slots = new Map<number, Slot>();

  const open = (at: number, ms: number, isSpread: boolean): Slot => {
    const waiting = new Set<Due>();
    const run = () => {
      slots.delete(at);
      // Once: where timers are coarse, it would be late again, and again.
      const isLate = !isSpread && performance.now() - at > LATE;
      let turns = SLICE;
      try {
        for (const due of waiting) {
          if (turns-- === 0) break;
          waiting.delete(due);
          if (isLate) share(due, Math.random() * Math.max(2_000, Math.min(ms, 10_000)), true);
          else due.run();
        }
      } finally {
        if (waiting.size > 0) timer = asyncScheduler.schedule(run);
      }
    };
    let timer = asyncScheduler.schedule(run, Math.ceil(ms));
    return {
      add: (due) => waiting.add(due),
      unsubscribe(due) {
        waiting.delete(due);
        if (waiting.size > 0) return;
        // It keeps no process alive.
        timer.unsubscribe();
        slots.delete(at);
      },
    };
  };

  const share = (due: Due, ms: number, isSpread: boolean) => {
    rest(due);
    const grain = Math.max(1, 2 ** (31 - Math.clz32(ms / 1000)));
    const now = performance.now();
    const at = Math.ceil((now + ms) / grain) * grain;
    let slot = slots.get(at);
    if (!slot) slots.set(at, (slot = open(at, at - now, isSpread)));
    slot.add(due);
    due.wait = slot;
  };

  return (due, ms) => {
    if (isRealTime() && !('Zone' in globalThis) && ms >= 0 && ms <= LONGEST_SHARED) share(due, ms, false);
    else timerWait(due, ms);
  };
}
