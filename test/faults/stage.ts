import { inspect } from 'node:util';
import type { Observable, Subscription } from 'rxjs';
import {
  anyfast,
  createGate,
  createTracker,
  fetchTransport,
  xingchaoyiqing,
  type ApiKey,
  type Gate,
  type Miss,
  type TaskRef,
  type TrackedTask,
  type Tracker,
  type TrackerOptions,
  type TrackingError,
  type Transport,
  type TransportLimits,
} from 'rx-video-tasks';
import { undiciTransport } from 'rx-video-tasks/node';
import { Agent, fetch as undiciFetch } from 'undici';
import { expect, type TestContext } from 'vitest';
import { reply, startFaultServer, type Fault, type FaultServer, type FaultServerOptions } from '../fault-server.js';
import { ACCOUNT, everythingOf, KEY, PRESIGNED, remember } from './secrets.js';

/** ms from an answer to the next ask, where a test does not say otherwise. */
export const INTERVAL = 20;

type Connect = NonNullable<Agent.Options['connect']>;

export interface StageOptions extends Omit<Partial<TrackerOptions>, 'provider' | 'transport'> {
  readonly limits?: TransportLimits;
  readonly server?: FaultServerOptions;
  /** @default the server's */
  readonly baseUrl?: string;
  /** @default 'result' */
  readonly wire?: 'result' | 'generations';
  readonly apiKey?: ApiKey;
  /** How a socket is opened; the authority to trust, for instance. */
  readonly connect?: Connect;
}

/** A fault server, and the whole library in front of it: one transport, one tracker, one gate, all of this test alone. */
export interface Stage {
  readonly server: FaultServer;
  readonly tracker: Tracker;
  readonly transport: Transport;
  readonly gate: Gate;
  /** When a request was handed to the transport: after the gate, before the network. */
  readonly sent: readonly { readonly path: string; readonly at: number }[];
  readonly misses: readonly Miss[];
  /** Another tracker on the same transport and gate. */
  readonly another: (options: StageOptions) => Tracker;
  /** Subscribes, and notes what comes. */
  readonly track: (ref?: TaskRef) => Trace;
  readonly closeTransport: () => Promise<void>;
}

/** What came of a subscription so far. */
export interface Trace {
  readonly tasks: readonly TrackedTask[];
  readonly statuses: readonly string[];
  /** `open`, `complete` or `error`. */
  readonly state: string;
  readonly error: TrackingError | undefined;
  readonly subscription: Subscription;
  /** When it is no longer open. */
  readonly over: Promise<void>;
}

export interface TransportKind {
  readonly name: 'undici' | 'fetch';
  readonly open: (limits: TransportLimits, connect: Connect | undefined) => [Transport, close: () => Promise<void>];
}

/** Both transports. Sockets are the test's own: Node's `fetch` would share them among all tests. */
export const kinds: readonly TransportKind[] = [
  {
    name: 'undici',
    open(limits, connect) {
      const dispatcher = connect && new Agent({ connect });
      const transport = undiciTransport({ connectTimeout: 1000, ...limits, ...(dispatcher ? { dispatcher } : {}) });
      return [
        transport,
        async () => {
          await transport.close();
          await dispatcher?.destroy();
        },
      ];
    },
  },
  {
    name: 'fetch',
    open(limits, connect) {
      // An idle socket that is closed was closed by the test.
      const keepAlive = { keepAliveTimeout: 600_000, keepAliveMaxTimeout: 600_000 };
      const dispatcher = new Agent({ ...keepAlive, ...(connect && { connect }) });
      const fetch = (url: string, init: object) => undiciFetch(url, { ...init, dispatcher });
      return [
        fetchTransport({ ...limits, fetch: fetch as unknown as typeof globalThis.fetch }),
        () => dispatcher.destroy(),
      ];
    },
  },
];

