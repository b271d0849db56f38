import { describe, expect, test } from 'vitest';
import { Rate } from '../../src/gate/rate.js';

/** Lets requests through, evenly: so many a second from one time to another, in ms. */
function succeed(rate: Rate, perSecond: number, from: number, to: number): void {
  for (let at = from; at < to; at += 1000 / perSecond) {
    rate.spend(at);
    rate.succeeded(at);
  }
}

const perSecond = (rate: Rate) => 1_000 / rate.gap;

/** Throttled at 20 a second: learned is 18, for a span of 8 s, or 144 requests. */
function learned({ pause = 0, isTold = true } = {}): Rate {
  const rate = new Rate(undefined);
  succeed(rate, 20, 0, 3_000);
  rate.throttled(3_000, 3_000 + pause, isTold);
  return rate;
}

describe('what a key allows', () => {
  test('is unbounded until the service throttles', () => {
    const rate = new Rate(undefined);
    rate.spend(0);
    succeed(rate, 1_000, 0, 60_000);
    expect(rate.gap).toBe(0);
    expect(rate.wait(60_000)).toBe(0);
  });

  test('is 0.9 of what was let through lately', () => {
    expect(perSecond(learned())).toBeCloseTo(18);
  });

  test('is measured over a second at least: a burst is no rate', () => {
    const rate = new Rate(undefined);
    succeed(rate, 100, 0, 100);
    rate.throttled(100, 100, true);
    expect(perSecond(rate)).toBeCloseTo(0.9 * 10);
  });

  test('is measured by the last seconds, not by the whole past', () => {
    const rate = new Rate(undefined);
    succeed(rate, 1_000, 0, 4_000);
    succeed(rate, 10, 4_000, 30_000);
    rate.throttled(30_000, 30_000, true);
    expect(perSecond(rate)).toBeGreaterThan(0.9 * 10 * 0.9);
    expect(perSecond(rate)).toBeLessThan(0.9 * 10 * 1.1);
  });

  test('is just below one a second where little or nothing was let through', () => {
    for (const before of [0, 1]) {
      const rate = new Rate(undefined);
      succeed(rate, 1, 0, before * 1_000);
      rate.throttled(4_000, 4_000, true);
      expect(perSecond(rate)).toBeCloseTo(0.9);
    }
  });

  test('grows by a ninth in a span of what succeeds, slowly at first, and in the next by four times what was learned', () => {
    const rate = learned();
    const after = (requests: number) => {
      for (let nth = 0; nth < requests; nth++) rate.succeeded(4_000 + nth);
      return Number((perSecond(rate) / 18).toFixed(2));
    };
    // In all 0, 0.5, 1, 2 and 3 spans of 144 requests.
    expect([0, 72, 72, 144, 144].map(after)).toEqual([1, 1.01, 1.11, 5.11, 9.11]);
  });

  test('does not grow by time alone', () => {
    const rate = learned();
    rate.wait(3_600_000);
    rate.spend(3_600_000);
    expect(perSecond(rate)).toBeCloseTo(18);
  });

  test.each([
    ['for eight seconds', {}, 8],
    ['for four pauses', { pause: 3_000 }, 12],
    ['two and a half times as long where the service does not say when to come back', { isTold: false }, 20],
    ['for four pauses, told or not', { pause: 10_000, isTold: false }, 40],
  ])('is held %s', (_how, how, seconds) => {
    const rate = learned(how);
    const span = seconds * 18;
    for (let nth = 0; nth < span - 2; nth++) rate.succeeded(4_000);
    expect(perSecond(rate)).toBeLessThan(20);
    for (let nth = 0; nth < 4; nth++) rate.succeeded(4_000);
    expect(perSecond(rate)).toBeGreaterThan(20);
  });

  test.each([
    ['for 30 requests at least', 2, 30],
    ['for 75 where it is less than one a second: that is by the minute, as a rule', 1, 75],
  ])('is held %s', (_how, before, span) => {
    const rate = new Rate(undefined);
    succeed(rate, before, 0, 2_000);
    rate.throttled(2_000, 2_000, true);
    const start = rate.gap;
    for (let nth = 0; nth < span - 1; nth++) rate.succeeded(4_000);
    expect(start / rate.gap).toBeLessThan(10 / 9);
    for (let nth = 0; nth < 2; nth++) rate.succeeded(4_000);
    expect(start / rate.gap).toBeGreaterThan(10 / 9);
  });

  test('is what was let through since, with half of the pause, where it is throttled before the span is over', () => {
    const rate = learned({ pause: 2_000 });
    succeed(rate, 15, 5_000, 7_000);
    rate.throttled(7_000, 7_000, true);
    expect(perSecond(rate)).toBeCloseTo(30 / 3);
  });

  test('is no more than halved, and no more than 0.9 of what it was, by one throttling reply', () => {
    const rate = learned();
    rate.succeeded(3_500);
    rate.throttled(4_000, 4_000, true);
    expect(perSecond(rate)).toBeCloseTo(18 / 2);
    succeed(rate, 500, 4_000, 4_100);
    rate.throttled(4_100, 4_100, true);
    expect(perSecond(rate)).toBeCloseTo((0.9 * 18) / 2, 0);
  });

  test('is a little more than it was where that has held for a span, however long the pause was', () => {
    const rate = learned({ pause: 2_000 });
    for (let nth = 0; nth < 150; nth++) rate.succeeded(5_000 + nth * 300);
    rate.throttled(51_000, 51_000, true);
    expect(perSecond(rate)).toBeCloseTo(1.05 * 18);
  });

  test('is 0.9 of what it was where it had only just grown', () => {
    const rate = learned();
    for (let nth = 0; nth < 145; nth++) rate.succeeded(4_000 + nth);
    const grown = perSecond(rate);
    rate.throttled(12_000, 12_000, true);
    expect(perSecond(rate)).toBeCloseTo(0.9 * grown);
  });

  test('is not lowered where nothing got through since: the pause was too short, and is what the span is made for', () => {
    const rate = learned({ pause: 1_000 });
    rate.throttled(4_000, 6_000, true);
    rate.throttled(6_000, 10_000, true);
    expect(perSecond(rate)).toBeCloseTo(18);
    // Four times the 7 s from the first reply to the end of the last pause.
    for (let nth = 0; nth < 28 * 18 - 2; nth++) rate.succeeded(11_000);
    expect(perSecond(rate)).toBeLessThan(20);
  });

  test('is at least one a minute', () => {
    const rate = new Rate(undefined);
    for (let at = 1_000; at < 1e8; at += 100_000) {
      rate.succeeded(at);
      rate.throttled(at, at, true);
    }
    expect(rate.gap).toBe(60_000);
  });

  test('never grows past what was configured', () => {
    const rate = new Rate(600);
    rate.throttled(0, 0, true);
    succeed(rate, 10, 0, 600_000);
    expect(perSecond(rate)).toBe(10);
  });
});

describe('the next request', () => {
  test('goes a gap after the one before', () => {
    const rate = new Rate(60);
    expect(rate.wait(0)).toBe(0);
    rate.spend(0);
    expect(rate.wait(0)).toBe(1_000);
    expect(rate.wait(400)).toBe(600);
    expect(rate.wait(5_000)).toBe(0);
  });

  test('waits no longer than a gap, even where the clock was set back', () => {
    const rate = new Rate(60);
    rate.spend(3_600_000);
    expect(rate.wait(0)).toBe(1_000);
  });
});

describe('a key has recovered', () => {
  test('a minute after it was throttled last', () => {
    const rate = new Rate(undefined);
    expect(rate.hasRecovered(0)).toBe(true);
    succeed(rate, 20, 0, 5_000);
    rate.throttled(5_000, 5_000, true);
    expect(rate.hasRecovered(65_000)).toBe(false);
    expect(rate.hasRecovered(65_001)).toBe(true);
  });

  test('or a span, where that is longer', () => {
    const rate = learned({ pause: 60_000 });
    expect(rate.hasRecovered(243_000)).toBe(false);
    expect(rate.hasRecovered(243_001)).toBe(true);
  });
});
