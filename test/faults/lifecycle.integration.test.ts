import { setTimeout as sleep } from 'node:timers/promises';
import { config } from 'rxjs';
import { createGate } from 'rx-video-tasks';
import { describe, expect, test, vi } from 'vitest';
import { reply, reset, stall, stallInBody, stallInHeaders, type Fault } from '../fault-server.js';
import { counted, INTERVAL, kinds, says, stage, trace, type Stage } from './stage.js';
import { until } from '../waiting.js';
import { isLong } from '../repetitions.js';

const POINTS = isLong ? 10_000 : 300;

/** Nothing is in flight or queued: the only place of the gate is free, and no socket is left after closing. */
const isTidy = async (here: Stage) => {
  const { server, track, closeTransport } = here;
  // What was on its way arrives; then nothing more is asked.
  await vi.waitFor(
    async () => {
      const before = server.requests.length;
      await sleep(10 * INTERVAL);
      expect(server.requests).toHaveLength(before);
    },
    { timeout: 60_000 },
  );
  server.answer(says('completed'));
  const next = track('next');
  await next.over;
  expect(next.statuses).toEqual(['completed']);
  await closeTransport();
  await until(() => {
    expect(server.open).toBe(0);
  });
};

describe.for(kinds)('over $name', (kind) => {
  describe.concurrent('unsubscribing', () => {
    test('F28 at once sends nothing', async (context) => {
      const here = await stage(kind, context, { gate: createGate({ maxInFlight: 1 }) });
      const task = here.track();
      task.subscription.unsubscribe();
      await sleep(INTERVAL);
      expect(here.server.requests).toHaveLength(0);
      expect({ state: task.state, tasks: task.tasks }).toEqual({ state: 'open', tasks: [] });
      await isTidy(here);
    });

    test.for([
      ['before the headers', stall()],
      ['in the headers', stallInHeaders()],
      ['in the body', stallInBody()],
    ] as const)('F28 %s closes the socket and frees the place', async ([, slow], context) => {
      const here = await stage(kind, context, { gate: createGate({ maxInFlight: 1 }) });
      const { fault, closed } = counted(slow);
      here.server.answer(fault);
      const task = here.track();
      await until(() => {
        expect(here.server.requests).toHaveLength(1);
      });
      await sleep(10);
      task.subscription.unsubscribe();
      await until(() => {
        expect(closed()).toBe(1);
      });
      expect({ state: task.state, tasks: task.tasks }).toEqual({ state: 'open', tasks: [] });
      expect(here.misses).toEqual([]);
      await isTidy(here);
    });

    test('F28 in back-off asks no more', async (context) => {
      const here = await stage(kind, context, { gate: createGate({ maxInFlight: 1 }) });
      here.server.answer(reply({ status: 503, body: '' }));
      const task = here.track();
      await until(() => {
        expect(here.misses).toHaveLength(1);
      });
      task.subscription.unsubscribe();
      await isTidy(here);
      expect(here.server.requests).toHaveLength(2);
    });

    test('F28 in the queue of the gate sends nothing', async (context) => {
      const here = await stage(kind, context, { gate: createGate({ maxInFlight: 1 }) });
      here.server.answer(stall());
      const inFlight = here.track('in-flight');
      const waiting = ['a', 'b', 'c'].map((id) => here.track(id));
      await until(() => {
        expect(here.server.requests).toHaveLength(1);
      });
      for (const { subscription } of [...waiting, inFlight]) subscription.unsubscribe();
      await isTidy(here);
      expect(here.server.requests.map(({ path }) => path)).toEqual(['/v1/result/in-flight', '/v1/result/next']);
    });
  });

  describe.concurrent('many', () => {
    test('F29 a deadline passes while a poll hangs: a TrackingError then, and the socket is closed', async (context) => {
      const { fault, closed } = counted(stall());
      const deadline = 4000;
      const { server, track } = await stage(kind, context, { deadline });
      server.answer(says('processing'), fault);
      const started = performance.now();
      const task = track();
      await task.over;
      expect(performance.now() - started).toBeGreaterThanOrEqual(deadline - 2);
      expect(task.error).toMatchObject({ reason: 'deadline', last: { status: 'processing' } });
      expect(task.error?.message).toContain('may still be running');
      await until(() => {
        expect(closed()).toBe(1);
      });
      await sleep(3 * INTERVAL);
      expect(server.requests).toHaveLength(2);
    });

    test('F30 2,000 subscriptions at once keep to the number of the gate, and none is timed out by our own queue', async (context) => {
      const { server, tracker, misses } = await stage(kind, context, {
        // Far longer than a busy machine takes for one reply, and shorter than 63 replies in a row on a quick one.
        limits: { headersTimeout: 10_000, totalTimeout: 10_000 },
      });
      let inFlight = 0;
      let most = 0;
      const done = says('completed');
      server.route(() => async (socket, request) => {
        most = Math.max(most, ++inFlight);
        await sleep(200);
        inFlight--;
        await done(socket, request);
      });
      const started = performance.now();
      const all = trace(tracker.trackAll(Array.from({ length: 2000 }, (_, nth) => `t${nth}`)));
      await all.over;
      // The last ones waited longer than any limit.
      expect(performance.now() - started).toBeGreaterThan(10_000);
      expect(all.statuses).toEqual(Array(2000).fill('completed'));
      expect(misses).toEqual([]);
      expect(server.requests).toHaveLength(2000);
      expect(most).toBeLessThanOrEqual(32);
      // fetch does not bound its sockets (see fetchTransport): a few more than the gate's number, never one a task.
      expect(server.mostOpen).toBeLessThanOrEqual(kind.name === 'undici' ? 32 : 64);
    });

    test('F35 one task with ten subscribers is polled once, and all receive every transition', async (context) => {
      const { server, tracker } = await stage(kind, context);
      const states = ['queued', 'processing', 'processing', 'reticulating', 'queued', 'completed'];
      server.answer(...states.map((status) => says(status)));
      const early = Array.from({ length: 5 }, () => trace(tracker.track('t1')));
      await until(() => {
        expect(early[0]?.statuses).toContain('processing');
      });
      const late = Array.from({ length: 5 }, () => trace(tracker.track('t1')));
      await Promise.all([...early, ...late].map(({ over }) => over));
      const seen = ['queued', 'processing', 'unknown', 'queued', 'completed'];
      for (const { statuses } of early) expect(statuses).toEqual(seen);
      // A late one begins with the last transition.
      for (const { statuses } of late) expect(statuses).toEqual(seen.slice(1));
      expect(server.requests).toHaveLength(states.length);
    });
  });

  test(`F28 unsubscribing at any of ${POINTS} points leaves nothing behind`, { timeout: 600_000 }, async (context) => {
    const here = await stage(kind, context, {
      gate: createGate({ maxInFlight: 8, requestsPerMinute: Infinity }),
      limits: { headersTimeout: 1000, totalTimeout: 2000 },
    });
    const faults = [
      says('queued'),
      reply({ status: 500, body: '' }),
      stall(),
      stallInBody(),
      reset(),
      says('completed'),
    ];
    here.server.route(() => faults[Math.floor(Math.random() * faults.length)] ?? stall());
    const left: string[] = [];
    const run = async (nth: number) => {
      await sleep(Math.random() * POINTS);
      const task = here.track(`t${nth}`);
      await sleep(Math.random() * 30);
      const { length } = task.tasks;
      const { state } = task;
      task.subscription.unsubscribe();
      await sleep(2 * INTERVAL);
      if (task.tasks.length !== length || task.state !== state) left.push(`t${nth}`);
    };
    await Promise.all(Array.from({ length: POINTS }, (_, nth) => run(nth)));
    expect(left).toEqual([]);
    await isTidy(here);
  });

  test('F31 subscribers that throw thousands of times disturb nobody, and cost no place', async (context) => {
    const { server, tracker, misses, track } = await stage(kind, context, {
      gate: createGate({ maxInFlight: 4, requestsPerMinute: Infinity }),
      interval: 1,
      minInterval: 1,
    });
    const TASKS = 50;
    // A poll over fetch takes four times as long, and what throws does not depend on the transport.
    const POLLS = kind.name === 'undici' ? (isLong ? 200 : 60) : isLong ? 40 : 20;
    const turns = new Map<string, number>();
    server.route(({ path }): Fault => {
      const turn = (turns.get(path) ?? 0) + 1;
      turns.set(path, turn);
      return turn === POLLS ? says('completed') : says(turn % 2 ? 'queued' : 'processing');
    });
    let thrown = 0;
    let reported = 0;
    config.onUnhandledError = () => (reported += 1);
    context.onTestFinished(() => {
      config.onUnhandledError = null;
    });
    const ids = Array.from({ length: TASKS }, (_, nth) => `t${nth}`);
    for (const id of ids) {
      tracker.track(id).subscribe({
        next: () => {
          thrown += 1;
          throw new Error('a subscriber of the caller');
        },
        error: () => expect.unreachable(),
      });
    }
    const beside = ids.map((id) => track(id));
    const other = track('other');
    await Promise.all([...beside, other].map(({ over }) => over));
    for (const { state, tasks } of [...beside, other])
      expect({ state, seen: tasks.length }).toEqual({ state: 'complete', seen: POLLS });
    expect(thrown).toBe(TASKS * POLLS);
    await until(() => {
      expect(reported).toBe(thrown);
    });
    expect(misses).toEqual([]);
    // Every place is free again.
    let inFlight = 0;
    let most = 0;
    server.route(() => async (socket, request) => {
      most = Math.max(most, ++inFlight);
      await sleep(30);
      inFlight--;
      await says('completed')(socket, request);
    });
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map((id) => track(id).over));
    expect(most).toBe(4);
  });
});
