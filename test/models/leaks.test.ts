import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { asapScheduler, finalize, observeOn, of, Subject, type Subscription } from 'rxjs';
import {
  alad,
  createGate,
  createTracker,
  dedupeStatus,
  pollUntilTerminal,
  withModelInterval,
  type Transport,
} from 'rx-video-tasks';
import { generationsReply } from 'rx-video-tasks/testing';
import { expect, test } from 'vitest';
import { listen } from '../operators/polls.js';
import { isLong } from '../repetitions.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const IDS = Array.from({ length: 200 }, (_, nth) => `video_${nth}`);
const MEGABYTE = 2 ** 20;
/** Each collects garbage twice. */
const SAMPLES = isLong ? 10 : 5;

/** Waits of a millisecond, the least that a timer takes. A date as deadline is not divided. */
const fast = () => ({ speed: 30_000, interval: 30_000, minInterval: 0, deadline: new Date(Date.now() + 3_600_000) });
const provider = alad({ apiKey: 'test-key-0123456789', baseUrl: 'http://127.0.0.1:1' });

/** Answers a turn later, always with a change, never with a terminal task. Counts what it is asked and what is still open. */
function stub() {
  const seen = { asked: 0, open: 0 };
  const transport: Transport = ({ url }) => {
    seen.open++;
    const id = url.slice(url.lastIndexOf('/') + 1);
    const answer = generationsReply({ status: 'processing', id, progress: ++seen.asked % 101 });
    return of(answer).pipe(
      observeOn(asapScheduler),
      finalize(() => seen.open--),
    );
  };
  return { transport, seen };
}

/** What keeps a process alive, and who listens to it. The test runner has timers of its own, that may end meanwhile. */
function resources() {
  const active = process.getActiveResourcesInfo();
  const timers = active.filter((kind) => kind === 'Timeout').length;
  const handles = active.filter((kind) => /Wrap/.test(kind)).length;
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  return { timers, handles, listeners };
}

function expectNothingLeft(before: ReturnType<typeof resources>): void {
  const { timers, ...others } = resources();
  expect(timers).toBeLessThanOrEqual(before.timers);
  expect(others).toEqual({ handles: before.handles, listeners: before.listeners });
}

async function heapUsed(): Promise<number> {
  // What finalizers hold goes in a second round.
  for (let round = 0; round < 2; round++) {
    await turn();
    collectGarbage();
  }
  return process.memoryUsage().heapUsed;
}

/** How much the heap grows over these samples, by the line that fits them best. */
function growth(samples: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const middle = (samples.length - 1) / 2;
  const average = mean(samples);
  const rise = mean(samples.map((sample, nth) => (nth - middle) * (sample - average)));
  return (rise / mean(samples.map((_, nth) => (nth - middle) ** 2))) * (samples.length - 1);
}

const POLLS = isLong ? 100_000 : 5_000;
const CYCLES = isLong ? 10_000 : 500;

/** In bytes a repetition: fewer repetitions show a leak of the same size, as long as it exceeds what a heap varies by. */
const mostGrowth = (repetitions: number, each: number) => Math.min(2 * MEGABYTE, each * repetitions);

test(`L2 ${POLLS} polls of 200 tasks leave a flat heap, no timer and no listener`, async () => {
  const before = resources();
  const { transport, seen } = stub();
  const tracker = createTracker({ provider, transport, gate: createGate({ requestsPerMinute: Infinity }), ...fast() });
  let transitions = 0;
  const subscriptions = IDS.map((id) => listen(tracker.track(id), () => transitions++));
  const samples: number[] = [];
  while (samples.length < SAMPLES) {
    const until = seen.asked + POLLS / SAMPLES;
    while (seen.asked < until) await turn();
    samples.push(await heapUsed());
  }
  for (const one of subscriptions) one.unsubscribe();
  tracker.close();
  expect(transitions).toBeGreaterThan(0.95 * POLLS);
  expect(seen.open).toBe(0);
  expectNothingLeft(before);
  // The first ones warm the engine up.
  expect(growth(samples.slice(2))).toBeLessThan(mostGrowth(POLLS, 100));
});

test(`L2 ${CYCLES} cycles of subscribing and leaving, at any point of a poll, leave a flat heap, no timer and no listener`, async () => {
  const before = resources();
  const { transport, seen } = stub();
  const tracker = createTracker({ provider, transport, gate: createGate({ requestsPerMinute: Infinity }), ...fast() });
  const notifier = new Subject();
  const samples: number[] = [];
  for (let cycle = 0; cycle < CYCLES; cycle++) {
    const id = IDS[cycle % IDS.length] as string;
    const composed = tracker
      .query(id)
      .pipe(withModelInterval(), pollUntilTerminal({ notifier, interval: 10_000 }), dedupeStatus());
    const subscriptions: Subscription[] = [tracker.track(id).subscribe(), composed.subscribe()];
    // Left while it is asked, while its answer is read, and while it waits for the next ask.
    for (let turns = cycle % 3; turns > 0; turns--) await turn();
    for (const one of subscriptions) one.unsubscribe();
    if ((cycle + 1) % (CYCLES / SAMPLES) === 0) samples.push(await heapUsed());
  }
  expect(notifier.observed).toBe(false);
  expect(seen.asked).toBeGreaterThan(CYCLES);
  tracker.close();
  expect(seen.open).toBe(0);
  expectNothingLeft(before);
  expect(growth(samples.slice(2))).toBeLessThan(mostGrowth(CYCLES, 1_000));
});
