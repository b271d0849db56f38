import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import {
  EMPTY,
  filter,
  firstValueFrom,
  from,
  lastValueFrom,
  of,
  tap,
  throwError,
  timer,
  toArray,
  type Observable,
} from 'rxjs';
import {
  alad,
  createTracker,
  memoryJournal,
  TrackingError,
  type TrackedTask,
  type TrackingErrorReason,
} from 'rx-video-tasks';
import { SaveError, saveVideo } from 'rx-video-tasks/node';
import {
  cancelledTask,
  failedTask,
  lostTask,
  processingTask,
  queuedTask,
  scriptedTransport,
} from 'rx-video-tasks/testing';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Dispatcher } from 'undici';
import { temporaryFolder } from '../children.js';
import { failureOf, RETRY, saving, serving, task } from './saving.js';
import { mp4, send, sha256 } from './video-server.js';

const FILE = mp4(50_000);

const bareReason = Object.assign(Object.create(null) as object, { message: 'the journal is closed' });

const lostFor = (reason: TrackingErrorReason) =>
  lostTask({ id: reason, error: new TrackingError(reason, 'lost', { id: reason, provider: 'scripted', misses: 0 }) });

async function server() {
  return serving((request, response) => {
    if (request.url === '/bad') response.end('<html>');
    else send(request, response, FILE);
  });
}

describe('ack', () => {
  test('acknowledges saved, failed, cancelled and expired tasks after they are emitted, and nothing else', async () => {
    const { host, url, directory } = await server();
    const good = task(url, 'good');
    const ends = [failedTask({ id: 'f' }), cancelledTask({ id: 'c' }), lostFor('expired')];
    const open = [
      queuedTask(),
      processingTask(),
      ...(['query', 'deadline', 'no-video', 'journal'] as const).map(lostFor),
    ];
    const all: TrackedTask[] = [...open, ...ends, task(`http://${host}/bad`, 'bad'), good];
    const log: string[] = [];
    const acknowledged: TrackedTask[] = [];
    const ack = (one: TrackedTask) => {
      log.push(`ack ${one.id}`);
      acknowledged.push(one);
      return EMPTY;
    };
    const note = tap<{ status: string; id: string }>((event) => log.push(`${event.status} ${event.id}`));
    await lastValueFrom(from(all).pipe(saveVideo({ directory, allowHosts: [host], ack }), note));
    expect(new Set(acknowledged)).toEqual(new Set([...ends, good]));
    expect(acknowledged).toHaveLength(4);
    const order = ['failed f', 'ack f', 'cancelled c', 'ack c', 'lost expired', 'ack expired'];
    expect(log.filter((line) => order.includes(line))).toEqual(order);
    expect(log.slice(log.indexOf('saved good'))).toContain('ack good');
    expect(log).toContain('save-failed bad');
  });

  test('W11 a key that was revoked loses no video: with a good one, the next start saves it', async () => {
    const { host, url, directory } = await server();
    const journal = memoryJournal();
    const run = async (apiKey: string, script: Parameters<typeof scriptedTransport>[0]) => {
      const { transport } = scriptedTransport(script, { latency: 0 });
      const provider = alad({ apiKey });
      const tracker = createTracker({ provider, transport, journal });
      const manual = { ack: 'manual' } as const;
      const options = { directory, allowHosts: [host], ack: (one: TrackedTask) => tracker.ack(one) };
      const known = journal.entries().length > 0;
      const task$ = known ? tracker.resume(manual) : tracker.trackAll(['asyntask_x'], manual);
      const events = await lastValueFrom(task$.pipe(saveVideo(options), toArray()));
      tracker.close();
      return events.at(-1);
    };
    const lost = await run('revoked-0123456789', ['unauthorized']);
    expect(lost).toMatchObject({ status: 'lost', error: { reason: 'query' } });
    const saved = await run('good-0123456789', [{ status: 'completed', video: { url } }]);
    expect(saved).toMatchObject({ status: 'saved', id: 'asyntask_x' });
    expect(await run('good-0123456789', ['unauthorized'])).toBeUndefined();
  });

  test.each<[string, (url: string) => TrackedTask, string]>([
    ['saved', (url) => task(url), 'saved'],
    ['failed', () => failedTask({ id: 'task' }), 'failed'],
  ])('a subscriber that leaves at %s aborts no acknowledgement', async (_what, taskAt, status) => {
    const { host, url, directory } = await server();
    const log: string[] = [];
    const ack = () => timer(20).pipe(tap(() => log.push('durable')));
    await firstValueFrom(
      of(taskAt(url)).pipe(
        saveVideo({ directory, allowHosts: [host], ack }),
        filter((event) => event.status === status),
        tap((event) => log.push(event.status)),
      ),
    );
    await vi.waitFor(() => {
      expect(log).toEqual([status, 'durable']);
    });
  });

  test('the stream completes when the acknowledgements have', async () => {
    const { host, url, directory } = await server();
    let isDurable = false;
    const ack = () => timer(50).pipe(tap(() => (isDurable = true)));
    const all = await lastValueFrom(of(task(url)).pipe(saveVideo({ directory, allowHosts: [host], ack }), toArray()));
    expect(isDurable).toBe(true);
    expect(all.at(-1)?.status).toBe('saved');
  });

  test.each<[string, () => Observable<never>]>([
    ['errors', () => throwError(() => new Error('the journal is closed'))],
    [
      'throws',
      () => {
        throw new Error('the journal is closed');
      },
    ],
    // eslint-disable-next-line rxjs-x/throw-error -- what a journal of the user's own may do
    ['errors with no Error', () => throwError(() => bareReason)],
  ])('one that %s is a process warning, and ends no stream', async (_what, ack) => {
    const { host, url, directory } = await server();
    const warned = once(process, 'warning') as Promise<[Error & { code: string }]>;
    const tasks = [failedTask({ id: 'f' }), task(url)];
    const end = await lastValueFrom(from(tasks).pipe(saveVideo({ directory, allowHosts: [host], ack })));
    expect(end.status).toBe('saved');
    const [{ code, message }] = await warned;
    expect(code).toBe('RX_VIDEO_TASKS_ACK');
    expect(message).toMatch(/^scripted task f could not be acknowledged and comes again .*: the journal is closed$/);
  });
});

