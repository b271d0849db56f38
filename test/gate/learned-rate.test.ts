import { describe, expect, test } from 'vitest';
import { LearnedRate } from '../../src/gate/learned-rate.js';

/** Requests that succeed at once, evenly: so many a second from one time to another, in ms. */
function succeed(rate: LearnedRate, perSecond: number, from: number, to: number): void {
  for (let at = from; at < to; at += 1000 / perSecond) {
    rate.onAdmitted(at);
    rate.onSuccess(at, at);
  }
}

/** So many requests succeed at one time. */
function succeedAt(rate: LearnedRate, count: number, at: number): void {
  for (let nth = 0; nth < count; nth++) rate.onSuccess(at, at);
}

interface Refusal {
  readonly at: number;
  /** When its request was admitted. @default at */
  readonly admittedAt?: number;
  readonly pause?: number;
  readonly hasRetryAfter?: boolean;
}

function throttle(rate: LearnedRate, { at, admittedAt = at, pause = 0, hasRetryAfter = true }: Refusal): void {
  rate.onThrottled({ now: at, admittedAt, resumeAt: at + pause, hasRetryAfter, rate: rate.perMs });
}

const perSecond = (rate: LearnedRate) => 1_000 * rate.perMs;

/** Throttled after 3 s at 20 a second: 0.9 of it is 18, for a span of 8 s, or 144 requests. */
function learned(refusal: Partial<Refusal> = {}): LearnedRate {
  const rate = new LearnedRate();
  succeed(rate, 20, 0, 3_000);
  throttle(rate, { at: 3_000, ...refusal });
  return rate;
}

describe('the first 429', () => {
  test('before it, the rate is unbounded', () => {
    const rate = new LearnedRate();
    succeed(rate, 1_000, 0, 60_000);
    expect(rate.perMs).toBe(Infinity);
  });

  test('leaves 0.9 of what succeeded lately', () => {
    expect(perSecond(learned())).toBeCloseTo(18);
  });

  test('successes are measured over a second at least: a burst is no rate', () => {
    const rate = new LearnedRate();
    succeed(rate, 100, 0, 100);
    throttle(rate, { at: 100 });
    expect(perSecond(rate)).toBeCloseTo(0.9 * 10);
  });

  test('successes are measured over the last seconds, not over the whole past', () => {
    const rate = new LearnedRate();
    succeed(rate, 1_000, 0, 4_000);
    succeed(rate, 10, 4_000, 30_000);
    throttle(rate, { at: 30_000 });
    expect(perSecond(rate)).toBeGreaterThan(0.9 * 10 * 0.9);
    expect(perSecond(rate)).toBeLessThan(0.9 * 10 * 1.1);
  });

  test('leaves a little less than one a second where little or nothing succeeded', () => {
    for (const before of [0, 1]) {
      const rate = new LearnedRate();
      succeed(rate, 1, 0, before * 1_000);
      throttle(rate, { at: 4_000 });
      expect(perSecond(rate)).toBeCloseTo(0.9);
    }
  });

  test('F37 that overtakes the successes of its burst: each late one counts', () => {
    const rate = new LearnedRate();
    for (let nth = 0; nth < 20; nth++) rate.onAdmitted(0);
    throttle(rate, { at: 5, admittedAt: 0.5, pause: 1_000 });
    expect(perSecond(rate)).toBeCloseTo(0.9);
    for (let nth = 0; nth < 20; nth++) rate.onSuccess(200, 0);
    expect(perSecond(rate)).toBeCloseTo(0.9 * 20);
  });
});

