import { setTimeout as sleep } from 'node:timers/promises';
import { of } from 'rxjs';
import { createTracker, defineProvider, resultWire } from 'rx-video-tasks';
import { processingTask } from 'rx-video-tasks/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { listen } from '../operators/polls.js';

const { setTimeout, setInterval } = globalThis;

afterEach(() => {
  Object.assign(globalThis, { setTimeout, setInterval });
  vi.useRealTimers();
});

/** As an error reporter does after it is loaded. */
function wrapTimers(): void {
  const wrap = (schedule: (run: () => void, ms: number) => unknown) => (run: () => void, ms: number) =>
    schedule(() => {
      run();
    }, ms);
  Object.assign(globalThis, { setTimeout: wrap(setTimeout as never), setInterval: wrap(setInterval as never) });
}

const timers = () => process.getActiveResourcesInfo().filter((what) => what === 'Timeout').length;

function track(tasks: number, interval: number) {
  const acme = defineProvider({
    name: 'acme',
    baseUrl: 'http://127.0.0.1:1',
    wire: { ...resultWire, read: () => processingTask() },
    windows: { '*': { min: interval, max: interval } },
    minInterval: interval,
  });
  const asks: number[] = [];
  const tracker = createTracker({
    provider: acme({ apiKey: 'key-of-acme' }),
    transport: () => {
      asks.push(performance.now());
      return of({ status: 200, headers: {}, body: '' });
    },
    gate: { admit: (_ticket, request) => request },
  });
  for (let nth = 0; nth < tasks; nth++) listen(tracker.track(`task_${nth}`));
  return { tracker, asks };
}

describe.each([
  ['timers as they were', () => undefined],
  ['timers that were wrapped after the library was loaded', wrapTimers],
])('F42 %s', (_, prepare) => {
  test('are shared by the tasks of a tracker, and none is left', () => {
    prepare();
    const before = timers();
    const { tracker } = track(1_000, 30_000);
    expect(timers() - before).toBeLessThan(200);
    tracker.close();
    expect(timers()).toBe(before);
  });

  test.each([-86_400_000, 86_400_000])('F33 keep the cadence when the wall clock moves by %i ms', async (step) => {
    prepare();
    const { tracker, asks } = track(1, 40);
    await sleep(100);
    vi.setSystemTime(Date.now() + step);
    const before = asks.length;
    while (asks.length < before + 5) await sleep(20);
    tracker.close();
    const gaps = asks.slice(before).map((at, nth) => at - (asks[before + nth - 1] as number));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(38);
  });
});

describe.each<[string, Parameters<typeof vi.useFakeTimers>[0]]>([
  ['all of them', undefined],
  ['all but performance.now()', { toFake: ['setInterval', 'clearInterval', 'setTimeout', 'clearTimeout', 'Date'] }],
])('F42 fake timers, %s', (_, config) => {
  test('rule the waits, and leave nothing to real time', async () => {
    vi.useFakeTimers(config);
    const { tracker, asks } = track(30, 40);
    vi.advanceTimersByTime(20);
    for (let nth = 30; nth < 60; nth++) listen(tracker.track(`task_${nth}`));
    vi.advanceTimersByTime(100);
    // At 0, 40, 80 and 120; and at 20, 60 and 100.
    expect(asks).toHaveLength(30 * 4 + 30 * 3);
    vi.useRealTimers();
    listen(tracker.track('real'));
    while (asks.length < 213) await sleep(20);
    tracker.close();
  });
});
