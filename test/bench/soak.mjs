// A million polls over real sockets and 10,000 cycles of following and leaving: does anything stay behind? About five
// minutes; `npm run soak -- 100000` makes so many polls. Prints what is left and ends with code 1 if that is too much.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

// As built, by the name that users import; this folder is a package of its own, and does not know it.
const { resolve } = createRequire(join(import.meta.dirname, '../../package.json'));
/** @type {typeof import('rx-video-tasks')} */
const { createGate, createTracker, mingyan } = await import(resolve('rx-video-tasks'));
/** @type {typeof import('rx-video-tasks/node')} */
const { undiciTransport } = await import(resolve('rx-video-tasks/node'));

const POLLS = Number(process.argv[2] ?? 1_000_000);
const CYCLES = 10_000;
const SAMPLES = 50;
const TASKS = 200;
/** ms after which a run that hangs ends with an error. */
const PATIENCE = 1_800_000;
/** Bytes over the whole run. */
const MOST_GROWTH = 2 * 2 ** 20;

/** In a process of its own, so that its heap and its sockets are not counted. Every answer is a change, none is terminal. */
function serve() {
  let asked = 0;
  const server = createServer((request, response) => {
    const id = request.url?.split('/').at(-1);
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ id, status: 'processing', progress: asked++ % 101, video_url: null, error: null }));
  });
  server.listen(0, '127.0.0.1', () => process.send?.(server.address()));
  process.on('disconnect', () => process.exit());
}

function resources() {
  const active = process.getActiveResourcesInfo();
  const count = (/** @type {RegExp} */ kind) => active.filter((name) => kind.test(name)).length;
  const listeners = process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0);
  return { sockets: count(/^TCP/), timers: count(/^Timeout/), listeners };
}

function heapUsed() {
  if (!globalThis.gc) throw new Error('soak: run it with node --expose-gc');
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}

/** How much the heap grows over these samples, by the line that fits them best. */
function growth(/** @type {number[]} */ samples) {
  const middle = (samples.length - 1) / 2;
  const rise = samples.reduce((sum, sample, nth) => sum + (nth - middle) * sample, 0);
  const width = samples.reduce((sum, _, nth) => sum + (nth - middle) ** 2, 0);
  return (rise / width) * (samples.length - 1);
}

async function soak() {
  const child = fork(import.meta.filename, ['serve']);
  const [{ port }] = /** @type {[{ port: number }]} */ (await once(child, 'message'));
  const warnings = /** @type {string[]} */ ([]);
  process.on('warning', ({ message }) => warnings.push(message));
  const before = resources();

  const started = performance.now();
  let polls = 0;
  let misses = 0;
  const undici = undiciTransport();
  const tracker = createTracker({
    provider: mingyan({ apiKey: 'soak-key-0123456789', baseUrl: `http://127.0.0.1:${port}` }),
    transport: (request) => {
      polls++;
      return undici(request);
    },
    gate: createGate(),
    // Waits of a millisecond.
    ...{ speed: 30_000, interval: 30_000, minInterval: 0, deadline: new Date(Date.now() + 2 * PATIENCE) },
    onMiss: () => misses++,
  });
  const hangs = () => performance.now() - started > PATIENCE;
  const ids = Array.from({ length: TASKS }, (_, nth) => `video_${nth}`);
  const samples = /** @type {number[]} */ ([]);

  const following = ids.map((id) => tracker.track(id).subscribe());
  while (samples.length < SAMPLES && !hangs()) {
    const until = ((samples.length + 1) * POLLS) / SAMPLES;
    while (polls < until && !hangs()) await sleep(10);
    samples.push(heapUsed());
  }
  const perSecond = Math.round(polls / ((performance.now() - started) / 1000));
  for (const one of following) one.unsubscribe();
  const made = polls;

  const cycleSamples = /** @type {number[]} */ ([]);
  for (let cycle = 0; cycle < CYCLES && !hangs(); cycle++) {
    const subscription = tracker.track(/** @type {string} */ (ids[cycle % TASKS])).subscribe();
    // Left before it is asked, while it is asked, and while it waits.
    if (cycle % 4) await sleep(cycle % 4);
    subscription.unsubscribe();
    if (cycle % (CYCLES / SAMPLES) === 0) cycleSamples.push(heapUsed());
  }
  tracker.close();
  await undici.close();
  await sleep(100);
  const after = resources();
  child.disconnect();

  // The first tenth warms the engine up.
  const grown = [samples, cycleSamples].map((heap) => growth(heap.slice(SAMPLES / 10)));
  const [byPolls = 0, byCycles = 0] = grown.map((bytes) => (bytes / 2 ** 20).toFixed(2));
  const verdicts = [
    [`${made} polls, ${perSecond} a second, heap growth ${byPolls} MB`, (grown[0] ?? 0) <= MOST_GROWTH],
    [`${CYCLES} cycles, heap growth ${byCycles} MB`, (grown[1] ?? 0) <= MOST_GROWTH],
    [`${misses} misses`, misses === 0],
    [`${after.sockets - before.sockets} sockets left`, after.sockets <= before.sockets],
    [`${after.timers - before.timers} timers left`, after.timers <= before.timers],
    [`${after.listeners - before.listeners} listeners left`, after.listeners <= before.listeners],
    [`${warnings.length} warnings ${warnings.join('; ')}`, warnings.length === 0],
    [`${Math.round((performance.now() - started) / 1000)} s`, !hangs()],
  ];
  for (const [what, isFine] of verdicts) process.stdout.write(`${isFine ? 'ok  ' : 'FAIL'} ${String(what)}\n`);
  if (verdicts.some(([, isFine]) => !isFine)) process.exitCode = 1;
}

if (process.argv[2] === 'serve') serve();
else await soak();
