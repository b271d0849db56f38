import fc from 'fast-check';
import { asyncScheduler, Subject, tap, type Subscription } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { createGate, createTracker, mingyan } from 'rx-video-tasks';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { expect, test } from 'vitest';
import { isLong } from '../repetitions.js';

const FLOOR = 10_000;
const IDS = ['a', 'b'] as const;

/** What a callback of the caller does while the tracker is in the middle of something. */
const action = fc.record({
  what: fc.constantFrom(
    'subscribe',
    'subscribe',
    'subscribe',
    'leave',
    'leave',
    'leave all',
    'forget',
    'call',
    'close',
  ),
  id: fc.constantFrom(...IDS),
  nth: fc.nat(5),
});

const step = fc.constantFrom(
  ...(['q', 'p', 'q', 'p', 's', 'f'] as const),
  ...(['server', 'rate-limited', 'forbidden', 'empty'] as const),
  { status: 'completed', video: { url: 'https://cdn.example.com/v.mp4?Expires=1' } } as const,
);

const scene = fc.record({
  script: fc.record({
    a: fc.array(step, { minLength: 1, maxLength: 6 }),
    b: fc.array(step, { minLength: 1, maxLength: 6 }),
  }),
  /** Done at once, then one in each callback. */
  beginning: fc.array(action, { minLength: 1, maxLength: 4 }),
  actions: fc.array(fc.option(action, { nil: undefined }), { maxLength: 25 }),
  latency: fc.constantFrom(0, 3_000),
  maxInFlight: fc.constantFrom(1, 32),
  minInterval: fc.constantFrom(FLOOR, FLOOR, 0),
});

type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never;
type Action = Scene['beginning'][number];

interface Visit {
  readonly id: string;
  subscription?: Subscription;
  isOver: boolean;
}

function play({ script, beginning, actions, latency, maxInFlight, minInterval }: Scene) {
  const steps = (id: 'a' | 'b') => [...script[id], 's' as const];
  const { transport, log } = scriptedTransport({ a: steps('a'), b: steps('b') }, { latency });
  const scheduler = new TestScheduler(() => undefined);
  const visits: Visit[] = [];
  const left = [...actions];
  scheduler.run(() => {
    const notifier = new Subject<void>();
    let isClosed = false;
    const tracker = createTracker({
      provider: mingyan({ apiKey: 'test-key-0123456789' }),
      transport,
      gate: createGate({ maxInFlight }),
      // Acts as it is subscribed to, and whenever it emits.
      notifier: notifier.pipe(
        tap({
          subscribe: () => {
            next();
          },
          next: () => {
            next();
          },
        }),
      ),
      interval: 30_000,
      minInterval,
      deadline: 3_600_000,
      onMiss: () => {
        next();
      },
    });
    const streams = { a: tracker.track('a'), b: tracker.track('b') };
    const act = ({ what, id, nth }: Action) => {
      const open = visits.filter((one) => one.id === id && !one.isOver);
      const leave = (one: Visit | undefined) => {
        if (!one?.subscription) return;
        one.isOver = true;
        one.subscription.unsubscribe();
      };
      if (what === 'subscribe') {
        const visit: Visit = { id, isOver: false };
        visits.push(visit);
        const over = () => {
          visit.isOver = true;
          next();
        };
        visit.subscription = streams[id].subscribe({ next, error: over, complete: over });
      } else if (what === 'leave') leave(open[nth % open.length]);
      else if (what === 'leave all') open.forEach(leave);
      else if (what === 'forget' && !isClosed) void tracker.forget(id);
      else if (what === 'call') notifier.next();
      else if (what === 'close') {
        isClosed = true;
        tracker.close();
      }
    };
    const next = () => {
      const one = left.shift();
      if (one) act(one);
    };
    for (const one of beginning) act(one);
    for (let at = 5_000; at < 400_000; at += 50_000) asyncScheduler.schedule(next, at);
  });
  return { log, visits, waiting: scheduler.actions.length };
}

const RUNS = isLong ? 2_000 : 250;

test(`F41 ${RUNS} runs: whatever callbacks do to the tracker, every subscription is served, and no floor is broken`, () => {
  let subscriptions = 0;
  fc.assert(
    fc.property(scene, (scene) => {
      const { log, visits, waiting } = play(scene);
      subscriptions += visits.length;
      expect(waiting, 'timers left').toBe(0);
      expect(
        visits.filter(({ isOver }) => !isOver),
        'stranded',
      ).toEqual([]);
      for (const id of IDS) {
        const events = log.filter((event) => event.id === id);
        const asks = events.filter(({ type }) => type === 'request').map(({ at }) => at);
        for (const [nth, at] of asks.slice(1).entries()) {
          expect(at - (asks[nth] as number), 'from ask to ask').toBeGreaterThanOrEqual(scene.minInterval);
        }
        let open = 0;
        for (const { type } of events) {
          open += type === 'request' ? 1 : -1;
          expect([0, 1], 'queries at once').toContain(open);
        }
        expect(open, 'queries left').toBe(0);
      }
    }),
    { numRuns: RUNS },
  );
  expect(subscriptions).toBeGreaterThan(RUNS);
}, 120_000);