export async function stage(kind: TransportKind, context: TestContext, options: StageOptions = {}): Promise<Stage> {
  const server = await startFaultServer(options.server);
  const [opened, closeTransport] = kind.open(options.limits ?? {}, options.connect);
  const sent: { path: string; at: number }[] = [];
  const transport: Transport = (request) => {
    sent.push({ path: new URL(request.url).pathname, at: Date.now() });
    return opened(request);
  };
  // Tests poll far more often than any service allows: the gate is not to pace their start.
  const gate = options.gate ?? createGate({ requestsPerMinute: Infinity });
  const misses: Miss[] = [];
  const trackers: Tracker[] = [];

  const another = (more: StageOptions): Tracker => {
    const { baseUrl = server.url, wire, apiKey = KEY, ...options } = more;
    const rest = Object.fromEntries(
      Object.entries(options).filter(([name]) => !['limits', 'server', 'connect'].includes(name)),
    ) as Partial<TrackerOptions>;
    const provider = (wire === 'generations' ? anyfast : xingchaoyiqing)({ apiKey, baseUrl, allowInsecure: true });
    const tracker = createTracker({
      provider,
      transport,
      gate,
      ...(rest.windows ? {} : { interval: INTERVAL }),
      minInterval: INTERVAL,
      ...rest,
      retry: { delay: 5, maxDelay: 20, ...rest.retry },
      onMiss: (miss) => {
        misses.push(miss);
        remember(everythingOf(miss.error) + inspect({ ...miss, last: undefined }, { showHidden: true, depth: 10 }));
        rest.onMiss?.(miss);
      },
    });
    trackers.push(tracker);
    const inside = [tracker, tracker.track('inspected'), provider, opened, gate, misses.length];
    remember(inspect(inside, { showHidden: true, depth: 10 }) + JSON.stringify(inside));
    return tracker;
  };
  const tracker = another(options);

  context.onTestFinished(async () => {
    remember(inspect([tracker, opened, gate], { showHidden: true, depth: 10 }));
    for (const one of trackers) one.close();
    await closeTransport();
    await server.close();
  });
  const track = (ref: TaskRef = 't1') => trace(tracker.track(ref));
  return { server, tracker, transport, gate, sent, misses, another, track, closeTransport };
}

export function trace(stream: Observable<TrackedTask>): Trace {
  const tasks: TrackedTask[] = [];
  let state = 'open';
  let error: TrackingError | undefined;
  const { promise, resolve } = withResolvers();
  const subscription = stream.subscribe({
    next: (task) => {
      tasks.push(task);
      if (task.status === 'lost') remember(everythingOf(task.error));
    },
    error: (caught: unknown) => {
      error = caught as TrackingError;
      state = 'error';
      resolve();
      remember(everythingOf(caught));
    },
    complete: () => {
      state = 'complete';
      resolve();
    },
  });
  return {
    tasks,
    get statuses() {
      return tasks.map(({ status }) => status);
    },
    get state() {
      return state;
    },
    get error() {
      return error;
    },
    subscription,
    over: promise,
  };
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((resolved) => (resolve = resolved));
  return { promise, resolve };
}

/** An answer on the result wire. */
export function says(status: string, fields: object = {}): Fault {
  const video_url = status === 'completed' ? `https://cdn.example.com/v.mp4?${PRESIGNED}` : null;
  return reply({ body: { status, video_url, error: null, account: ACCOUNT, ...fields } });
}

/** An answer on the generations wire. */
export function generation(status: string, fields: object = {}): Fault {
  const result_url = status === 'SUCCESS' ? `https://cdn.example.com/v.mp4?${PRESIGNED}` : '';
  const data = { status, result_url, fail_reason: '', progress: '', account: ACCOUNT, ...fields };
  return reply({ body: { code: 'success', message: '', data } });
}

/** The task lives through it: each of the faults is one missed poll and nothing else, and then the answers go on. */
export async function survives(here: Stage, faults: readonly Fault[], missKinds: readonly string[]): Promise<void> {
  const { server, misses, track } = here;
  server.answer(says('queued'), ...faults, says('completed'));
  const task = track();
  await task.over;
  expect(task.error).toBeUndefined();
  expect(task.statuses).toEqual(['queued', 'completed']);
  expect(misses.map(({ kind }) => kind)).toEqual(missKinds);
  expect(misses.map(({ misses: inARow }) => inARow)).toEqual(missKinds.map((_, nth) => nth + 1));
}

/** A fault that counts how many of its sockets were closed. */
export function counted(fault: Fault): { readonly fault: Fault; readonly closed: () => number } {
  let closed = 0;
  return {
    fault: (socket, request) => {
      socket.on('close', () => (closed += 1));
      return fault(socket, request);
    },
    closed: () => closed,
  };
}
