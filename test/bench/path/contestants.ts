import { setMaxListeners } from 'node:events';
import { createHttpPoller } from '@azure/core-lro';
import { createFalClient } from '@fal-ai/client';
import { createWaiter, WaiterState } from '@smithy/util-waiter';
import pLimit from 'p-limit';
import PQueue from 'p-queue';
import Replicate, { type Prediction } from 'replicate';
import { defer, exhaustMap, lastValueFrom, repeat, retry, takeWhile, timer, type Observable } from 'rxjs';
import { alad, createGate, createTracker, mingyan } from 'rx-video-tasks';
import { undiciTransport } from 'rx-video-tasks/node';
import { Agent, Pool, request } from 'undici';

/** Tasks to poll to their end. Those with an even index are on the result wire, the others on the generations wire. */
export interface Work {
  readonly ids: readonly string[];
  /** ms from an answer to the next ask. */
  readonly interval: number;
}

/** Follows all tasks, which start in one tick. */
export type Contestant = (work: Work) => Promise<unknown>;

const CONNECTIONS = 64;
const KEY = 'benchmark-key';

/** All who run, by the name in the table. The first one is the floor. */
export const contestants: Record<string, (url: string) => Contestant> = {
  'async loop of undici.request (the floor)': (url) => loops(byUrl(url)),
  'the same loop on a Pool, by path': (url) => loops(byPath(url)),
  'rx-video-tasks': ours,
  'loops through p-limit': (url) => {
    const ask = byUrl(url);
    const limit = pLimit(CONNECTIONS);
    return loops((path) => limit(() => ask(path)));
  },
  'loops through p-queue': (url) => {
    const ask = byUrl(url);
    const queue = new PQueue({ concurrency: CONNECTIONS });
    return loops((path) => queue.add(() => ask(path)));
  },
  '@smithy/util-waiter': (url) => each(byUrl(url), waiter),
  'timer + exhaustMap': (url) => eachStream(byUrl(url), (ask, interval) => timer(0, interval).pipe(exhaustMap(ask))),
  'defer + repeat({ delay })': (url) =>
    eachStream(byUrl(url), (ask, interval) => defer(ask).pipe(repeat({ delay: interval }))),
  'defer + repeat + retry, as rxjs-poll does': (url) =>
    eachStream(byUrl(url), (ask, interval) =>
      defer(ask).pipe(
        repeat({ delay: () => timer(interval) }),
        retry({ delay: (_, nth) => timer(2 ** nth * 1000), resetOnSuccess: true }),
      ),
    ),
  'rx-polling': (url) => rxPolling(url),
  '@azure/core-lro': (url) => each(byUrl(url), longRunningOperation),
  'replicate.wait (global fetch)': (url) => {
    const replicate = new Replicate({ auth: KEY, baseUrl: url });
    return ({ ids, interval }) => Promise.all(ids.map((id) => replicate.wait({ id } as Prediction, { interval })));
  },
  'fal queue.subscribeToStatus (global fetch)': (url) => {
    const fal = createFalClient({
      credentials: KEY,
      requestMiddleware: (asked) => Promise.resolve({ ...asked, url: asked.url.replace('https://queue.fal.run', url) }),
    });
    return ({ ids, interval }) =>
      Promise.all(
        ids.map((requestId) =>
          fal.queue.subscribeToStatus('owner/app', { requestId, mode: 'polling', pollInterval: interval }),
        ),
      );
  },
};

/** Asks once: whether the task is done. */
type Ask = (path: string) => Promise<boolean>;

const HEADERS = { accept: 'application/json', 'accept-language': 'en', authorization: `Bearer ${KEY}` };
const KEPT = { connections: CONNECTIONS, keepAliveTimeout: 90_000, keepAliveMaxTimeout: 90_000 };

function byUrl(url: string): Ask {
  const dispatcher = new Agent(KEPT);
  return async (path) => {
    const { body } = await request(url + path, { dispatcher, headers: HEADERS });
    return isDone(await body.json());
  };
}

