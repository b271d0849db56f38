import { setTimeout as sleep } from 'node:timers/promises';
import { Subject } from 'rxjs';
import {
  createGate,
  createTracker,
  defineProvider,
  QueryError,
  resultWire,
  type CompletedTask,
  type ProviderDefinition,
  type TrackerOptions,
  type Wire,
} from 'rx-video-tasks';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { reply, startFaultServer } from '../fault-server.js';
import { KEY } from './secrets.js';
import { generation, INTERVAL, kinds, says, stage, trace } from './stage.js';
import { blockEventLoop, until } from '../waiting.js';

const DAY = 86_400_000;
const HOUR = 3_600_000;
const [undici] = kinds as [(typeof kinds)[number]];

afterEach(() => {
  vi.useRealTimers();
});

/** Moves the wall clock; the process's own goes on. */
function step(ms: number): void {
  vi.setSystemTime(Date.now() + ms);
}

describe.for(kinds)('over $name', (kind) => {
  describe.for([-DAY, DAY])('the wall clock moves by %i ms', (ms) => {
    test('F33 the cadence stays', async (context) => {
      const { server, track, misses } = await stage(kind, context, { interval: 60 });
      const asked: number[] = [];
      server.route(() => {
        asked.push(performance.now());
        return says('processing');
      });
      const task = track();
      await until(() => {
        expect(asked).toHaveLength(3);
      });
      step(ms);
      const before = asked.length;
      // A timer beside it, as late as the machine is.
      let ticks = 0;
      const reference = setInterval(() => (ticks += 1), 60);
      await until(() => {
        expect(asked.length).toBeGreaterThan(12);
      });
      clearInterval(reference);
      const gaps = asked.slice(before).map((at, nth) => at - (asked[before + nth - 1] ?? 0));
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(58);
      expect(ticks).toBeLessThan(3 * gaps.length);
      expect({ state: task.state, misses }).toEqual({ state: 'open', misses: [] });
    });

    test('F33 a pause of the key neither ends sooner nor lasts', async (context) => {
      const { server, track } = await stage(kind, context);
      const asked: [string, number][] = [];
      server.route(({ path }) => {
        asked.push([path, performance.now()]);
        return asked.length === 1
          ? reply({ status: 429, headers: { 'retry-after-ms': '700' }, body: '' })
          : says('completed');
      });
      const first = track('a');
      await until(() => {
        expect(asked).toHaveLength(1);
      });
      await sleep(100);
      step(ms);
      const second = track('b');
      await Promise.all([first.over, second.over]);
      expect(asked).toHaveLength(3);
      for (const [, at] of asked.slice(1)) expect(at - (asked[0]?.[1] ?? 0)).toBeGreaterThanOrEqual(698);
    });

    test('F33 a deadline is neither nearer nor farther', async (context) => {
      const { server, track } = await stage(kind, context, { deadline: 500 });
      server.answer(says('queued'));
      const started = performance.now();
      const task = track();
      await sleep(100);
      step(ms);
      await task.over;
      expect(task.error).toMatchObject({ reason: 'deadline' });
      expect(performance.now() - started).toBeGreaterThanOrEqual(498);
    });

    test('F33 what was called for by a notifier during a Retry-After still comes', async (context) => {
      const notifier = new Subject<void>();
      const { server, track } = await stage(kind, context, { notifier });
      server.answer(reply({ status: 503, headers: { 'retry-after-ms': '300' }, body: '' }), says('completed'));
      const task = track();
      await until(() => {
        expect(server.requests).toHaveLength(1);
      });
      await sleep(50);
      step(ms);
      notifier.next();
      await task.over;
      expect(task.statuses).toEqual(['completed']);
    });
  });

  test('F32 a process that is blocked just after asking has missed nothing', async (context) => {
    const { server, track, misses } = await stage(kind, context, {
      limits: { headersTimeout: 1500, totalTimeout: 1800 },
    });
    server.answer(says('queued'), says('completed'));
    const task = track();
    blockEventLoop(2000);
    await task.over;
    expect(task.statuses).toEqual(['queued', 'completed']);
    expect(misses).toEqual([]);
  });

  describe.concurrent('a header', () => {
    test.for(['NaN', 'Infinity', '2147483648', '1e300', '-1'])(
      'F34 %s from a header makes no hot loop',
      async (value, context) => {
        const { server, track, misses } = await stage(kind, context);
        server.answer(reply({ status: 503, headers: { 'retry-after': value }, body: '' }));
        const started = performance.now();
        track();
        await sleep(300);
        expect(server.requests.length).toBeLessThanOrEqual((performance.now() - started) / (INTERVAL - 1) + 1);
        for (const { nextPollIn } of misses) expect(nextPollIn <= 900_000).toBe(true);
      },
    );
  });

  describe.concurrent('two clocks', () => {
    test.for([-HOUR, 0, HOUR])(
      'F33 the server is %i ms ahead: times to wait and to expire are by its own clock',
      async (ahead, context) => {
        const { server, another } = await stage(kind, context);
        const tracker = another({ wire: 'generations' });
        const date = () => ({ date: new Date(Date.now() + ahead).toUTCString() });
        const later = () => new Date(Date.now() + ahead + 2000).toUTCString();
        const finished = Math.floor((Date.now() + ahead) / 1000) - 60;
        const done = { status: 'SUCCESS', result_url: 'https://cdn.example.com/v.mp4', finish_time: finished };
        server.route(() =>
          server.requests.length === 1
            ? reply({ status: 429, headers: { ...date(), 'retry-after': later() }, body: '' })
            : reply({ headers: date(), body: { code: 'success', data: done } }),
        );
        const task = trace(tracker.track('t1'));
        await task.over;
        const [first, second] = server.requests;
        expect((second?.at ?? 0) - (first?.at ?? 0)).toBeGreaterThanOrEqual(999);
        expect((second?.at ?? 0) - (first?.at ?? 0)).toBeLessThan(60_000);
        const { video } = task.tasks.at(-1) as CompletedTask;
        // By our clock: a minute ago, and a day. HTTP dates have no ms.
        expect(Math.abs((video.expiresAt ?? 0) - (Date.now() - 60_000 + DAY))).toBeLessThan(10_000);
      },
    );
  });
});

