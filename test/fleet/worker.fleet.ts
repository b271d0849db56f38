import { expect, test } from 'vitest';
import { runProcess } from '../cli/run-cli.js';

test.each([
  ['unsubscribed at once', 'worker$.subscribe().unsubscribe();'],
  [
    'unsubscribed while it connects',
    'const worker = worker$.subscribe(); setTimeout(() => worker.unsubscribe(), 200);',
  ],
  ['aborted before its start', 'stop.abort(); worker$.subscribe({ complete: () => console.log("complete") });'],
  [
    'aborted while it connects',
    'worker$.subscribe({ complete: () => console.log("complete") }); setTimeout(() => stop.abort(), 200);',
  ],
])('a worker that is %s leaves nothing behind that keeps the process alive', async (_, use) => {
  const script = `
    import { alad } from 'rx-video-tasks';
    import { fleetWorker } from 'rx-video-tasks/bullmq';
    const stop = new AbortController();
    const options = { connection: 'redis://127.0.0.1:1', provider: alad({ apiKey: null }), signal: stop.signal };
    const worker$ = fleetWorker(options);
    ${use}
    setTimeout(() => process.exit(3), 20_000).unref();`;
  const { code, stdout } = await runProcess(process.execPath, ['--input-type=module', '--eval', script]);
  expect(code).toBe(0);
  expect(stdout).toBe(use.includes('complete') ? 'complete\n' : '');
});