describe('watching', () => {
  test('rx-video-tasks:saved names what was saved, and no URL', async () => {
    const messages: unknown[] = [];
    const listen = (message: unknown) => messages.push(message);
    subscribe('rx-video-tasks:saved', listen);
    onTestFinished(() => void unsubscribe('rx-video-tasks:saved', listen));
    const { host, url, directory } = await server();
    await saving(`http://${host}/bad`, { directory }, 'bad');
    await saving(url, { directory }, 'good');
    expect(messages).toEqual([
      {
        ...{ provider: 'scripted', id: 'good', bytes: FILE.length, sha256: sha256(FILE) },
        durationMs: expect.any(Number) as number,
      },
    ]);
  });

  test('a SaveError as JSON has its message, and its cause without secrets', async () => {
    const { host, directory } = await server();
    const error = failureOf((await saving(`http://${host}/bad`, { directory })).end);
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'SaveError',
      kind: 'not-a-video',
      message: 'scripted task task: the reply is no complete MP4: it ends in the middle of a box',
    });
    const cause = Object.assign(new Error('PUT https://store.example/v?X-Signature=abc failed'), {
      code: 'E',
      key: 'k',
    });
    expect(JSON.parse(JSON.stringify(new SaveError('storage', 'no', { cause })))).toEqual({
      ...{ name: 'SaveError', kind: 'storage', message: 'no' },
      cause: { name: 'Error', message: 'PUT https://store.example/v?… failed', code: 'E' },
    });
  });

  test.each<[unknown, string]>([
    [undefined, 'undefined'],
    ['PUT https://store.example/v?X-Signature=abc failed', 'PUT https://store.example/v?… failed'],
    [{ code: 500 }, '[object Object]'],
    [Object.create(null), '[object Object]'],
    [{ message: 'no such bucket' }, 'no such bucket'],
  ])('a sink that rejects with no Error, %o, is storage, at the first attempt', async (reason, message) => {
    const { host, url, requests } = await server();
    let attempts = 0;
    const begin = () => {
      attempts++;
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what sinks may do
      return Promise.reject(reason);
    };
    const events = of(task(url)).pipe(saveVideo({ sink: { begin }, allowHosts: [host], retry: RETRY }));
    expect(failureOf((await lastValueFrom(events)) as never)).toMatchObject({ kind: 'storage', message });
    expect([attempts, requests.length]).toEqual([1, 0]);
  });

  test('a query for a fresh URL that rejects with no Error is an expired URL', async () => {
    const { url, directory } = await serving((_, response) => response.writeHead(403).end());
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what a caller's query may do
    const query = () => Promise.reject(undefined);
    const error = failureOf((await saving(url, { directory, query })).end);
    expect(error).toMatchObject({
      kind: 'expired',
      message: expect.stringMatching(/the query failed: undefined$/) as string,
    });
  });

  test('a dispatcher that throws no Error is named as the reason', async () => {
    const dispatcher = {
      dispatch() {
        // eslint-disable-next-line @typescript-eslint/only-throw-error -- what a dispatcher may do
        throw 'no proxy';
      },
    } as unknown as Dispatcher;
    const options = { directory: temporaryFolder(), dispatcher, retry: { count: 1, delay: 0 } };
    const error = failureOf((await saving('http://127.0.0.1:1/v.mp4', options)).end);
    expect(error).toMatchObject({ kind: 'network', message: expect.stringMatching(/; the last: no proxy$/) as string });
  });

  test('what a sink throws, even at once, is storage, without URL queries', async () => {
    const { host, url } = await server();
    const begin = () => {
      throw new Error('PUT https://store.example/v?X-Signature=abc failed');
    };
    const events = of(task(url)).pipe(saveVideo({ sink: { begin }, allowHosts: [host] }));
    const error = failureOf((await lastValueFrom(events)) as never);
    expect(error).toMatchObject({ kind: 'storage', message: 'PUT https://store.example/v?… failed' });
  });
});
