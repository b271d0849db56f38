import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DAY } from '../durations.js';
import { check, checkNumber, checkOptions } from '../options.js';
import type { Provider } from '../providers/index.js';
import { seededRandom } from './seeded-random.js';
import { gateway, type Account } from './gateway.js';
import type { SandboxOutcome } from './lifecycle.js';
import { serviceNames, services, type SandboxService } from './services.js';
import { createTaskStore } from './task-store.js';

export type { SandboxOutcome } from './lifecycle.js';
export type { SandboxService } from './services.js';

/** Where the sandbox listens, and how its services behave. */
export interface SandboxOptions {
  /** Divides all times of the services: generation, queueing, refreshing. At 60, minutes become seconds. @default 1 */
  readonly speed?: number;
  /**
   * What all chance is drawn from: the same seed gives the same keys and ids, and the same id the same lifecycle.
   * @default a new one each time; see `Sandbox.seed`
   */
  readonly seed?: number;
  /** The port to listen on. @default 0: any free one */
  readonly port?: number;
  /** The loopback address to listen on; no other is taken. @default '127.0.0.1' */
  readonly host?: '127.0.0.1' | '::1' | 'localhost';
  /**
   * How long a video is kept after its task's end, in ms, whatever the speed; with it goes the record of a Seedance 1.5
   * task.
   * @default 24 h
   */
  readonly retention?: number;
  /** Answers per second and key; beyond it come HTTP 429 and `Retry-After: 1`. @default Infinity */
  readonly rateLimit?: number;
}

/** A task to create in the sandbox. */
export interface SandboxTaskRequest {
  /** The service that has the task. */
  readonly provider: SandboxService;
  /** The model of the task. @default `seedance_1_5_pro_720p`, `videos`, `veo_3_1_fast` or `seedance`, by the service */
  readonly model?: string;
  /**
   * `cancelled` for models of Seedance 1.5 only, as documented; `never` for a task that is processing for ever.
   * @default 'completed'
   */
  readonly outcome?: SandboxOutcome;
  /** A task in two stages, with an original and an enhanced video: anyfast and alad. @default false */
  readonly superResolution?: boolean;
  /** The reason of a failed task, `''` included. @default one of the wire's usual reasons, at random */
  readonly reason?: string;
}

/** A task of the sandbox, as `track` takes it. */
export interface SandboxTaskRef {
  /** The id of the task. */
  readonly id: string;
  /** The service that has it. */
  readonly provider: SandboxService;
  /** Its model. */
  readonly model: string;
  /** When it was created, in epoch ms. */
  readonly createdAt: number;
}

/** A running sandbox. It keeps the process alive until it is closed. */
export interface Sandbox extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  /** All five, each with its key and its own base URL, `{url}/{name}`. */
  readonly providers: readonly Provider[];
  /** For the tracker: `createTracker({ provider: sandbox.providers, speed: sandbox.speed })`. */
  readonly speed: number;
  /** What to give as `seed` to get the same again. */
  readonly seed: number;
  /** The one key that each service takes. */
  readonly keys: Readonly<Record<SandboxService, string>>;
  /**
   * A new task, to be tracked. Over HTTP: `POST {url}/sandbox/tasks` with the same fields as JSON.
   * @throws TypeError for a task that its service could not have, with what to write instead.
   */
  create(request: SandboxTaskRequest): SandboxTaskRef;
  /** Frees the port and ends every connection at once. */
  close(): Promise<void>;
}

