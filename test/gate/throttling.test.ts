import { timer } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { createGate } from 'rx-video-tasks';
import { marbles } from '../marbles.js';
import { listen } from '../operators/polls.js';
import { isLong } from '../repetitions.js';
import { between, bucket, crowd, limitedServer, sliding, windowed, type Limiter } from './limited-server.js';

/** Runs 100 tasks against a server, and gives what it saw. */
function simulate(options: Parameters<typeof limitedServer>[0], ms: number, requestsPerMinute?: number) {
  const server = limitedServer(options);
  let asks: number[] = [];
  marbles((m) => {
    asks = crowd(createGate(requestsPerMinute === undefined ? {} : { requestsPerMinute }), server.request, 100, ms);
    m.flush();
  })();
  const share = (from: number, to: number) => {
    const refused = between(server.refused, from, to);
    return refused / (refused + between(server.passed, from, to));
  };
  return { ...server, asks, refusedShare: share };
}

const MINUTE = 60_000;
/** What is learned in the first minute is kept, or lost, in the two that follow it as well as in the next nine. */
const MINUTES = isLong ? 10 : 3;
const RETRY_AFTERS = [undefined, 1000, 2000];
let turn = 0;
/** All of them in `npm run test:long`; otherwise the cases take turns. */
const retryAfters = () => (isLong ? RETRY_AFTERS : [RETRY_AFTERS[turn++ % RETRY_AFTERS.length]]);
const limiters: [string, () => Limiter][] = [
  ['by the second', () => windowed(1000)],
  ['in any second', () => sliding(1000)],
  ['by tokens', bucket],
];
const replyTimes = [
  ['20 ms', 20],
  ['100 to 300 ms', [100, 300]],
  ['0.5 to 1.5 s', [500, 1500]],
] as const;

describe('a limit that is not declared', () => {
  describe.each([
    [5, 0.07],
    [10, 0.03],
    [20, 0.03],
  ])('%d requests a second', (perSecond, mostRefused) => {
    describe.each(limiters)('%s', (_name, limiter) => {
      test.each(replyTimes)(
        'F37 replies after %s, refusals at once: learned within 15 s, few are refused',
        (_ms, replies) => {
          for (const retryAfterMs of retryAfters()) {
            const options = { limitAt: () => perSecond, passes: limiter(), replies, refusals: 5, retryAfterMs };
            const { passed, refused, asks, refusedShare } = simulate(options, MINUTES * MINUTE);
            const from = (refused[0] ?? NaN) + 15_000;
            const rate = (between(passed, from, from + 15_000) + between(refused, from, from + 15_000)) / 15;
            expect(rate).toBeGreaterThan(0.5 * perSecond);
            expect(rate).toBeLessThan(1.5 * perSecond);
            expect(refusedShare(0, MINUTE)).toBeLessThan(mostRefused);
            expect(between(passed, MINUTE, MINUTES * MINUTE)).toBeGreaterThan(0.8 * perSecond * 60 * (MINUTES - 1));
            expect(Math.min(...asks)).toBeGreaterThan(5);
          }
        },
      );

      test.each(replyTimes)('F37 replies and refusals after %s: learned within 15 s', (_ms, replies) => {
        for (const retryAfterMs of retryAfters()) {
          const options = { limitAt: () => perSecond, passes: limiter(), replies, retryAfterMs };
          const { passed, refused } = simulate(options, MINUTE);
          const from = (refused[0] ?? NaN) + 15_000;
          const rate = (between(passed, from, from + 15_000) + between(refused, from, from + 15_000)) / 15;
          expect(rate).toBeGreaterThan(0.5 * perSecond);
          expect(rate).toBeLessThan(1.5 * perSecond);
        }
      });
    });
  });

  test.each([
    ['by the minute', () => windowed(MINUTE)],
    ['in any minute', () => sliding(MINUTE)],
  ])('60 requests a minute, %s: under a tenth is refused in the first minute, and all of it used', (_name, limiter) => {
    for (const [, replies] of replyTimes) {
      for (const retryAfterMs of retryAfters()) {
        const options = { limitAt: () => 1, passes: limiter(), replies, refusals: 5, retryAfterMs };
        const { passed, asks, refusedShare } = simulate(options, 10 * MINUTE);
        expect(refusedShare(0, MINUTE)).toBeLessThan(0.1);
        expect(between(passed, MINUTE, 10 * MINUTE)).toBeGreaterThan(0.8 * 60 * 9);
        expect(Math.min(...asks)).toBeGreaterThan(1);
      }
    }
  });

  test.each([
    ['20 a second, by the second', 20, () => windowed(1000)],
    ['20 a second, by tokens', 20, bucket],
    ['60 a minute, one a second', 1, () => windowed(1000)],
    ['60 a minute, by tokens', 1, bucket],
    // A second or two is not what such a service should send as Retry-After.
    ['60 a minute, by the minute', 1, () => windowed(MINUTE), 0.05],
    ['60 in any minute', 1, () => sliding(MINUTE)],
  ] as [string, number, () => Limiter, number?][])(
    '%s: in the long run few requests are refused, and most of the limit is used',
    (_limit, perSecond, limiter, most = 0.04) => {
      const minutes = perSecond === 1 ? 90 : 5;
      for (const retryAfterMs of retryAfters()) {
        const options = { limitAt: () => perSecond, passes: limiter(), retryAfterMs };
        const { passed, refusedShare } = simulate(options, minutes * MINUTE);
        expect(refusedShare(0, Infinity)).toBeLessThan(most);
        expect(passed.length / (perSecond * minutes * 60)).toBeGreaterThan(0.75);
      }
    },
  );

  test('F16 100 tasks against 20 requests a second: under 3 % are refused, all get their turns', () => {
    const { passed, asks, refusedShare } = simulate({ limitAt: () => 20, retryAfterMs: 2000 }, 120_000);
    expect(refusedShare(0, Infinity)).toBeLessThan(0.03);
    expect(passed.length).toBeGreaterThan(0.6 * 20 * 120);
    expect(Math.min(...asks)).toBeGreaterThan(5);
  });

  test('F17 that drops tenfold for a minute and recovers: the rate follows within 15 s, no task starves', () => {
    const limitAt = (now: number) => (now >= MINUTE && now < 2 * MINUTE ? 2 : 20);
    const { passed, refused, asks } = simulate({ limitAt, retryAfterMs: 2000 }, 3 * MINUTE);
    for (const [from, to, limit] of [
      [15_000, 60_000, 20],
      [75_000, 120_000, 2],
      [135_000, 180_000, 20],
    ] as const) {
      const rate = (between(passed, from, to) + between(refused, from, to)) / ((to - from) / 1000);
      expect(rate).toBeGreaterThan(0.5 * limit);
      expect(rate).toBeLessThan(1.5 * limit);
    }
    expect(Math.min(...asks)).toBeGreaterThan(3);
  });

  test(
    'of one key does not slow another: F18',
    marbles((m) => {
      const gate = createGate();
      const slow = limitedServer({ limitAt: () => 1, retryAfterMs: 2000 });
      const quick = limitedServer({ limitAt: () => Infinity });
      crowd(gate, slow.request, 20, 30_000, 'slow');
      const asks = crowd(gate, quick.request, 20, 30_000, 'quick');
      m.flush();
      expect(quick.refused).toEqual([]);
      // One a second, less what the last tasks wait in the first second.
      expect(Math.min(...asks)).toBeGreaterThanOrEqual(29);
    }),
  );

  test(
    'shared by four keys lets each of them have its part',
    marbles((m) => {
      const gate = createGate();
      const server = limitedServer({ limitAt: () => 20, replies: [100, 300], refusals: 5, retryAfterMs: 1000 });
      const keys = ['a', 'b', 'c', 'd'].map((key) => crowd(gate, server.request, 50, 5 * MINUTE, key));
      m.flush();
      const requests = keys.map((asks) => asks.reduce((sum, count) => sum + count, 0));
      const all = requests.reduce((sum, count) => sum + count, 0);
      for (const count of requests) expect(count / all).toBeGreaterThan(0.03);
      for (const asks of keys) expect(Math.min(...asks)).toBeGreaterThan(3);
      expect(between(server.passed, MINUTE, 5 * MINUTE)).toBeGreaterThan(0.6 * 20 * 240);
    }),
  );
});

