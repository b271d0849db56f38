import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test, type TestContext } from 'vitest';
import { startFaultServer } from '../fault-server.js';
import { preamble, startChild } from './child.js';
import { KEY, remember } from './secrets.js';
import { says } from './stage.js';
import { until } from '../waiting.js';

/** A process that tracks 1,000 tasks, and 20 whose answers are slow; then something stops it for a while. */
async function suspended(context: TestContext, name: 'undici' | 'fetch', stop: string) {
  const service = await startFaultServer();
  context.onTestFinished(() => service.close());
  const done = says('processing');
  service.route(({ path }) =>
    path.includes('slow')
      ? async (socket, request) => {
          await sleep(700);
          await done(socket, request);
        }
      : done,
  );
  const script = `${preamble(name, '{ headersTimeout: 2000, totalTimeout: 2200 }')}
  const inner = createGate({ maxInFlight: 64 });
  const asks = [];
  const gate = { admit: (ticket, request) => { asks.push(Date.now()); return inner.admit(ticket, request); } };
  const misses = [];
  const onMiss = ({ error }) => misses.push(error.message);
  const tracker = createTracker({ provider, transport, interval: 10_000, minInterval: 10, gate, onMiss });
  const ids = (name, count) => Array.from({ length: count }, (_, nth) => name + nth);
  let answered = 0;
  tracker.trackAll(ids('t', 1000)).subscribe(() => { if (++answered === 1000) console.log('READY'); });
  process.stdin.on('data', (text) => {
    const what = String(text).trim();
    if (what === 'slow') tracker.trackAll(ids('slow', 20)).subscribe();
    if (what === 'block') {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2500);
      console.log('FREE');
    }
    if (what === 'report') console.log('REPORT', JSON.stringify({ asks, misses }));
  });`;
  const child = await startChild(context, script, [service.url, KEY]);
  const tell = (what: string) => child.process.stdin?.write(`${what}\n`);
  const receives = (what: string) =>
    until(() => {
      expect(child.output()).toContain(what);
    });
  await receives('READY');
  // Late enough for all to come due meanwhile, and the last of them more than a second before the end.
  await sleep(stop === 'block' ? 8500 : 7000);
  tell('slow');
  await until(() => {
    expect(service.requests.filter(({ path }) => path.includes('slow'))).toHaveLength(20);
  });
  if (stop === 'block') {
    tell('block');
    await receives('FREE');
  } else {
    child.process.kill('SIGSTOP');
    await sleep(5000);
    child.process.kill('SIGCONT');
  }
  const resumedAt = Date.now();
  await sleep(10_500);
  tell('report');
  await receives('REPORT');
  remember(child.output());
  const report = JSON.parse(child.output().split('REPORT ')[1] ?? '') as { asks: number[]; misses: string[] };
  // A moment earlier: what is asked in the very turn in which the process is free again counts.
  const asks = report.asks.filter((at) => at >= resumedAt - 100);
  return { all: report.asks.length, asks, misses: report.misses };
}

describe.concurrent('a suspended process', () => {
  test.for([
    ['undici', 'the event loop is blocked for 2.5 s', 'block'],
    ['fetch', 'the event loop is blocked for 2.5 s', 'block'],
    ['undici', 'the process is stopped for 5 s', 'stop'],
    ['fetch', 'the process is stopped for 5 s', 'stop'],
  ] as const)('F32 over %s: 1,000 tasks come due while %s: no false miss, no herd', async ([name, , stop], context) => {
    const { all, asks, misses } = await suspended(context, name, stop);
    expect(misses).toEqual([]);
    // All are asked about again; on a slow machine some of them before the process was suspended.
    expect(all).toBeGreaterThan(1900);
    expect(asks.length).toBeGreaterThan(500);
    const within = (ms: number) =>
      Math.max(...asks.map((from) => asks.filter((at) => at >= from && at < from + ms).length));
    expect(within(1000)).toBeLessThan(asks.length / 2);
    expect(Math.max(...asks) - Math.min(...asks)).toBeGreaterThanOrEqual(2000);
  });
});