/**
 * Starts a local stand-in for all five services, over real HTTP: both wires as documented, keys, unknown ids, and a
 * video that plays behind each result URL.
 *
 * Each task takes a time drawn from the documented generation times of its model. Tasks come from `create`; besides,
 * any unseen id of a documented form (`asyntask_demo`, `video_demo`, `vgen_demo`, `sora_demo`, `mcp_demo`) is a task
 * created when it is first asked about, and completes. Everything else is not found.
 *
 * @throws RangeError or TypeError for options that cannot be meant; rejects with the system's error if the port is
 * taken.
 *
 * @example
 * const sandbox = await startSandbox({ speed: 60 });
 * const tracker = createTracker({ provider: sandbox.providers, speed: sandbox.speed });
 * await lastValueFrom(tracker.track(sandbox.create({ provider: 'alad' })));
 * await sandbox.close();
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const { host, port, seed, speed, retention, rateLimit } = checkSandboxOptions(options);
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE });
  await once(server.listen(port, host), 'listening');
  const origin = host === '::1' ? '[::1]' : host;
  const url = `http://${origin}:${(server.address() as AddressInfo).port}`;

  const accounts = new Map<string, Account>();
  for (const name of serviceNames) {
    const service = services[name];
    const key = `sk-${seededRandom(seed, name).text('key', 32)}`;
    const provider = service.provider({ apiKey: key, baseUrl: `${url}/${name}` });
    const store = createTaskStore({ service, provider, videoBase: `${url}/videos/${name}`, seed, speed, retention });
    accounts.set(name, { provider, key, format: service.format, store, isOverLimit: limiter(rateLimit) });
  }
  const all = [...accounts.values()];

  const create = (request: SandboxTaskRequest): SandboxTaskRef => {
    const { provider, ...fields } = request ?? {};
    const account = accounts.get(provider);
    if (!account) {
      throw new TypeError(`provider: ${String(provider)} is not here; write one of: ${serviceNames.join(', ')}`);
    }
    const { id, model, createdAt } = account.store.create(fields);
    return { id, provider, model, createdAt };
  };
  server.on(
    'request',
    gateway(accounts, (fields) => create({ ...fields } as SandboxTaskRequest)),
  );

  let closed: Promise<void> | undefined;
  const close = () =>
    (closed ??= new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeAllConnections();
    }));

  return {
    url,
    providers: all.map(({ provider }) => provider),
    speed,
    seed,
    keys: Object.fromEntries(all.map(({ provider, key }) => [provider.name, key])) as Sandbox['keys'],
    create,
    close,
    [Symbol.asyncDispose]: close,
  };
}

// Longer than the services' longest polling interval, so that a poll need not open a connection.
const KEEP_ALIVE = 130_000;

/** Whether a key has had its answers of the running second. */
function limiter(perSecond: number): Account['isOverLimit'] {
  let second = 0;
  let answers = 0;
  return (now) => {
    const current = Math.floor(now / 1000);
    if (current !== second) answers = 0;
    second = current;
    return ++answers > perSecond;
  };
}

function checkSandboxOptions(options: SandboxOptions): Required<SandboxOptions> {
  checkOptions('startSandbox', 'startSandbox({ speed: 60 })', options, OPTIONS);
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
  const { speed = 1, port = 0, host = '127.0.0.1', retention = DAY, rateLimit = Infinity } = options;
  checkNumber('speed', speed, Number.isFinite(speed) && speed > 0, 'a number above 0, such as 60');
  checkNumber('seed', seed, Number.isFinite(seed), 'a number, such as 1');
  checkNumber('port', port, Number.isInteger(port) && port >= 0 && port <= 65_535, 'a port, or 0 for any free one');
  checkNumber('retention', retention, Number.isFinite(retention) && retention >= 1000, 'ms, 1000 at least');
  checkNumber('rateLimit', rateLimit, rateLimit >= 1, 'a number of answers per second, 1 at least');
  check('host', host, ['127.0.0.1', '::1', 'localhost'].includes(host), "'127.0.0.1', '::1' or 'localhost'");
  return { seed, speed, port, host, retention, rateLimit };
}

const OPTIONS: readonly string[] = [
  ...(['speed', 'seed', 'port', 'host', 'retention', 'rateLimit'] as const),
] satisfies (keyof SandboxOptions)[];