describe('a pause', () => {
  test('without Retry-After is one for a whole burst, not one for each of its requests', () => {
    // 8 requests at once, of which 4 pass; the next is due after 62 ms, when the first 429 has arrived.
    const { passed, refused } = simulate({ limitAt: () => 4 }, 10_000);
    expect(between(refused, 0, 10)).toBe(4);
    expect(between(passed, 1000, 10_000)).toBeGreaterThan(0.75 * 4 * 9);
  });

  test('that was too short: one request goes, and the others when that succeeded', () => {
    const { refused } = simulate({ limitAt: (now) => (now < 20_000 ? 0 : Infinity), retryAfterMs: 100 }, 40_000);
    expect(between(refused, 0, 20)).toBe(8);
    const later = refused.slice(8);
    expect(later.length).toBeLessThan(8);
    for (const [nth, at] of later.slice(1).entries()) expect(at - (later[nth] as number)).toBeGreaterThan(1_000);
  });
});

describe('the start', () => {
  const ticket = { origin: 'https://api.example.com', key: 'one' };
  /** When each of so many requests goes that are asked for at once. */
  const starts = (tasks: number, requestsPerMinute?: number) => {
    const times: number[] = [];
    marbles((m) => {
      const gate = createGate(requestsPerMinute === undefined ? { maxInFlight: 1_000 } : { requestsPerMinute });
      for (let task = 0; task < tasks; task++) {
        const request = timer(10);
        listen(gate.admit(ticket, request), () => times.push(m.scheduler.now() - 10));
      }
      m.flush();
    })();
    return times;
  };

  test('of a key of which nothing is known is 8 at once and 16 a second, doubled each second', () => {
    const times = starts(1_000);
    expect(between(times, 0, 1)).toBe(8);
    const bySecond = [0, 1, 2, 3].map((second) => between(times, 1000 * second + 1, 1000 * second + 1001));
    // Whole ms lose a request here and there.
    for (const [second, count] of bySecond.entries()) expect(Math.abs(count - 16 * 2 ** second)).toBeLessThanOrEqual(1);
  });

  test('of a key whose demand is met gets no faster', () => {
    const times: number[] = [];
    marbles((m) => {
      const gate = createGate({ maxInFlight: 1_000 });
      const ask = () => listen(gate.admit(ticket, timer(10)), () => times.push(m.scheduler.now() - 10));
      for (let at = 0; at < 10_000; at += 100) m.scheduler.schedule(ask, at);
      for (let nth = 0; nth < 200; nth++) m.scheduler.schedule(ask, 60_000);
      m.flush();
    })();
    expect(between(times, 0, 10_000)).toBe(100);
    expect(between(times, 60_000, 60_001)).toBe(8);
    expect(between(times, 60_001, 61_001)).toBe(16);
  });

  test('of a key without a limit is as fast as its places allow', () => {
    expect(between(starts(1_000, Infinity), 0, 1_000)).toBe(1_000);
  });
});
