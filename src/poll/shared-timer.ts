import { asyncScheduler } from 'rxjs';
import { isVirtualTime } from '../clock.js';
import { Queue } from '../queue.js';
import { cancel, scheduleAlone, spreadOf, type Schedule, type Scheduled } from './timer.js';

/** At most so many run before the event loop gets its turn. */
const SLICE = 500;

/** A timer that fires later than this, in ms, belongs to a process that was suspended. */
const LATE = 1000;

/** So many timers are exact: rounding delays, to share timers, begins with more. */
const EXACT = 64;

/**
 * Longer delays, in ms, have a timer of their own: rounded up to share one, they could be more than a timer can take.
 */
const LONGEST_SHARED = 2 ** 30;

/** One timer and all that wait for it. */
interface Slot {
  /** How far the wall clock was ahead of `performance.now()` when the timer was made. */
  readonly apart: number;
  readonly waiting: Queue<Scheduled>;
  unsubscribe(scheduled: Scheduled): void;
}

/**
 * Schedules much with few timers: beyond the first 64, delays that end at about the same time, to a thousandth of their
 * length, share one. None ends early. A timer each costs a waiting task 300 bytes more, a heap of due times more CPU.
 *
 * What ends more than a second late, because the process was suspended, is spread over some seconds: else everything
 * would be asked at once.
 *
 * Only what ends together by the wall clock too shares a timer. A timer that fake timers left behind never fires; it
 * was made by another clock, so nothing joins it. In a TestScheduler's run each has a timer of its own, which ends with
 * it.
 */
export function sharedTimers(): Schedule {
  const slots = new Map<number, Slot>();

  const open = (at: number, delayMs: number, isSpread: boolean, apart: number): Slot => {
    const waiting = new Queue<Scheduled>();
    const run = () => {
      close();
      // Once: where timers are coarse, it would be late again, and again.
      const isLate = !isSpread && performance.now() - at > LATE;
      let turns = SLICE;
      try {
        for (let { first } = waiting; first && turns--; first = waiting.first) {
          waiting.delete(first);
          if (isLate) share(first, Math.random() * spreadOf(delayMs), true);
          else first.run();
        }
      } finally {
        if (waiting.size > 0) timer = asyncScheduler.schedule(run);
      }
    };
    const close = () => {
      if (slots.get(at) === slot) slots.delete(at);
    };
    let timer = asyncScheduler.schedule(run, Math.ceil(delayMs));
    const slot: Slot = {
      apart,
      waiting,
      unsubscribe(scheduled) {
        waiting.delete(scheduled);
        if (waiting.size > 0) return;
        // It keeps no process alive.
        timer.unsubscribe();
        close();
      },
    };
    return slot;
  };

  const share = (scheduled: Scheduled, delayMs: number, isSpread: boolean) => {
    cancel(scheduled);
    const now = performance.now();
    const apart = asyncScheduler.now() - now;
    let at = now + delayMs;
    let delay = delayMs;
    let grain = 1;
    if (slots.size >= EXACT) {
      grain = Math.max(1, 2 ** (31 - Math.clz32(delayMs / 1000)));
      at = Math.ceil(at / grain) * grain;
      delay = at - now;
    }
    let slot = slots.get(at);
    // The wall clock counts whole ms.
    if (!slot || Math.abs(slot.apart - apart) > grain + 1) slots.set(at, (slot = open(at, delay, isSpread, apart)));
    slot.waiting.add(scheduled);
    scheduled.timer = slot;
  };

  return (scheduled, delayMs) => {
    if (!isVirtualTime() && delayMs >= 0 && delayMs <= LONGEST_SHARED) share(scheduled, delayMs, false);
    else scheduleAlone(scheduled, delayMs);
  };
}
