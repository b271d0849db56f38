import { asyncScheduler, interval } from 'rxjs';
import { describe, expect, test } from 'vitest';
import {
  createGate,
  createTracker,
  learnGenerationTimes,
  resultWindows,
  windowOf,
  xingchaoyiqing,
  type PollWindow,
  type TaskRef,
  type Tracker,
  type TrackerOptions,
} from 'rx-video-tasks';
import { completedTask, scriptedTransport } from 'rx-video-tasks/testing';
import { timeUnseen, waitAfter, type Cadence } from '../../src/poll/cadence.js';
import { marbles, type RunContext } from '../marbles.js';

const model = 'seedance_1_5_pro_720p';
const p = { status: 'processing', model } as const;

/** The clock at the start: a time that a service may name. */
const START = 1_760_000_000_000;

/** A tracker of a service where nothing ever ends, and when it asked about which task, in s. */
function endless(options: Partial<TrackerOptions> = {}) {
  const { transport, log } = scriptedTransport([p], { latency: 0 });
  const provider = xingchaoyiqing({ apiKey: 'test-key-0123456789', baseUrl: 'http://127.0.0.1:1' });
  const tracker = createTracker({ provider, transport, random: () => 1, ...options });
  const asks = () =>
    log.filter(({ type }) => type === 'request').map(({ id, at }) => `${id}@${Math.round((at - START) / 10) / 100}`);
  return { tracker, asks };
}

/** Follows tasks from some times after the start on, until a time. */
function subscribeAll(m: RunContext, tracker: Tracker, from: readonly (readonly [number, TaskRef])[], until: number) {
  m.scheduler.maxFrames = START + until;
  for (const [at, ref] of from) asyncScheduler.schedule(() => tracker.track(ref).subscribe(), START + at);
  m.flush();
}

/** When a task is asked about that began with its first answer, in s, at most so many times. */
function schedule(cadence: Cadence, speed: number, count: number, window: PollWindow = windowOf(resultWindows, model)) {
  const ages = [0];
  while (ages.length < count) {
    const age = ages.at(-1) ?? 0;
    ages.push(age + waitAfter(window, cadence, () => 1, age));
  }
  return ages.map((ms) => expect.closeTo(ms / 1000 / speed, 1) as number);
}

/** When these asks about one task were, in s. */
const timesOf = (asks: readonly string[], id = 'v') =>
  asks.filter((ask) => ask.startsWith(`${id}@`)).map((ask) => Number(ask.slice(id.length + 1)));

test(
  'waits are spaced by the generation times, and divided by speed like all else',
  marbles((m) => {
    const { tracker, asks } = endless({ speed: 10 });
    subscribeAll(m, tracker, [[0, 'v']], 27_000);
    expect(timesOf(asks())).toEqual(schedule('window', 10, 6));
  }),
);

const windows = { '*': { min: 40_000, max: 60_000, floor: 30_000 } };

test.each<[string, Partial<TrackerOptions>, readonly string[]]>([
  ["the provider's", {}, ['v@0', 'v@1', 'v@2', 'v@3', 'v@4', 'v@5', 'v@6']],
  ["the window's, where it is the longer", { windows }, ['v@0', 'v@3', 'v@6']],
  ["the caller's, whatever the window's", { windows, minInterval: 20_000 }, ['v@0', 'v@2', 'v@4', 'v@6']],
])('speed divides the floor too: %s', (_, options, expected) => {
  marbles((m) => {
    const { tracker, asks } = endless({ speed: 10, notifier: interval(100), ...options });
    subscribeAll(m, tracker, [[0, 'v']], 6000);
    expect(asks()).toEqual(expected);
  })();
});

test(
  'and initialDelay',
  marbles((m) => {
    const { tracker, asks } = endless({ speed: 10, initialDelay: 25_000 });
    subscribeAll(m, tracker, [[0, 'v']], 6000);
    expect(asks()).toEqual(['v@2.5']);
  }),
);

test(
  'the cadence is chosen by the caller',
  marbles((m) => {
    const { tracker, asks } = endless({ cadence: 'economical' });
    subscribeAll(m, tracker, [[0, 'v']], 250_000);
    expect(timesOf(asks())).toEqual(schedule('economical', 1, 4));
  }),
);

test('a cadence that is none is refused', () => {
  expect(() => endless({ cadence: 'weekly' as never })).toThrow(
    `cadence: "weekly" is not usable; write 'uniform', 'window' or`,
  );
});

test(
  'windows that are learned get better while the tracker runs',
  marbles((m) => {
    const windows = { '*': { min: 30_000, max: 60_000, generation: [120_000, 300_000] } } as const;
    const learned = learnGenerationTimes(windows);
    const { tracker, asks } = endless({ windows: learned.windows, cadence: 'economical' });
    asyncScheduler.schedule(() => {
      for (let i = 0; i < 100; i++)
        learned.next(completedTask({ id: String(i), createdAt: START, observedAt: START + 60_000 }));
    }, START + 1000);
    subscribeAll(
      m,
      tracker,
      [
        [0, 'before'],
        [2000, 'after'],
      ],
      140_000,
    );
    expect(timesOf(asks(), 'before')).toEqual(schedule('economical', 1, 2, windows['*']));
    const [first = NaN, ...others] = timesOf(asks(), 'after');
    expect([first, ...others].map((at) => at - first)).toEqual(schedule('economical', 1, 3, learned.windows['*']));
  }),
);

describe('under a limit those go first that have probably been done for longest without anyone having seen it', () => {
  /** The order of tasks that are waiting when the minute of the first is over. */
  const order = (...refs: readonly TaskRef[]) => {
    let ids: string[] = [];
    marbles((m) => {
      // None comes back while others still wait.
      const { tracker, asks } = endless({ gate: createGate({ requestsPerMinute: 1 }), interval: 600_000 });
      const first = { id: 'first', model, createdAt: START };
      const all = [first, ...refs].map((ref, i) => [i, ref] as const);
      subscribeAll(m, tracker, all, 60_000 * refs.length + 1000);
      ids = asks().map((ask) => ask.replace(/@.*/, ''));
    })();
    return ids.slice(1);
  };
  const ref = (id: string, seconds: number, about = model) => ({ id, model: about, createdAt: START - seconds * 1000 });

  test('of one model, the oldest', () => {
    expect(order(ref('young', 0), ref('old', 200), ref('older', 400))).toEqual(['older', 'old', 'young']);
  });

  test('of several, whose usual time is over', () => {
    const slow = ref('slow', 100, 'seedance_1_5_pro_1080p');
    const fast = ref('fast', 80, 'seedance_1_5_pro_480p');
    expect(order(slow, fast)).toEqual(['fast', 'slow']);
  });

  test('a task whose createdAt is in the future counts from when it is tracked', () => {
    expect(order(ref('ahead', -3600), { id: 'unknown', model })).toEqual(['ahead', 'unknown']);
    expect(order({ id: 'unknown', model }, ref('ahead', -3600))).toEqual(['unknown', 'ahead']);
  });

  test('also where it is older by far than any of its model', () => {
    const window = { min: 1000, max: 1000, generation: [1, 1] } as const;
    expect(timeUnseen(window, 200_000, 100_000)).toBeCloseTo(100_000);
  });

  test('a task without times counts from when it is tracked', () => {
    expect(order('unknown', ref('old', 100))).toEqual(['old', 'unknown']);
  });
});
