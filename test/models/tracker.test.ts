import fc from 'fast-check';
import { asyncScheduler, Subject, takeUntil } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { createGate, createTracker, isTerminal, mingyan, type Task } from 'rx-video-tasks';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { expect, test } from 'vitest';
import { isLong } from '../repetitions.js';

const FLOOR = 10_000;
const IDS = ['a', 'b', 'c'] as const;

/** Subscribes to one task at some time, for some time; or unsubscribes while it receives the first or second transition. */
const visit = fc.record({
  id: fc.constantFrom(...IDS),
  from: fc.nat(200_000),
  stays: fc.oneof(fc.nat(100_000), fc.constant(Infinity)),
  takes: fc.constantFrom(1, 2, Infinity, Infinity),
});

const step = fc.constantFrom(...(['q', 'p', 'u', 'q', 'p', 's', 'f', 'c'] as const), 'server', 'rate-limited', 'never');
const script = fc.array(step, { minLength: 1, maxLength: 6 }).map((steps) => [...steps, 's' as const]);

const scene = fc.record({
  script: fc.record({ a: script, b: script, c: script }),
  visits: fc.array(visit, { minLength: 1, maxLength: 8 }),
  latency: fc.constantFrom(0, 1, 3_000),
  maxInFlight: fc.constantFrom(1, 32),
});

type Scene = typeof scene extends fc.Arbitrary<infer T> ? T : never;

interface Subscriber {
  readonly id: string;
  readonly transitions: Task[];
  isDone: boolean;
  /** What had been seen of the task before, and what came at once. */
  readonly before: Task | undefined;
  atOnce?: Task | undefined;
}

function play({ script, visits, latency, maxInFlight }: Scene) {
  const { transport, log } = scriptedTransport(script, { latency });
  const scheduler = new TestScheduler(() => undefined);
  const subscribers: Subscriber[] = [];
  const latest = new Map<string, Task>();
  scheduler.run(() => {
    const provider = mingyan({ apiKey: 'test-key-0123456789' });
    const gate = createGate({ maxInFlight, requestsPerMinute: Infinity });
    const tracker = createTracker({ provider, transport, gate, deadline: 3_600_000 });
    for (const { id, from, stays, takes } of visits) {
      asyncScheduler.schedule(() => {
        const one: Subscriber = { id, transitions: [], isDone: false, before: latest.get(id) };
        subscribers.push(one);
        const leave = new Subject<void>();
        let hasLeft = false;
        const subscription = tracker
          .track(id)
          .pipe(takeUntil(leave))
          .subscribe({
            next: (task) => {
              one.transitions.push(task);
              latest.set(id, task);
              if (one.transitions.length < takes || isTerminal(task)) return;
              hasLeft = true;
              leave.next();
            },
            complete: () => (one.isDone = !hasLeft),
            // A deadline, after hours of silence.
            error: () => undefined,
          });
        one.atOnce = one.transitions[0];
        if (stays < Infinity) {
          asyncScheduler.schedule(() => {
            subscription.unsubscribe();
          }, stays);
        }
      }, from);
    }
  });
  return { log, subscribers, waiting: scheduler.actions.length };
}

test('however subscribers come and go, a task has one poll, never below its floor, and one history that all see', () => {
  fc.assert(
    fc.property(scene, (scene) => {
      const { log, subscribers, waiting } = play(scene);
      expect(waiting).toBe(0);
      for (const id of IDS) {
        const events = log.filter((event) => event.id === id);
        const asks = events.filter(({ type }) => type === 'request').map(({ at }) => at);
        for (const [nth, at] of asks.slice(1).entries()) {
          expect(at - (asks[nth] as number), 'from ask to ask').toBeGreaterThanOrEqual(FLOOR);
        }
        let open = 0;
        for (const { type } of events) {
          open += type === 'request' ? 1 : -1;
          expect([0, 1], 'queries at once').toContain(open);
        }
        expect(open, 'queries at the end').toBe(0);

        const history = new Map<number | undefined, Task>();
        for (const { transitions, isDone, before, atOnce } of subscribers.filter((one) => one.id === id)) {
          if (before) expect(atOnce, 'what a late subscriber gets at once').toBe(before);
          for (const [nth, task] of transitions.entries()) {
            expect(history.get(task.seq) ?? task, 'what others saw').toBe(task);
            history.set(task.seq, task);
            const last = transitions[nth - 1];
            if (last) expect(task.seq, 'numbers in a row').toBe((last.seq ?? 0) + 1);
            expect(last?.status, 'a change').not.toBe(task.status);
          }
          expect(isDone, 'done exactly with a terminal one').toBe(transitions.some(isTerminal));
          expect(transitions.slice(0, -1).some(isTerminal), 'a terminal one is the last').toBe(false);
        }
      }
    }),
    { numRuns: isLong ? 2_000 : 250 },
  );
});
