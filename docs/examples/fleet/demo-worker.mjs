// A worker of demo.mjs; prints a line for each event.
import { alad, anyfast, globalaiopc, mingyan, xingchaoyiqing } from 'rx-video-tasks';
import { fleetWorker } from 'rx-video-tasks/bullmq';
import { undiciTransport } from 'rx-video-tasks/node';

const providers = { alad, anyfast, globalaiopc, mingyan, xingchaoyiqing };
/** @type {{ connection: string, speed: number, services: { name: keyof typeof providers, baseUrl: string, apiKey: string }[] }} */
const { connection, services, speed } = JSON.parse(process.argv[2] ?? '{}');
const stop = new AbortController();
process.once('SIGTERM', () => stop.abort());

fleetWorker({
  connection,
  provider: services.map(({ name, baseUrl, apiKey }) => providers[name]({ baseUrl, apiKey })),
  transport: undiciTransport(),
  queue: ({ name }) => name, // five keys at one origin: a queue each
  signal: stop.signal,
  speed,
}).subscribe({
  next: (event) => console.log(event.type),
  complete: () => process.exit(),
});
