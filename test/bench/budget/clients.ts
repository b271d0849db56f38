import { defer, map, repeat, retry, takeWhile, throwError, timer, type Observable } from 'rxjs';
import {
  createGate,
  createTracker,
  mingyan,
  resultWindows,
  windowOf,
  type Gate,
  type Transport,
  type TransportReply,
} from 'rx-video-tasks';

export const MODEL = 'seedance_1_5_pro_720p';
const KEY = 'benchmark-key';
const URL = 'https://gateway.example';

/** Tracks one task of many that share a key; the clock is that of the simulation. Errors when the task is given up. */
export type Client = (id: string, createdAt: number) => Observable<unknown>;

/** Makes a client for a key that allows so many requests a minute. */
export type ClientMaker = (transport: Transport, requestsPerMinute: number, random: () => number) => Client;

/** Each task waits anywhere in the window, and tries again by itself when it is throttled. */
function alone(tries: number): ClientMaker {
  const { min, max } = windowOf(resultWindows, MODEL);
  return (transport, _limit, random) => (id) =>
    defer(() => transport({ url: `/v1/result/${id}`, headers: {} })).pipe(
      map((reply) => {
        if (reply.status === 429) throw new Error('throttled');
        return isDone(reply);
      }),
      retry({
        delay: (error, nth) =>
          nth > tries ? throwError(() => error as Error) : timer(random() * Math.min(120_000, 2_000 * 2 ** nth)),
        resetOnSuccess: true,
      }),
      repeat({ delay: () => timer(min + random() * (max - min)) }),
      takeWhile((done) => !done, true),
    );
}

function isDone({ body }: TransportReply): boolean {
  return (JSON.parse(body) as { status: string }).status === 'completed';
}

/** A tracker, as shipped. */
function tracked(gateOf: (requestsPerMinute: number) => Gate): ClientMaker {
  return (transport, limit, random) => {
    const provider = mingyan({ apiKey: KEY, baseUrl: URL });
    const tracker = createTracker({ provider, transport, gate: gateOf(limit), random });
    return (id, createdAt) => tracker.track({ id, model: MODEL, createdAt });
  };
}

const firstInFirstOut = (gate: Gate): Gate => ({
  admit: ({ origin, key }, request) => gate.admit({ origin, key }, request),
});

export const clients: Readonly<Record<string, ClientMaker>> = {
  'each task retries alone, 5 tries': alone(5),
  'each task retries for ever': alone(Infinity),
  'tracker, gate first in, first out': tracked((requestsPerMinute) =>
    firstInFirstOut(createGate({ requestsPerMinute })),
  ),
  'tracker, gate as shipped': tracked((requestsPerMinute) => createGate({ requestsPerMinute })),
  'tracker, gate as shipped, limit not declared': tracked(() => createGate()),
};

export const FIRST_IN_FIRST_OUT = 'tracker, gate first in, first out';
