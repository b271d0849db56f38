import { subscribe, tracingChannel, unsubscribe } from 'node:diagnostics_channel';
import { AsyncLocalStorage } from 'node:async_hooks';
import { inspect } from 'node:util';
import { NEVER, Observable, of } from 'rxjs';
import { afterEach, expect, test, vi } from 'vitest';
import {
  createGate,
  createQuery,
  createTracker,
  defineProvider,
  resultWindows,
  resultWire,
  xingchaoyiqing,
  type DiagnosticsMessages,
  type QueryTraceMessage,
  type TrackerOptions,
} from 'rx-video-tasks';
import { resultReply, scriptedTransport } from 'rx-video-tasks/testing';
import { marbles } from '../marbles.js';

const KEY = 'secret-0123456789';
const provider = xingchaoyiqing({ apiKey: KEY });

type Received = { [Name in keyof DiagnosticsMessages]: [name: Name, message: DiagnosticsMessages[Name]] };

const endings: (() => void)[] = [];
afterEach(() => {
  for (const end of endings.splice(0)) end();
});

/** What the channels of these names receive, in order. */
function received<Name extends keyof DiagnosticsMessages>(...names: Name[]): Received[Name][] {
  const messages: Received[Name][] = [];
  for (const name of names) {
    const listener = (message: unknown) => messages.push([name, message] as Received[Name]);
    subscribe(name, listener);
    endings.push(() => {
      unsubscribe(name, listener);
    });
  }
  return messages;
}

/** The events of the queries; each message as it is at that moment. */
function tracedQueries() {
  const events: [event: string, message: QueryTraceMessage][] = [];
  const note = (event: string) => (message: unknown) => {
    events.push([event, { ...(message as QueryTraceMessage) }]);
  };
  const channel = tracingChannel('rx-video-tasks:query');
  const subscribers = {
    ...{ start: note('start'), end: note('end'), error: note('error') },
    ...{ asyncStart: note('asyncStart'), asyncEnd: note('asyncEnd') },
  };
  channel.subscribe(subscribers);
  endings.push(() => {
    channel.unsubscribe(subscribers);
  });
  return events;
}

function tracked(script: Parameters<typeof scriptedTransport>[0], options: Partial<TrackerOptions> = {}): void {
  marbles((m) => {
    const { transport } = scriptedTransport(script);
    const tracker = createTracker({ provider, transport, gate: createGate(), ...options });
    for (const id of Object.keys(script)) tracker.track(id).subscribe({ error: () => 0 });
    m.flush();
  })();
}

const secret = { status: 403, headers: {}, body: JSON.stringify({ error: { message: `${KEY} may not` } }) };

test('missed polls and lost tasks are published, without secrets', () => {
  const messages = received('rx-video-tasks:miss', 'rx-video-tasks:lost');
  const misses: number[] = [];
  tracked({ v: ['u', 'network', secret] }, { onMiss: (miss) => misses.push(miss.misses) });
  expect(messages).toMatchObject([
    ['rx-video-tasks:miss', { provider: 'xingchaoyiqing', id: 'v', kind: 'network', misses: 1 }],
    ['rx-video-tasks:lost', { provider: 'xingchaoyiqing', id: 'v', error: { reason: 'query' } }],
  ]);
  expect(Object.keys(messages[0]?.[1] ?? {})).not.toContain('last');
  expect(inspect(messages, { depth: 10, showHidden: true })).not.toContain(KEY.slice(0, 8));
  expect(misses).toEqual([1]);
});

test('transitions are published, and the end of a task with its times and its requests', () => {
  const messages = received('rx-video-tasks:transition', 'rx-video-tasks:settled');
  const done = {
    id: 'v',
    status: 'completed',
    model: 'veo_3_1',
    video: { url: 'https://cdn.example/v.mp4?sign=1' },
  } as const;
  const createdAt = -100_000;
  tracked({ v: ['q', 'network', 'p', 'p', { ...done, createdAt, finishedAt: 0 }] as never }, { onMiss: () => 0 });
  const names = { provider: 'xingchaoyiqing', id: 'v' };
  expect(messages.map(([name, message]) => [name.slice('rx-video-tasks:'.length), message])).toMatchObject([
    ['transition', { ...names, status: 'queued', seq: 1 }],
    ['transition', { ...names, status: 'processing', seq: 2 }],
    ['transition', { ...names, status: 'completed', seq: 3 }],
    ['settled', { ...names, status: 'completed', requests: 5 }],
  ]);
  expect(inspect(messages, { depth: 10, showHidden: true })).not.toMatch(/https?:|sign=/);
});

