// A worker as a process of its own, for tests that kill it: prints one JSON line an event. Runs on the built package.
import { defineProvider, resultWindows, resultWire } from 'rx-video-tasks';
import { undiciTransport } from 'rx-video-tasks/node';
import { fleetWorker } from 'rx-video-tasks/bullmq';

const { redis, baseUrl, requestsPerMinute, speed = 60, concurrency } = JSON.parse(process.argv[2] ?? '{}');
const acme = defineProvider({
  name: 'acme',
  baseUrl: 'https://acme.example',
  wire: resultWire,
  windows: resultWindows,
});
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

fleetWorker({
  connection: redis,
  provider: acme({ apiKey: 'secret-key-of-the-worker', baseUrl }),
  transport: undiciTransport(),
  signal: stop.signal,
  speed,
  ...(requestsPerMinute && { requestsPerMinute }),
  ...(concurrency && { concurrency }),
}).subscribe({
  next: (event) => process.stdout.write(`${JSON.stringify(event)}\n`),
  error: (error) => {
    console.error(error);
    process.exitCode = 1;
  },
  complete: () => process.exit(0),
});
