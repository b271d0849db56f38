import { defer, of } from 'rxjs';
import { createGate } from 'rx-video-tasks';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { isLong } from '../repetitions.js';

// A configured rate where timers are coarse: fake timers that fire late.

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date', 'setInterval', 'clearInterval', 'performance'], now: 1_700_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

/** Times at which requests go, where more wait than may go and timers fire so many ms late. */
function times(perSecond: number, seconds: number, lateness: (nth: number) => number): number[] {
  const punctual = globalThis.setInterval;
  let timers = 0;
  const late = (callback: () => void, ms: number) => punctual(callback, ms + lateness(timers++));
  vi.stubGlobal('setInterval', late);
  try {
    const gate = createGate({ requestsPerMinute: 60 * perSecond });
    const went: number[] = [];
    const noted = defer(() => {
      went.push(Date.now() - 1_700_000_000_000);
      return of(0);
    });
    const waiting = Array.from({ length: perSecond * (seconds + 1) }, () =>
      gate.admit({ origin: 'https://api.example.com', key: 'one' }, noted).subscribe(),
    );
    vi.advanceTimersByTime(seconds * 1_000);
    for (const subscription of waiting) subscription.unsubscribe();
    return went;
  } finally {
    vi.unstubAllGlobals();
  }
}

const SECONDS = isLong ? 10 : 5;

/** The most requests in any second. */
function mostInASecond(went: readonly number[]): number {
  let first = 0;
  let most = 0;
  for (const [nth, at] of went.entries()) {
    while ((went[first] ?? at) <= at - 1_000) first += 1;
    most = Math.max(most, nth + 1 - first);
  }
  return most;
}

describe.each(isLong ? [1, 20, 300, 1_000, 1_500, 2_000] : [1, 20, 300, 2_000])('%d requests a second', (perSecond) => {
  test.each<[string, (nth: number) => number]>([
    ['on time', () => 0],
    ['2 ms late', () => 2],
    ['up to 16 ms late', (nth) => (nth * 7) % 17],
    ['20 ms late', () => 20],
    ['400 ms late now and then', (nth) => (nth % 50 === 49 ? 400 : 0)],
  ])('with timers that fire %s: never more than one above the limit in any second', (name, lateness) => {
    const went = times(perSecond, SECONDS, lateness);
    expect(mostInASecond(went)).toBeLessThanOrEqual(perSecond + 1);
    if (!name.startsWith('400')) expect(went.length).toBeGreaterThanOrEqual(0.95 * SECONDS * perSecond);
  });
});