describe('the rate grows', () => {
  test('by a ninth within a span of successes, slowly at first, and faster and faster from there', () => {
    const rate = learned();
    const after = (requests: number) => {
      succeedAt(rate, requests, 4_000);
      return Number((perSecond(rate) / 18).toFixed(2));
    };
    // In all 0, 0.5, 1, 2 and 3 spans of 144 requests.
    expect([0, 72, 72, 144, 144].map(after)).toEqual([1, 1.01, 1.11, 7.44, 25.78]);
  });

  test('not by time alone', () => {
    const rate = learned();
    rate.onAdmitted(3_600_000);
    expect(perSecond(rate)).toBeCloseTo(18);
  });

  test('not by requests that went before the last 429 but one', () => {
    const rate = learned();
    succeedAt(rate, 10, 3_500);
    throttle(rate, { at: 4_000 });
    const before = rate.perMs;
    for (let nth = 0; nth < 100; nth++) rate.onSuccess(4_500, 3_000);
    expect(rate.perMs).toBe(before);
  });

  test.each([
    ['eight seconds', {}, 8],
    ['eight times the pause', { pause: 3_000 }, 24],
    ['eight times what the 429 cost, the time to its arrival included', { pause: 1_500, admittedAt: 1_500 }, 24],
    ['two and a half times as long without Retry-After', { hasRetryAfter: false }, 20],
    ['eight times the pause, with Retry-After or without', { pause: 5_000, hasRetryAfter: false }, 40],
  ])('beyond where it was throttled only after %s', (_how, refusal, seconds) => {
    const rate = learned(refusal);
    succeedAt(rate, seconds * 18 - 2, 4_000);
    expect(perSecond(rate)).toBeLessThan(20);
    succeedAt(rate, 4, 4_000);
    expect(perSecond(rate)).toBeGreaterThan(20);
  });

  test.each([
    ['30 requests at least', 2, 30],
    ['75 requests below one a second: such limits count by the minute, as a rule', 1, 75],
  ])('beyond where it was throttled only after %s', (_how, before, span) => {
    const rate = new LearnedRate();
    succeed(rate, before, 0, 2_000);
    throttle(rate, { at: 2_000 });
    const start = rate.perMs;
    succeedAt(rate, span - 1, 4_000);
    expect(rate.perMs / start).toBeLessThan(10 / 9);
    succeedAt(rate, 2, 4_000);
    expect(rate.perMs / start).toBeGreaterThan(10 / 9);
  });
});

describe('another 429', () => {
  test('before the span is over leaves what succeeded since, half of the pause included', () => {
    const rate = learned({ pause: 2_000 });
    succeed(rate, 15, 5_000, 7_000);
    throttle(rate, { at: 7_000 });
    expect(perSecond(rate)).toBeCloseTo(30 / 3);
  });

  test('no more than halves the rate, and lowers it to 0.9 at least', () => {
    const rate = learned();
    rate.onSuccess(3_500, 3_500);
    throttle(rate, { at: 4_000 });
    expect(perSecond(rate)).toBeCloseTo(18 / 2);
    succeed(rate, 500, 4_001, 4_101);
    throttle(rate, { at: 4_101 });
    expect(perSecond(rate)).toBeCloseTo((0.9 * 18) / 2, 0);
  });

  test('leaves a little more than before where the rate has held for a span, however long the pause was', () => {
    const rate = learned({ pause: 2_000 });
    // 16 s at 18 a second, in five times as long.
    for (let nth = 0; nth < 320; nth++) rate.onSuccess(5_000 + nth * 300, 5_000 + nth * 300);
    throttle(rate, { at: 101_000 });
    expect(perSecond(rate)).toBeCloseTo(1.05 * 18);
  });

  test('leaves 0.9 of the rate where it has only just grown', () => {
    const rate = learned();
    for (let nth = 0; nth < 145; nth++) rate.onSuccess(4_000 + nth, 4_000 + nth);
    const grown = perSecond(rate);
    throttle(rate, { at: 12_000 });
    expect(perSecond(rate)).toBeCloseTo(0.9 * grown);
  });

  test('before any success shows that the pause was too short: the rate stays', () => {
    const rate = learned({ pause: 1_000 });
    throttle(rate, { at: 4_000, pause: 2_000 });
    throttle(rate, { at: 6_000, pause: 4_000 });
    expect(perSecond(rate)).toBeCloseTo(18);
    // Eight times the 7 s from the first 429 to the end of the last pause.
    succeedAt(rate, 56 * 18 - 2, 11_000);
    expect(perSecond(rate)).toBeLessThan(20);
  });

  test('before any success lowers the rate after all where successes of its epoch arrive late', () => {
    const rate = learned({ pause: 1_000 });
    throttle(rate, { at: 4_500, pause: 2_000 });
    rate.onSuccess(5_000, 4_200);
    expect(perSecond(rate)).toBeCloseTo(18 / 2);
  });

  test('leaves at least one a minute', () => {
    const rate = new LearnedRate();
    for (let at = 1_000; at < 1e8; at += 100_000) {
      rate.onSuccess(at, at);
      throttle(rate, { at });
    }
    expect(rate.perMs).toBe(1 / 60_000);
  });
});

describe('a key has recovered', () => {
  test('a minute after it was throttled last', () => {
    const rate = new LearnedRate();
    expect(rate.hasRecovered(0)).toBe(true);
    succeed(rate, 20, 0, 5_000);
    throttle(rate, { at: 5_000 });
    expect(rate.hasRecovered(65_000)).toBe(false);
    expect(rate.hasRecovered(65_001)).toBe(true);
  });

  test('or a span, where that is longer', () => {
    const rate = learned({ pause: 60_000 });
    expect(rate.hasRecovered(483_000)).toBe(false);
    expect(rate.hasRecovered(483_001)).toBe(true);
  });
});