function byPath(url: string): Ask {
  const pool = new Pool(url, KEPT);
  return async (path) => {
    const { body } = await pool.request({ path, method: 'GET', headers: HEADERS });
    return isDone(await body.json());
  };
}

function isDone(reply: unknown): boolean {
  const { status, data } = reply as { status?: string; data?: { status: string } };
  return status === 'completed' || data?.status === 'SUCCESS';
}

function pathOf(id: string, index: number): string {
  return index % 2 === 0 ? `/v1/result/${id}` : `/v1/video/generations/${id}`;
}

function each(ask: Ask, poll: (ask: () => Promise<boolean>, interval: number) => Promise<unknown>): Contestant {
  return ({ ids, interval }) =>
    Promise.all(
      ids.map((id, index) => {
        const path = pathOf(id, index);
        return poll(() => ask(path), interval);
      }),
    );
}

function loops(ask: Ask): Contestant {
  return each(ask, async (askOnce, interval) => {
    while (!(await askOnce())) await new Promise((resolve) => setTimeout(resolve, interval));
  });
}

function eachStream(
  ask: Ask,
  stream: (ask: () => Promise<boolean>, interval: number) => Observable<boolean>,
): Contestant {
  return each(ask, (askOnce, interval) =>
    lastValueFrom(stream(askOnce, interval).pipe(takeWhile((done) => !done, true))),
  );
}

function ours(url: string): Contestant {
  const options = { apiKey: KEY, baseUrl: url };
  const transport = undiciTransport({ connections: CONNECTIONS });
  const gate = createGate({ maxInFlight: CONNECTIONS, requestsPerMinute: Infinity });
  return ({ ids, interval }) => {
    const tracker = createTracker({
      provider: [mingyan(options), alad(options)],
      transport,
      gate,
      windows: { '*': { min: 0.9 * interval, max: 1.1 * interval, floor: interval / 2 } },
      minInterval: interval / 2,
    });
    return Promise.all(
      ids.map((id, index) => {
        const provider = index % 2 === 0 ? 'mingyan' : 'alad';
        return new Promise<void>((resolve, reject) => {
          tracker.track({ id, provider }).subscribe({ error: reject, complete: resolve });
        });
      }),
    );
  };
}

function waiter(ask: () => Promise<boolean>, interval: number): Promise<unknown> {
  const delay = interval / 1000;
  return createWaiter(
    { client: {}, maxWaitTime: 600, minDelay: delay, maxDelay: delay },
    ask,
    async (_client, input) => ({
      state: (await input()) ? WaiterState.SUCCESS : WaiterState.RETRY,
    }),
  );
}

function longRunningOperation(ask: () => Promise<boolean>, intervalInMs: number): Promise<unknown> {
  const send = { method: 'GET', url: '/' };
  const headers = { 'operation-location': '/' };
  const response = (statusCode: number, status: string) => ({
    flatResponse: {},
    rawResponse: { statusCode, request: send, headers, body: { status } },
  });
  const poller = createHttpPoller(
    {
      sendInitialRequest: () => Promise.resolve(response(202, 'Running')),
      sendPollRequest: async () => response(200, (await ask()) ? 'Succeeded' : 'Running'),
    },
    { intervalInMs },
  );
  return poller.pollUntilDone();
}

async function loadRxPolling() {
  // It listens to the visibility of a page, once for each task.
  const document = new EventTarget();
  setMaxListeners(0, document);
  Object.assign(globalThis, { document });
  const { default: module } = await import('rx-polling');
  return typeof module === 'function' ? module : (module as { default: typeof module }).default;
}

function rxPolling(url: string): Contestant {
  const loaded = loadRxPolling();
  const ask = byUrl(url);
  return async (work) => {
    const polling = await loaded;
    const poll = eachStream(ask, (askOnce, interval) => polling(defer(askOnce), { interval, backgroundPolling: true }));
    return poll(work);
  };
}
