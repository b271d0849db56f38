import { asyncScheduler, defer, map, repeat, retry, takeWhile, throwError, timer, type Observable } from 'rxjs';
import {
  createGate,
  createTracker,
  isTerminal,
  mingyan,
  pollUntilTerminal,
  resultWindows,
  windowOf,
  withModelInterval,
  type Gate,
  type Task,
  type Transport,
  type TransportReply,
} from 'rx-video-tasks';
import { timeUnseen } from './urgency.js';

export const MODEL = 'seedance_1_5_pro_720p';
const KEY = 'benchmark-key';
const URL = 'https://gateway.example';

/** Follows one task of many that share a key; the clock is that of the simulation. Errors when the task is given up. */
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

/** The shipped gate and operators, with an urgency that is told from outside. */
const urgent: ClientMaker = (transport, requestsPerMinute, random) => {
  const gate = createGate({ requestsPerMinute });
  const unseen = timeUnseen(resultWindows, MODEL);
  const pace = withModelInterval<Task>(resultWindows, { random });
  const poll = pollUntilTerminal<Task>({ random });
  const ask = askOf(transport);
  return (id, createdAt) => {
    let seenAt = 0;
    const age = () => asyncScheduler.now() - createdAt;
    const query = ask(id).pipe(
      map((task) => {
        seenAt = age();
        return task;
      }),
    );
    const urgency = () => unseen(age(), seenAt);
    return defer(() => gate.admit({ origin: URL, key: KEY, urgency }, query)).pipe(
      pace,
      poll,
      takeWhile((task) => !isTerminal(task), true),
    );
  };
};

/** The waist without its own gate. */
function askOf(transport: Transport): (id: string) => Observable<Task> {
  const open: Gate = { admit: (_ticket, request) => request };
  const provider = mingyan({ apiKey: KEY, baseUrl: URL });
  return createTracker({ provider, transport, gate: open }).query;
}

export const clients: Readonly<Record<string, ClientMaker>> = {
  'each task retries alone, 5 tries': alone(5),
  'each task retries for ever': alone(Infinity),
  'tracker, gate first in, first out': tracked((requestsPerMinute) =>
    firstInFirstOut(createGate({ requestsPerMinute })),
  ),
  'tracker, gate as shipped': tracked((requestsPerMinute) => createGate({ requestsPerMinute })),
  'tracker, gate as shipped, limit not told': tracked(() => createGate()),
  'operators, gate with the longest unseen first': urgent,
};

export const FIRST_IN_FIRST_OUT = 'tracker, gate first in, first out';
