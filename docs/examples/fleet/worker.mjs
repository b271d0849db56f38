// One worker of a fleet: polls what any process tracks, until it is asked to stop.
//   REDIS_URL=redis://localhost:6379 ALAD_API_KEY=... node docs/examples/fleet/worker.mjs

import { alad } from 'rx-video-tasks';
import { fleetWorker } from 'rx-video-tasks/bullmq';
import { undiciTransport } from 'rx-video-tasks/node';

const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());
process.once('SIGINT', () => stop.abort());

fleetWorker({
  connection: process.env.REDIS_URL ?? 'redis://localhost:6379',
  provider: alad({ apiKey: process.env.ALAD_API_KEY ?? '' }),
  transport: undiciTransport(),
  signal: stop.signal,
}).subscribe({
  next(event) {
    if (event.type === 'miss') console.warn(`${event.id}: ${event.kind}, again in ${event.nextPollIn} ms`);
    if (event.type === 'warning') console.warn(event.message);
  },
  complete: () => process.exit(),
});
