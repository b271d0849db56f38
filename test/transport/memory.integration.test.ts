import { fetchTransport } from 'rx-video-tasks';
import { undiciTransport } from 'rx-video-tasks/node';
import { Agent, fetch as undiciFetch } from 'undici';
import { expect, test } from 'vitest';
import { claim, crumbs, endless, gzipBomb, startFaultServer, type Fault } from '../fault-server.js';
import { failureOf, replyOf } from './contract.js';

const own = new Agent();
const isolated = ((url: string, init: object) => undiciFetch(url, { ...init, dispatcher: own })) as typeof fetch;
const undici = undiciTransport();

test.for([
  ['undici', undici, () => undici.close()],
  ['fetch', fetchTransport({ fetch: isolated }), () => own.destroy()],
] as const)('F10, F11 %s keeps memory small, whatever is sent', async ([, transport, close], { onTestFinished }) => {
  const server = await startFaultServer();
  onTestFinished(async () => {
    await close();
    await server.close();
  });
  const meets = (fault: Fault) => {
    server.answer(fault);
    return failureOf(replyOf(transport({ url: `${server.url}/v1/result/a`, headers: {} })));
  };
  const floods = [endless(), claim(5e9), crumbs(), gzipBomb()];
  // Warm first: the code of these paths takes room too.
  for (const flood of floods) await meets(flood);
  const before = process.memoryUsage();
  for (const flood of floods) expect(await meets(flood)).toMatchObject({ kind: 'malformed' });
  const { arrayBuffers, heapUsed } = process.memoryUsage();
  const grown = arrayBuffers + heapUsed - before.arrayBuffers - before.heapUsed;
  // Garbage that is not collected yet counts: hence twice the 10 MB per flood, not the 200 MB of one bomb.
  expect(grown / floods.length / 2 ** 20).toBeLessThan(20);
});
