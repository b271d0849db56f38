import fc from 'fast-check';
import { of, Subject } from 'rxjs';
import { pollUntilTerminal, type TrackingError } from 'rx-video-tasks';
import { queuedTask } from 'rx-video-tasks/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { sharedTimers } from '../../src/poll/shared-timer.js';
import { cancel, type Scheduled } from '../../src/poll/timer.js';

describe('sharedTimers', () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  test('runs what is scheduled once, never early, late by a thousandth; and nothing that was cancelled', () => {
    const schedule = sharedTimers();
    const command = fc.oneof(
      { weight: 5, arbitrary: fc.record({ add: fc.nat(29), ms: fc.oneof(fc.nat(100), fc.nat(100_000)) }) },
      { weight: 2, arbitrary: fc.record({ leave: fc.nat(29) }) },
      { weight: 2, arbitrary: fc.record({ pass: fc.nat(60_000) }) },
    );
    fc.assert(
      fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
        /** When each that waits is due, and how late it may be. */
        const due = new Map<number, { at: number; slack: number }>();
        const waiters: Scheduled[] = Array.from({ length: 30 }, (_, name) => ({
          run: () => {
            const expected = due.get(name);
            expect(expected).toBeDefined();
            expect(Date.now()).toBeGreaterThanOrEqual(expected?.at ?? NaN);
            expect(Date.now()).toBeLessThanOrEqual((expected?.at ?? NaN) + (expected?.slack ?? NaN));
            due.delete(name);
          },
        }));
        for (const step of commands) {
          if ('add' in step) {
            schedule(waiters[step.add] as Scheduled, step.ms);
            due.set(step.add, { at: Date.now() + step.ms, slack: 2 + step.ms / 1000 });
          } else if ('leave' in step) {
            cancel(waiters[step.leave] as Scheduled);
            due.delete(step.leave);
          } else vi.advanceTimersByTime(step.pass);
        }
        vi.advanceTimersByTime(101_000);
        expect(due.size).toBe(0);
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test('beyond the first 64, those that end together share a timer, which goes with the last of them', () => {
    const schedule = sharedTimers();
    const waiters: Scheduled[] = Array.from({ length: 1000 }, () => ({ run: () => 0 }));
    waiters.forEach((due, nth) => {
      schedule(due, 30_000 + nth / 100);
    });
    expect(vi.getTimerCount()).toBeLessThanOrEqual(66);
    for (const due of waiters) cancel(due);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('lets the event loop have its turn after 500', () => {
    const schedule = sharedTimers();
    let ran = 0;
    for (let n = 0; n < 1_200; n++) schedule({ run: () => ran++ }, 10);
    const counts = [];
    while (ran < 1_200) {
      vi.advanceTimersToNextTimer();
      counts.push(ran);
    }
    expect(counts).toEqual([500, 1_000, 1_200]);
  });

  test('what waits again while it runs, even for nothing, waits for the next turn', () => {
    const schedule = sharedTimers();
    let ran = 0;
    const due: Scheduled = {
      run: () => {
        ran++;
        schedule(due, 0);
      },
    };
    schedule(due, 10);
    vi.advanceTimersToNextTimer();
    expect(ran).toBe(1);
    cancel(due);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('F32 what ends late is spread over some seconds, once', () => {
    const schedule = sharedTimers();
    const ran: number[] = [];
    for (let n = 0; n < 400; n++) schedule({ run: () => ran.push(performance.now()) }, 10_000);
    // The process is stopped: its clocks go on, its timers do not fire.
    const steady = vi.spyOn(performance, 'now');
    const before = performance.now();
    steady.mockImplementation(() => before + 15_000);
    vi.advanceTimersToNextTimer();
    steady.mockRestore();
    expect(ran).toEqual([]);
    vi.advanceTimersByTime(40_000);
    expect(ran).toHaveLength(400);
    const busiest = Math.max(
      ...Array.from({ length: 60 }, (_, s) => ran.filter((at) => Math.floor(at / 1000) === s).length),
    );
    expect(busiest).toBeLessThan(100);
  });

  test('F32 where timers are coarse, what is late once is not put off again and again', () => {
    // As in a tab that has been hidden for long: timers fire at whole minutes.
    const { setInterval } = globalThis;
    vi.spyOn(globalThis, 'setInterval').mockImplementation(((run: () => void, ms: number) => {
      const end = performance.now() + ms;
      return setInterval(run, Math.ceil(end / 60_000) * 60_000 - performance.now());
    }) as never);
    const schedule = sharedTimers();
    const ran: number[] = [];
    for (let n = 0; n < 100; n++) schedule({ run: () => ran.push(performance.now()) }, 10_000);
    vi.advanceTimersByTime(180_000);
    vi.restoreAllMocks();
    expect(ran).toHaveLength(100);
  });

  test('what should be over already is over at once', () => {
    const schedule = sharedTimers();
    vi.advanceTimersByTime(20_000);
    let ran = 0;
    for (const ms of [-1, -5_000, NaN]) schedule({ run: () => ran++ }, ms);
    vi.advanceTimersByTime(10);
    expect(ran).toBe(3);
  });

  test('a call after the deadline, before its timer, ends tracking', () => {
    const focus = new Subject<void>();
    const poll = pollUntilTerminal({ deadline: 3_600_000, notifier: focus });
    const ends: unknown[] = [];
    for (let n = 0; n < 3; n++) {
      of(queuedTask())
        .pipe(poll)
        .subscribe({ error: (error: unknown) => ends.push((error as TrackingError).reason) });
    }
    vi.advanceTimersByTime(1_800_000);
    // A laptop sleeps for eight hours; its timers fire, and are spread, and then its window gets the focus.
    const steady = vi.spyOn(performance, 'now');
    const awake = performance.now() + 28_800_000;
    steady.mockImplementation(() => awake);
    vi.advanceTimersToNextTimer();
    focus.next();
    vi.advanceTimersByTime(60_000);
    steady.mockRestore();
    expect(ends).toEqual(['deadline', 'deadline', 'deadline']);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([-86_400_000, 86_400_000])('F33 a clock that is stepped by %i ms neither holds up nor hurries', (step) => {
    const schedule = sharedTimers();
    const ran: number[] = [];
    for (const name of [0, 1, 2]) schedule({ run: () => ran.push(name) }, 10_000 * (name + 1));
    vi.advanceTimersByTime(5_000);
    vi.setSystemTime(Date.now() + step);
    const counts = [];
    for (let n = 0; n < 3; n++) {
      vi.advanceTimersByTime(n === 0 ? 4_990 : 9_960);
      counts.push(ran.length);
      vi.advanceTimersByTime(40);
      counts.push(ran.length);
    }
    expect(counts).toEqual([0, 1, 1, 2, 2, 3]);
  });

  test('a waiter that throws does not hold up the others', () => {
    const schedule = sharedTimers();
    const ran: number[] = [];
    const throws = () => {
      throw new Error('oops');
    };
    schedule({ run: throws }, 10);
    schedule({ run: () => ran.push(1) }, 10);
    expect(() => vi.advanceTimersByTime(10)).toThrow('oops');
    vi.advanceTimersByTime(10);
    expect(ran).toEqual([1]);
  });
});
