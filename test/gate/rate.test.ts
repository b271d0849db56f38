import { describe, expect, test } from 'vitest';
import { Rate } from '../../src/gate/rate.js';

describe('with a configured limit the next request', () => {
  test('goes a gap after the one before', () => {
    const rate = new Rate(60);
    expect(rate.wait(0)).toBe(0);
    rate.onAdmitted(0);
    expect(rate.wait(0)).toBe(1_000);
    expect(rate.wait(400)).toBe(600);
    expect(rate.wait(5_000)).toBe(0);
  });

  test('waits no longer than a gap, even where the clock was set back', () => {
    const rate = new Rate(60);
    rate.onAdmitted(3_600_000);
    expect(rate.wait(0)).toBe(1_000);
  });

  test('goes a gap after the time at which the one before was due, if that was late and others waited', () => {
    const rate = new Rate(60);
    rate.onAdmitted(0);
    rate.wait(10);
    rate.onAdmitted(1_010);
    expect(rate.wait(1_010)).toBe(990);
  });

  test('makes up for 25 ms at most', () => {
    const rate = new Rate(60);
    rate.onAdmitted(0);
    rate.wait(10);
    rate.onAdmitted(1_500);
    expect(rate.wait(1_500)).toBe(975);
  });

  test('makes up for nothing where none waited', () => {
    const rate = new Rate(60);
    rate.onAdmitted(0);
    rate.wait(10);
    rate.onIdle();
    rate.onAdmitted(1_010);
    expect(rate.wait(1_010)).toBe(1_000);
  });

  test('never goes faster, whatever succeeds', () => {
    const rate = new Rate(600);
    rate.onThrottled({ now: 0, admittedAt: 0, resumeAt: 0, hasRetryAfter: true });
    for (let at = 1; at < 600_000; at += 100) rate.onSuccess(at, at);
    expect(rate.gap).toBe(100);
  });
});

test('a declared Infinity is no limit', () => {
  const rate = new Rate(Infinity);
  for (let nth = 0; nth < 1_000; nth++) rate.onAdmitted(0);
  expect(rate.wait(0)).toBe(0);
  expect(rate.isLimited).toBe(false);
});