describe.concurrent('F34 a delay that no timer can take', () => {
  const BAD = [NaN, Infinity, -Infinity, -1, 2 ** 31, 1e300];
  const provider = defineProvider({
    name: 'acme',
    baseUrl: 'http://127.0.0.1:9',
    wire: resultWire,
    windows: { '*': { min: 20, max: 30 } },
    minInterval: INTERVAL,
  });
  const create = (options: Partial<TrackerOptions>) => () =>
    createTracker({ provider: provider({ apiKey: KEY }), ...options });

  const options: [string, (value: number) => Partial<TrackerOptions>][] = [
    ['interval', (interval) => ({ interval })],
    ['minInterval', (minInterval) => ({ minInterval })],
    ['initialDelay', (initialDelay) => ({ initialDelay })],
    ['deadline', (deadline) => ({ deadline })],
    ['retry.delay', (delay) => ({ retry: { delay } })],
    ['retry.maxDelay', (maxDelay) => ({ retry: { maxDelay } })],
    ['retry.notFoundGrace', (notFoundGrace) => ({ retry: { notFoundGrace } })],
    ['windows: min', (min) => ({ windows: { '*': { min, max: 30 } } })],
    ['windows: max', (max) => ({ windows: { '*': { min: 20, max } } })],
    ['windows: floor', (floor) => ({ windows: { '*': { min: 20, max: 30, floor } } })],
  ];

  test.for(options)('%s is refused when it is given', ([, option]) => {
    for (const value of BAD) {
      expect(create(option(value)), String(value)).toThrow(RangeError);
    }
  });

  test('a speed, a rate or a number in flight is refused too', () => {
    for (const value of BAD.filter((one) => one !== 2 ** 31 && one !== 1e300)) {
      expect(create({ speed: value }), String(value)).toThrow(RangeError);
      expect(() => createGate({ maxInFlight: value }), String(value)).toThrow(RangeError);
      // Infinity declares that there is no limit.
      const creating = expect(() => createGate({ requestsPerMinute: value }), String(value));
      if (value === Infinity) creating.not.toThrow();
      else creating.toThrow(RangeError);
    }
    expect(create({ speed: 1e-9 })).toThrow(RangeError);
  });

  test('of a provider is refused by defineProvider or createTracker', () => {
    const creating = (fields: Partial<ProviderDefinition>) => () => {
      const base = { name: 'odd', baseUrl: 'http://127.0.0.1:9', wire: resultWire, windows: {} };
      createTracker({ provider: defineProvider({ ...base, ...fields })({ apiKey: KEY }) });
    };
    for (const value of BAD) {
      expect(creating({ windows: { '*': { min: value, max: value } } }), String(value)).toThrow(RangeError);
      expect(creating({ minInterval: value }), String(value)).toThrow(RangeError);
      expect(creating({ minInterval: value }), String(value)).toThrow(/minInterval/);
    }
  });

  test.for([
    ['a date of a deadline', { deadline: new Date(NaN) }],
    ['a date of a deadline in a thousand years', { deadline: new Date(Date.now() + 1000 * 365 * DAY) }],
  ] as const)('%s is refused when it is given', ([, odd]) => {
    expect(create(odd)).toThrow(RangeError);
  });

  /** Tracks for a while with something odd in it; how many asks that made, and how many an interval allows. */
  const load = async (wire: Wire, more: Partial<TrackerOptions>) => {
    const server = await startFaultServer();
    server.answer(says('queued'));
    const odd = defineProvider({
      name: 'odd',
      baseUrl: server.url,
      wire,
      windows: { '*': { min: 20, max: 30 } },
      minInterval: INTERVAL,
    });
    const tracker = createTracker({ provider: odd({ apiKey: KEY }), gate: createGate(), ...more });
    const started = performance.now();
    const task = trace(tracker.track('t1'));
    await until(() => {
      expect(server.requests.length).toBeGreaterThan(0);
    });
    await sleep(300);
    tracker.close();
    const allowed = (performance.now() - started) / (INTERVAL - 1) + 1;
    await server.close();
    return { asks: server.requests.length, allowed, task };
  };

  test.for(BAD)('%s from random, a wire or a reply makes no hot loop', async (value) => {
    const carries: Wire = {
      ...resultWire,
      read: (...args) => ({ ...resultWire.read(...args), pollAfter: value }),
    };
    const refuses: Wire = {
      ...resultWire,
      read: () => {
        throw new QueryError('rate-limited', 'slow down', { retryAfterMs: value });
      },
    };
    const fails: Wire = {
      ...resultWire,
      read: () => {
        throw new QueryError('server', 'oops', { retryAfterMs: value });
      },
    };
    const runs = [
      load(resultWire, { random: () => value }),
      load(resultWire, { windows: { '*': { min: 20, max: 2 ** 31 - 1 } }, random: () => 0 }),
      load(carries, { interval: INTERVAL }),
      load(refuses, { interval: INTERVAL }),
      load(fails, { interval: INTERVAL, random: () => value }),
    ];
    const longest = [
      load(resultWire, { windows: { '*': { min: 20, max: 2 ** 31 - 1 } }, random: () => 1 }),
      ...(value > 2 ** 30 ? [load(carries, { interval: INTERVAL })] : []),
    ];
    for (const { asks } of await Promise.all(longest)) expect(asks).toBe(1);
    for (const { asks, allowed, task } of await Promise.all(runs)) {
      expect(asks).toBeGreaterThanOrEqual(1);
      expect(asks).toBeLessThanOrEqual(allowed);
      expect(task.error).toBeUndefined();
    }
  });
});

test('F33 an expiry in the URL itself is used', async (context) => {
  const { server, another } = await stage(undici, context);
  const signed = 'https://cdn.example.com/v.mp4?X-Tos-Date=20260427T111505Z&X-Tos-Expires=86400';
  const date = new Date(Date.now() + HOUR).toUTCString();
  server.answer(generation('SUCCESS', { result_url: signed }), reply({ headers: { date } }));
  const task = trace(another({ wire: 'generations' }).track('t1'));
  await task.over;
  expect((task.tasks[0] as CompletedTask).video.expiresAt).toBe(Date.UTC(2026, 3, 28, 11, 15, 5));
});
