import { describe, expect, test, type TestContext } from 'vitest';
import {
  claim,
  crumbs,
  endless,
  gzipBomb,
  reply,
  startFaultServer,
  type Fault,
  type FaultServer,
} from '../fault-server.js';
import { preamble, startChild } from './child.js';
import { KEY, remember } from './secrets.js';
import { kinds } from './stage.js';

const FLOODS: readonly [string, Fault][] = [
  ['a chunked body without end', endless()],
  ['a chunked body without end, in crumbs', crumbs()],
  ['a claim of 5 GB', claim(5e9)],
  ['a gzip bomb', gzipBomb()],
];

async function server(context: TestContext): Promise<FaultServer> {
  const started = await startFaultServer();
  context.onTestFinished(() => started.close());
  return started;
}

describe.for(kinds)('over $name', ({ name }) => {
  test.for(FLOODS)('F10, F11 %s is refused after a MiB, and costs less than 10 MB', async ([, flood], context) => {
    const service = await server(context);
    service.answer(flood);
    // The first flood warms up: the code of these paths takes room too. Of three more the least counts: what V8 has not
    // collected yet only adds.
    const script = `${preamble(name)}
      const flood = (id) => new Promise((missed) => {
        const onMiss = (miss) => { subscription.unsubscribe(); missed(miss); };
        const tracker = createTracker({ provider, transport, interval: 10, minInterval: 10, onMiss });
        const subscription = tracker.track(id).subscribe();
      });
      const rss = () => process.memoryUsage().rss;
      (async () => {
        const start = rss();
        await flood('first');
        await new Promise((resolve) => setTimeout(resolve, 300));
        gc();
        const warmed = rss() - start;
        let grown = Infinity, last;
        for (const id of ['second', 'third', 'fourth']) {
          gc();
          const before = rss();
          let most = before;
          const watch = setInterval(() => (most = Math.max(most, rss())), 1);
          last = await flood(id);
          clearInterval(watch);
          grown = Math.min(grown, Math.max(most, rss()) - before);
        }
        const { kind, error: { code } } = last;
        console.log(JSON.stringify({ grown, warmed, kind, code }));
        process.exit(0);
      })();`;
    const child = await startChild(context, script, [service.url, KEY]);
    expect(await child.exit).toBe(0);
    remember(child.output());
    const { grown, warmed, kind, code } = JSON.parse(child.output()) as Record<'grown' | 'warmed', number> &
      Record<'kind' | 'code', string>;
    // fetch decompresses every compressed reply (see fetchTransport), and stops at the same size.
    const isEncoded = flood === FLOODS[3]?.[1] && name === 'undici';
    expect({ kind, code }).toEqual({ kind: 'malformed', code: isEncoded ? 'encoded' : 'too-large' });
    // A MiB of crumbs is a million objects, and V8 leaves garbage lying for a moment.
    expect(grown / 2 ** 20).toBeLessThan(flood === FLOODS[1]?.[1] ? 60 : 10);
    expect(warmed / 2 ** 20).toBeLessThan(100);
  });

  describe.concurrent('a process', () => {
    test('L0 a process whose tracks have all completed exits by itself', async (context) => {
      const service = await server(context);
      // The server would keep its side open for longer than this test may take.
      const answered = new Set<string>();
      service.route(({ path }) => {
        const status = answered.has(path) ? 'completed' : 'queued';
        answered.add(path);
        return reply({ body: { status, video_url: 'https://h/v.mp4' }, headers: { 'keep-alive': 'timeout=600' } });
      });
      const script = `${preamble(name)}
      const tracker = createTracker({ provider, transport, interval: 20, minInterval: 20 });
      tracker.trackAll(['a', 'b', 'c']).subscribe(({ id, status }) => { if (status === 'completed') console.log(id); });`;
      const child = await startChild(context, script, [service.url, KEY]);
      expect(await child.exit).toBe(0);
      expect(child.output().trim().split('\n').sort()).toEqual(['a', 'b', 'c']);
      remember(child.output());
    });
  });
});
