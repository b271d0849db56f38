import { describe, expect, test } from 'vitest';
import { Rate } from '../../src/gate/rate.js';

/** Lets requests through, evenly: so many a second from one time to another, in ms. */
function succeed(rate: Rate, perSecond: number, from: number, to: number): void {
  for (let at = from; at < to; at += 1000 / perSecond) {
    rate.spend(at);
    rate.succeeded(at);
  }
}

const perSecond = (rate: Rate, now: number) => rate.at(now) * 1000;

describe('what a key allows', () => {
  test('is unbounded until the service throttles', () => {
    const rate = new Rate(undefined);
    rate.spend(0);
    expect(rate.at(0)).toBe(Infinity);
    expect(rate.wait(0)).toBe(0);
  });

  test('is 0.85 of what was let through lately', () => {
    const rate = new Rate(undefined);
    succeed(rate, 20, 0, 3_000);
    rate.throttled(3_000, 2_990, 3_000);
    expect(perSecond(rate, 3_000)).toBeCloseTo(0.85 * 20);
  });

  test('is measured over a second at least: a burst is no rate', () => {
    const rate = new Rate(undefined);
    succeed(rate, 100, 0, 100);
    rate.throttled(100, 90, 100);
    expect(perSecond(rate, 100)).toBeCloseTo(0.85 * 10);
  });

  test('is measured by the last seconds, not by the whole past', () => {
    const rate = new Rate(undefined);
    succeed(rate, 1_000, 0, 4_000);
    succeed(rate, 10, 4_000, 30_000);
    rate.throttled(30_000, 29_990, 30_000);
    expect(perSecond(rate, 30_000)).toBeGreaterThan(0.85 * 10 * 0.9);
    expect(perSecond(rate, 30_000)).toBeLessThan(0.85 * 10 * 1.1);
  });

  test('is just below one a second where nothing was let through', () => {
    const rate = new Rate(undefined);
    rate.spend(0);
    rate.throttled(10, 0, 10);
    expect(perSecond(rate, 10)).toBeCloseTo(0.85);
  });

  test('is measured anew after a pause', () => {
    const rate = new Rate(undefined);
    succeed(rate, 20, 0, 3_000);
    rate.throttled(3_000, 2_990, 4_000);
    succeed(rate, 10, 4_000, 6_000);
    rate.throttled(6_000, 5_990, 6_000);
    expect(perSecond(rate, 6_000)).toBeCloseTo(0.85 * 10);
  });

  test('is no more than halved, and no more than it was, by one throttling reply', () => {
    const rate = new Rate(undefined);
    succeed(rate, 20, 0, 3_000);
    rate.throttled(3_000, 2_990, 3_000);
    rate.throttled(4_000, 3_500, 4_000);
    expect(perSecond(rate, 4_000)).toBeCloseTo((0.85 * 0.85 * 20) / 2);
    succeed(rate, 500, 4_000, 5_000);
    rate.throttled(5_000, 4_500, 5_000);
    expect(perSecond(rate, 5_000)).toBeCloseTo((0.85 * 0.85 * 0.85 * 20) / 2);
  });

  test('is at least one a minute', () => {
    const rate = new Rate(undefined);
    for (let nth = 1; nth < 30; nth++) rate.throttled(nth * 1_000, nth * 1_000 - 1, nth * 1_000);
    expect(rate.at(29_000)).toBe(1 / 60_000);
    rate.spend(29_000);
    expect(rate.wait(30_000)).toBe(59_000);
  });

  test('is not lowered again by requests that were on their way when it was', () => {
    const rate = new Rate(undefined);
    succeed(rate, 20, 0, 3_000);
    rate.throttled(3_000, 2_990, 3_000);
    const lowered = rate.at(3_000);
    for (const admittedAt of [2_900, 2_999, 3_000]) rate.throttled(3_020, admittedAt, 3_020);
    expect(rate.at(3_020)).toBe(lowered);
    rate.throttled(3_030, 3_001, 3_030);
    expect(rate.at(3_030)).toBeLessThan(lowered);
  });

  test('stays for 5 s, then grows with the cube of the time', () => {
    const rate = new Rate(undefined);
    succeed(rate, 20, 0, 3_000);
    rate.throttled(3_000, 2_990, 3_000);
    const factor = (seconds: number) => perSecond(rate, 3_000 + seconds * 1_000) / (0.85 * 20);
    expect([0, 5, 6, 10, 15].map(factor).map((one) => Number(one.toFixed(4)))).toEqual([1, 1, 1.004, 1.5, 5]);
  });

  test('never grows past what was configured', () => {
    const rate = new Rate(600);
    rate.throttled(0, -1, 0);
    expect(perSecond(rate, 600_000)).toBe(10);
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

test('a key has recovered a minute after it was throttled last', () => {
  const rate = new Rate(undefined);
  expect(rate.hasRecovered(0)).toBe(true);
  rate.throttled(5_000, 4_000, 5_000);
  expect(rate.hasRecovered(65_000)).toBe(false);
  expect(rate.hasRecovered(65_001)).toBe(true);
});
