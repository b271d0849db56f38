import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { NEVER, of, Subject } from 'rxjs';
import { alad, createTracker, type TaskRef, type Transport } from 'rx-video-tasks';
import { generationsReply } from 'rx-video-tasks/testing';
import { expect, test } from 'vitest';
import { listen } from '../operators/polls.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const make = (transport: Transport) =>
  createTracker({
    provider: alad({ apiKey: 'test-key-0123456789', baseUrl: 'http://127.0.0.1:1' }),
    transport,
    gate: { admit: (_ticket, request) => request },
  });

/** The least CPU of several rounds, in ms. */
function cost(work: () => void): number {
  const rounds = Array.from({ length: 5 }, () => {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...rounds);
}

test('ten times the subscribers of one task come and go at ten times the cost', () => {
  const tracker = make(() => NEVER);
  const comeAndGo = (count: number) => () => {
    const subscriptions = Array.from({ length: count }, () => listen(tracker.track('v')));
    for (const subscription of subscriptions) subscription.unsubscribe();
  };
  comeAndGo(1_500)();
  const few = cost(comeAndGo(1_500));
  // A copied list would make it a hundred times.
  expect(cost(comeAndGo(15_000)) / few).toBeLessThan(25);
  tracker.close();
});

test('trackAll over a stream without end keeps nothing of what has finished', async () => {
  const transport: Transport = ({ url }) =>
    of(generationsReply({ status: 'failed', id: url.slice(url.lastIndexOf('/') + 1) }));
  const tracker = make(transport);
  const refs = new Subject<TaskRef>();
  let [next, finished] = [0, 0];
  const subscription = listen(tracker.trackAll(refs), () => finished++);
  const heapAfter = async (count: number) => {
    for (let end = next + count; next < end; next++) refs.next(`task_${next}`);
    await turn();
    collectGarbage();
    collectGarbage();
    return process.memoryUsage().heapUsed;
  };
  // The tracker itself remembers the last 10,000.
  const heaps = [await heapAfter(11_000)];
  for (let batch = 0; batch < 4; batch++) heaps.push(await heapAfter(5_000));
  expect(finished).toBe(31_000);
  // What each finished task keeps is in every batch; the heap of the test runner grows in some.
  const growths = heaps.slice(1).map((heap, at) => heap - (heaps[at] as number));
  expect(Math.min(...growths) / 5_000).toBeLessThan(40);
  subscription.unsubscribe();
  tracker.close();
});
