import { expect, test } from 'vitest';
import { startFaultServer } from '../fault-server.js';
import { isLong } from '../repetitions.js';
import { preamble, startChild } from './child.js';
import type { SoakReport } from './leaks.js';
import { KEY } from './secrets.js';
import { says } from './stage.js';
import { until } from '../waiting.js';

test.for([
  { name: 'undici', polls: isLong ? 1_000_000 : 10_000, each: 100 },
  // A poll over fetch takes four times as long.
  { name: 'fetch', polls: isLong ? 100_000 : 2_500, each: 800 },
] as const)(
  'L2 $polls polls over $name leave no socket, timer or listener, and a flat heap',
  { timeout: 600_000 },
  async ({ name, polls: goal, each }, context) => {
    const service = await startFaultServer();
    context.onTestFinished(() => service.close());
    const answers = [says('queued'), says('processing')];
    let turn = 0;
    service.route(() => {
      // Nobody looks at them, and a million of them are a leak of this test.
      (service.requests as unknown[]).length = 0;
      return answers[turn++ % 2] ?? says('queued');
    });
    const script = `${preamble(name)}
    import { soak } from './leaks.js';
    soak({ baseUrl, transport, polls: ${goal} }, close).then((report) => console.log(JSON.stringify(report)));`;
    const child = await startChild(context, script, [service.url, KEY]);
    expect(await child.exit, child.output()).toBe(0);
    const { polls, growth, left } = JSON.parse(child.output()) as SoakReport;
    expect(polls).toBeGreaterThanOrEqual(goal);
    // Bytes a poll: fewer polls show a leak of the same size.
    expect(growth).toBeLessThan(Math.min(2 * 2 ** 20, each * goal));
    expect(left).toEqual([]);
    await until(() => {
      expect(service.open).toBe(0);
    });
  },
);