test('what is lost is settled, with the reason', () => {
  const messages = received('rx-video-tasks:settled');
  tracked({ v: ['q', secret] });
  expect(messages.map(([, message]) => message)).toEqual([
    {
      provider: 'xingchaoyiqing',
      id: 'v',
      status: 'lost',
      reason: 'query',
      model: 'seedance_1_5_pro_720p',
      requests: 2,
    },
  ]);
});

test('generation time and detection delay are published where the service gives the times', () => {
  const messages = received('rx-video-tasks:settled');
  const seconds = Math.floor(Date.now() / 1000);
  const reply = (fields: object) =>
    of({
      status: 200,
      headers: {},
      body: JSON.stringify({ id: 'v', status: 'completed', video_url: 'https://cdn.example/v', ...fields }),
    });
  const track = (fields: object) =>
    createTracker({ provider, transport: () => reply(fields), gate: createGate() })
      .track('v')
      .subscribe();
  track({ created_at: seconds - 100, completed_at: seconds - 10 });
  track({});
  const [known, unknown] = messages.map(([, message]) => message);
  expect(known?.generationMs).toBe(90_000);
  expect(known?.detectionDelayMs).toBeGreaterThanOrEqual(10_000);
  expect(known?.detectionDelayMs).toBeLessThan(30_000);
  expect(unknown).toMatchObject({ generationMs: undefined, detectionDelayMs: undefined });
});

test('queries are traced from start to end, with the kind of what came', () => {
  const events = tracedQueries();
  tracked({ v: ['q', 'server', 's'] }, { onMiss: () => 0 });
  const outlined = events.map(([event, { kind, status, httpStatus, error }]) =>
    [event, kind, status, httpStatus, error?.name].filter((field) => field !== undefined).join(' '),
  );
  const answer = (status: string) => [
    ...['start', 'end', `asyncStart answer ${status} 200`, `asyncEnd answer ${status} 200`],
  ];
  expect(outlined).toEqual([
    ...answer('queued'),
    ...[
      'start',
      'end',
      'error server 500 QueryError',
      'asyncStart server 500 QueryError',
      'asyncEnd server 500 QueryError',
    ],
    ...answer('completed'),
  ]);
  for (const [, message] of events) {
    expect(message).toMatchObject({ provider: 'xingchaoyiqing', id: 'v', url: `${provider.baseUrl}/v1/result/v` });
  }
  expect(events.filter(([, { durationMs = -1 }]) => durationMs >= 0)).toHaveLength(7);
});

test('a query that is unsubscribed from ends as aborted, once', () => {
  const events = tracedQueries();
  const query = createQuery({ provider, transport: () => NEVER, gate: createGate() });
  query('v').subscribe().unsubscribe();
  expect(events.map(([event, { kind }]) => [event, kind])).toEqual([
    ['start', undefined],
    ['end', undefined],
    ['asyncStart', 'aborted'],
    ['asyncEnd', 'aborted'],
  ]);
});

test('the request is sent in the context that a subscriber binds to start', () => {
  tracedQueries();
  const storage = new AsyncLocalStorage<string>();
  const { start } = tracingChannel('rx-video-tasks:query');
  start.bindStore(storage, (message) => (message as QueryTraceMessage).id);
  endings.push(() => start.unbindStore(storage));
  const stores: unknown[] = [];
  const transport = () =>
    new Observable<never>(() => {
      stores.push(storage.getStore());
    });
  createQuery({ provider, transport, gate: createGate() })('v').subscribe().unsubscribe();
  expect(stores).toEqual(['v']);
});

test('no trace contains a key, the query of a URL or the body of a reply', () => {
  const events = tracedQueries();
  const wire = { ...resultWire, path: (id: string) => `/v1/result/${id}?token=${KEY}` };
  const acme = defineProvider({ name: 'acme', baseUrl: 'https://acme.example', wire, windows: resultWindows });
  const replies = [resultReply({ id: 'v', status: 'completed', video: { url: 'https://cdn.example/?s=1' } }), secret];
  for (const reply of replies) {
    const query = createQuery({ provider: acme({ apiKey: KEY }), transport: () => of(reply), gate: createGate() });
    query('v').subscribe({ error: () => 0 });
  }
  const shown = inspect(events, { depth: 10, showHidden: true });
  expect(events).toHaveLength(9);
  expect(shown).toContain("url: 'https://acme.example/v1/result/v'");
  expect(shown).not.toContain(KEY.slice(0, 8));
  expect(shown).not.toContain('cdn.example');
});

test('without subscribers nothing is built', () => {
  const define = vi.spyOn(Object, 'assign');
  tracked({ v: ['q', 's'] });
  const isMessage = ([target]: unknown[]) => Object(target) === target && 'url' in (target as object);
  expect(define.mock.calls.filter(isMessage)).toEqual([]);
  define.mockRestore();
});
