import { createGate } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { reply, type FaultServer } from '../fault-server.js';
import { kinds, says, stage, trace } from './stage.js';

const POLLS = 8;
const ids = (count: number) => Array.from({ length: count }, (_, nth) => `t${nth}`);

/** So many requests a second, and as many at once after a rest; the others are answered with 429 and Retry-After 2. */
function limit(server: FaultServer, allowed: { perSecond: number; polls: number }) {
  const asked: number[] = [];
  const throttled: number[] = [];
  const served = new Map<string, number>();
  let tokens = allowed.perSecond;
  server.route(({ path, at }) => {
    const { perSecond } = allowed;
    const rested = at - (asked.at(-1) ?? at);
    tokens = Math.min(perSecond, tokens + (rested * perSecond) / 1000);
    asked.push(at);
    if (tokens < 1) {
      throttled.push(at);
      return reply({ status: 429, headers: { 'retry-after': '2' }, body: '' });
    }
    tokens -= 1;
    const turn = (served.get(path) ?? 0) + 1;
    served.set(path, turn);
    return says(turn >= allowed.polls ? 'completed' : 'processing');
  });
  return { asked, served, throttled };
}

/** Ticks of a second of `passing`. */
const TICKS = 40;

/**
 * Waits for so many seconds' worth of ticks. The timers of a busy machine are late, those of the gate as those of this: its
 * seconds are longer.
 */
function passing(seconds: number): Promise<void> {
  return new Promise((resolve) => {
    let ticks = 0;
    const timer = setInterval(() => {
      if (++ticks < seconds * TICKS) return;
      clearInterval(timer);
      resolve();
    }, 1000 / TICKS);
  });
}

describe.concurrent('a limited service', () => {
  test.for(kinds)(
    'F16 over $name: 100 tasks against 20 requests a second: all survive, under 3 % are throttled',
    async (kind, context) => {
      const { server, tracker, misses } = await stage(kind, context, { interval: 1000, gate: createGate() });
      const { asked, throttled } = limit(server, { perSecond: 20, polls: POLLS });
      const all = trace(tracker.trackAll(ids(100)));
      await all.over;
      expect(all.statuses.filter((status) => status === 'completed')).toHaveLength(100);
      expect(asked).toHaveLength(100 * POLLS + throttled.length);
      expect(throttled.length / asked.length).toBeLessThan(0.03);
      // Most of them were in flight when the first of them came; what was learned from that is right from then on.
      const start = (throttled[0] ?? 0) + 1000;
      const later = (times: readonly number[]) => times.filter((at) => at > start).length;
      expect(later(throttled) / later(asked)).toBeLessThan(0.02);
      expect(misses.map(({ kind }) => kind)).toEqual(Array(throttled.length).fill('rate-limited'));
    },
  );

  test.for(kinds)(
    'F17 over $name: a limit that falls tenfold and comes back: the rate follows within 15 s, and no task starves',
    { timeout: 600_000 },
    async (kind, context) => {
      const { server, tracker } = await stage(kind, context, { interval: 500, gate: createGate() });
      const allowed = { perSecond: 40, polls: Infinity };
      const { asked, served } = limit(server, allowed);
      const all = trace(tracker.trackAll(ids(60)));
      const low = { limit: 4, seconds: 6 };
      // Long enough that the pauses, which each test of the rate costs, are only a part of it.
      const high = { limit: 40, seconds: 20 };
      const requestsIn = async (seconds: number) => {
        const [before, from] = [asked.length, performance.now()];
        await passing(seconds);
        return { requests: asked.length - before, elapsed: (performance.now() - from) / 1000 };
      };
      await passing(4);
      allowed.perSecond = low.limit;
      await passing(15);
      const atLow = await requestsIn(low.seconds);
      allowed.perSecond = high.limit;
      const polls = new Map(served);
      await passing(15);
      const atHigh = await requestsIn(high.seconds);
      for (const [{ requests, elapsed }, { limit, seconds }] of [
        [atLow, low],
        [atHigh, high],
      ] as const) {
        expect(requests).toBeGreaterThanOrEqual(0.5 * limit * seconds);
        expect(requests).toBeLessThanOrEqual(1.5 * limit * elapsed);
      }
      expect(served.size).toBe(60);
      for (const [path, turns] of served) expect(turns).toBeGreaterThan(polls.get(path) ?? 0);
      expect(all.state).toBe('open');
    },
  );
});
