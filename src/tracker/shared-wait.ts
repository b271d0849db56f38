import { asyncScheduler, type Subscription } from 'rxjs';
import { isRealTime } from '../clock.js';
import { rest, timerWait, type Due, type Wait } from '../operators/time.js';

/** At most so many run before the event loop gets its turn. */
const SLICE = 500;

/** Later than this, in ms, and the process was suspended. */
const LATE = 1000;

/** Longer waits, in ms, have a timer of their own: rounded up to share one, they could be more than a timer can take. */
const LONGEST_SHARED = 2 ** 30;

/** Those whose waits end together, on one timer. */
class Slot {
  readonly waiting = new Set<Due>();
  timer: Subscription | undefined;

  constructor(
    /** The end, by a clock that nobody sets. */
    readonly at: number,
    /** What is late is spread over so many ms. */
    readonly spread: number,
    private readonly onEmpty: (slot: Slot) => void,
  ) {}

  unsubscribe(due: Due): void {
    // Without waiters there is no timer, so it keeps no process alive.
    if (this.waiting.delete(due) && this.waiting.size === 0) this.onEmpty(this);
  }
}

/**
 * Waits for many things with few timers: waits that end at about the same time, to a thousandth of their length, share
 * one. None ends early. A timer each costs a waiting task 400 bytes more, a heap of due times more CPU.
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

  const arm = (slot: Slot, ms: number) => {
    slot.timer = asyncScheduler.schedule(() => {
      slots.delete(slot.at);
      const isLate = performance.now() - slot.at > LATE;
      let ran = 0;
      try {
        for (const due of slot.waiting) {
          if (ran++ === SLICE) break;
          slot.waiting.delete(due);
          if (isLate) wait(due, Math.random() * slot.spread);
          else due.run();
        }
      } finally {
        if (slot.waiting.size > 0) arm(slot, 0);
      }
    }, ms);
  };

  const drop = (slot: Slot) => {
    slot.timer?.unsubscribe();
    if (slots.get(slot.at) === slot) slots.delete(slot.at);
  };

  const wait: Wait = (due, ms) => {
    if (!isRealTime() || 'Zone' in globalThis || ms > LONGEST_SHARED) {
      timerWait(due, ms);
      return;
    }
    rest(due);
    const grain = 2 ** Math.max(0, Math.floor(Math.log2(ms / 1000)));
    const now = performance.now();
    const at = Math.ceil((now + ms) / grain) * grain;
    let slot = slots.get(at);
    if (!slot) {
      slot = new Slot(at, Math.max(2_000, Math.min(ms, 10_000)), drop);
      slots.set(at, slot);
      arm(slot, at - now);
    }
    slot.waiting.add(due);
    due.wait = slot;
  };
  return wait;
}
