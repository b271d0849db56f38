import { defer, delay, of } from 'rxjs';
import { describe, expect, test, vi } from 'vitest';
import { alad, createGate, createTracker, TrackingError } from 'rx-video-tasks';
import { GrantError, isGrantError, relayHandler, type RelayGrant, type RelayOptions } from 'rx-video-tasks/relay';
import {
  completedTask,
  failedTask,
  generationsReply,
  processingTask,
  queuedTask,
  unknownTask,
} from 'rx-video-tasks/testing';
import { brief, eventsOf, take } from './events.js';
import { fakeTracker } from './fake-tracker.js';

const URL_OF = (...ids: string[]) =>
  `https://app.test/tasks?${ids.map((id) => `id=${encodeURIComponent(id)}`).join('&')}`;

/** A relay that grants public id `x` the task `task-x`, and what starts with `no` to nobody. */
function relayOver(options: Partial<RelayOptions> = {}) {
  const tracker = fakeTracker();
  const authorize = (_request: Request, ids: readonly string[]): RelayGrant => ({
    subject: 'a user',
    refs: ids.map((id) => (id.startsWith('no') ? undefined : `task-${id}`)),
  });
  const relay = relayHandler({ tracker, authorize, ...options });
  const get = (ids: string[], lastEventId?: string) =>
    relay(new Request(URL_OF(...ids), lastEventId === undefined ? {} : { headers: { 'last-event-id': lastEventId } }));
  return { tracker, relay, get };
}

describe('what is sent', () => {
  test('the last transition to a new client, then what comes, then the end', async () => {
    const { tracker, get } = relayOver();
    tracker.emit(queuedTask({ id: 'task-a' }));
    tracker.emit(processingTask({ id: 'task-a', progress: 5 }));
    const response = await get(['a']);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
    });
    tracker.emit(processingTask({ id: 'task-a', progress: 50 }));
    tracker.emit(completedTask({ id: 'task-a' }));
    const events = await take(eventsOf(response));
    expect(events.map(brief)).toEqual(['a processing 2', 'a processing 3', 'a completed 4']);
    expect(new Set(events.map(({ id }) => id)).size).toBe(3);
    expect(tracker.subscriptions).toBe(0);
  });

  test('nothing but what is listed: no id of the service, no raw word or text, no trace id, no usage, no URL', async () => {
    const { tracker, get } = relayOver();
    const secrets = { requestId: 'TRACE', pollAfter: 77_777, rawStatus: 'RAWWORD' };
    const done = completedTask({
      id: 'task-a',
      model: 'veo_3_1',
      createdAt: 1,
      startedAt: 2,
      finishedAt: 3,
      usage: { totalTokens: 98_765 },
      video: { url: 'https://cdn.test/v.mp4?sign=SIGNED', seed: 55_555 },
      ...secrets,
    });
    Object.defineProperty(done, 'raw', { value: 'RAWTEXT' });
    const response = await get(['a']);
    tracker.emit(unknownTask({ id: 'task-a', progress: 3, ...secrets }));
    tracker.emit(done);
    const events = await take(eventsOf(response));
    expect(events[1]?.task).toStrictEqual({
      id: 'a',
      provider: 'scripted',
      status: 'completed',
      seq: 2,
      model: 'veo_3_1',
      createdAt: 1,
      startedAt: 2,
      finishedAt: 3,
      observedAt: 2000,
    });
    expect(JSON.stringify(events)).not.toMatch(/task-a|RAW|TRACE|77777|98765|SIGNED|55555/);
  });

  test('the reason of a failed task, without the id and the URLs it may hold', async () => {
    const { tracker, get } = relayOver();
    const message = 'task-a refused: see https://cdn.test/log?sign=SIGNED';
    tracker.emit(failedTask({ id: 'task-a', failure: { kind: 'policy', code: 'E77', message } }));
    const [event] = await take(eventsOf(await get(['a'])));
    expect(event?.task.failure).toStrictEqual({
      kind: 'policy',
      message: 'a refused: see https://cdn.test/log?…',
    });
  });

  test('no id of the service in the reason of a failed task, nor its trace id, whatever the public id holds', async () => {
    const { tracker, get } = relayOver({ authorize: () => ({ subject: 's', refs: ['task-a'] }) });
    const message = 'task-a refused (request id: TRACE-1234)';
    tracker.emit(failedTask({ id: 'task-a', requestId: 'TRACE-1234', failure: { kind: 'policy', message } }));
    const [event] = await take(eventsOf(await get(['$&'])));
    expect(event?.task.failure?.message).toBe('$& refused (request id: …)');
  });

  test('a videoUrl that throws ends the stream of that client, and no other client misses anything', async () => {
    const videoUrl = (_task: unknown, id: string) => {
      if (id === 'bad') throw new Error('no URL');
      return `/videos/${id}`;
    };
    const authorize = () => ({ subject: 's', refs: ['task-a'] });
    const { tracker, get } = relayOver({ videoUrl, authorize });
    const [bad, good] = [await get(['bad']), await get(['good'])];
    tracker.emit(completedTask({ id: 'task-a' }));
    await expect(take(eventsOf(bad))).rejects.toThrow();
    expect((await take(eventsOf(good))).map(brief)).toEqual(['good completed 1']);
    expect(tracker.subscriptions).toBe(0);
    await expect(get(['bad'])).rejects.toThrow('no URL');
  });

  test('the URL if the application says so: the own one, or one that it makes', async () => {
    const video = { url: 'https://cdn.test/v.mp4', expiresAt: 9 };
    for (const [videoUrl, expected] of [
      [true, video],
      [false, undefined],
      [(_task: unknown, id: string) => `/videos/${id}`, { url: '/videos/a' }],
      [() => undefined, undefined],
    ] as const) {
      const { tracker, get } = relayOver({ videoUrl });
      tracker.emit(completedTask({ id: 'task-a', video }));
      const [event] = await take(eventsOf(await get(['a'])));
      expect(event?.task.video).toStrictEqual(expected);
    }
  });

  test('a URL that wants the API key is never sent, but one of the application in its place is', async () => {
    const url = 'https://gateway.test/v1/videos/task-a/content';
    for (const [videoUrl, expected] of [
      [true, undefined],
      [({ video }: { video: { url: string } }) => video.url, undefined],
      [() => '/videos/a', { url: '/videos/a' }],
    ] as const) {
      const { tracker, get } = relayOver({ videoUrl });
      tracker.emit(completedTask({ id: 'task-a', video: { url, requiresKey: true, expiresAt: 9 } }));
      const [event] = await take(eventsOf(await get(['a'])));
      expect(event?.task.video).toStrictEqual(expected);
    }
  });

  test('a task that is lost ends alone, in words that name no id of the service', async () => {
    const { tracker, get } = relayOver();
    const response = await get(['a', 'b', 'c']);
    const last = processingTask({ id: 'task-a' });
    const cause = new Error('Bearer sk-secret');
    tracker.fail(
      'task-a',
      new TrackingError('deadline', 'task-a sk-secret', { id: 'task-a', provider: 'p', misses: 1, last, cause }),
    );
    tracker.fail('task-c', new Error('what onMiss threw about task-c'));
    tracker.emit(completedTask({ id: 'task-b' }));
    const events = await take(eventsOf(response));
    expect(events.map(brief)).toEqual(['a lost -', 'c lost -', 'b completed 1']);
    expect(events[0]).toStrictEqual({
      task: {
        id: 'a',
        provider: 'p',
        status: 'lost',
        observedAt: expect.any(Number) as number,
        error: {
          reason: 'deadline',
          message: expect.stringContaining('p task a: tracking ended [deadline]') as string,
        },
      },
    });
    expect(JSON.stringify(events)).not.toMatch(/task-|secret|threw/);
  });

  test('closing the tracker ends the stream', async () => {
    const { tracker, get } = relayOver();
    const response = await get(['a', 'b']);
    tracker.emit(queuedTask({ id: 'task-a' }));
    tracker.close();
    expect((await take(eventsOf(response))).map(brief)).toEqual(['a queued 1']);
  });
});

describe('coming back', () => {
  test('a stream of one task resumes after the last event that was received', async () => {
    const { tracker, get } = relayOver();
    const first = eventsOf(await get(['a']));
    for (const progress of [1, 2, 3, 4]) tracker.emit(processingTask({ id: 'task-a', progress }));
    const seen = await take(first, 2);
    await first.return(undefined);
    expect(tracker.subscriptions).toBe(0);
    const second = eventsOf(await get(['a'], seen.at(-1)?.id));
    tracker.emit(processingTask({ id: 'task-a', progress: 5 }));
    expect((await take(second, 3)).map(brief)).toEqual(['a processing 3', 'a processing 4', 'a processing 5']);
  });

  test('64 transitions are kept; an older event id gets the last one alone, as does one that the relay never sent', async () => {
    const { tracker, get } = relayOver();
    const keeper = eventsOf(await get(['a']));
    for (let progress = 1; progress <= 70; progress++) tracker.emit(processingTask({ id: 'task-a', progress }));
    const ids = (await take(keeper, 70)).map(({ id }) => id as string);
    const seqs = async (lastEventId: string, count: number) => {
      const events = eventsOf(await get(['a'], lastEventId));
      const taken = await take(events, count);
      await events.return(undefined);
      return taken.map(({ task }) => task.seq);
    };
    const [fifth = '', sixth = ''] = ids.slice(4, 6);
    expect(await seqs(sixth, 64)).toEqual(Array.from({ length: 64 }, (_, nth) => nth + 7));
    for (const strange of [
      fifth,
      '6',
      '0',
      '71',
      '-1',
      '1e1',
      'NaN',
      '',
      '68.abc',
      `${sixth}x`,
      '999999999999999999',
    ]) {
      expect(await seqs(strange, 1), strange).toEqual([70]);
    }
    await keeper.return(undefined);
    expect(tracker.subscriptions).toBe(0);
  });

  test('the end of a task is sent again for an event id of elsewhere, and not for its own', async () => {
    const { tracker, get } = relayOver();
    tracker.emit(completedTask({ id: 'task-a' }));
    const [end] = await take(eventsOf(await get(['a'], '1')));
    expect(end && brief(end)).toBe('a completed 1');
    expect((await get(['a'], end?.id)).status).toBe(204);
  });

  test('R5 at another replica, whose seq is another, every stream begins with the last transition of each task', async () => {
    const [here, there] = [relayOver(), relayOver()];
    for (const progress of [1, 2, 3]) here.tracker.emit(processingTask({ id: 'task-a', progress }));
    for (const progress of [2, 3, 4, 5]) there.tracker.emit(processingTask({ id: 'task-a', progress }));
    const first = eventsOf(await here.get(['a']));
    const [seen] = await take(first, 1);
    const second = eventsOf(await there.get(['a'], seen?.id));
    expect((await take(second, 1)).map(({ task }) => task.progress)).toEqual([5]);
    for (const one of [first, second]) await one.return(undefined);
  });

  test('a stream of several tasks goes on behind its cursor, task by task', async () => {
    const { tracker, get } = relayOver();
    const first = eventsOf(await get(['a', 'b']));
    tracker.emit(queuedTask({ id: 'task-a' }));
    tracker.emit(queuedTask({ id: 'task-b' }));
    tracker.emit(processingTask({ id: 'task-a' }));
    tracker.emit(processingTask({ id: 'task-b' }));
    const seen = await take(first, 2);
    await first.return(undefined);
    const again = async (ids: string[], cursor: string | undefined, count: number) => {
      const events = eventsOf(await get(ids, cursor));
      const taken = (await take(events, count)).map(brief);
      await events.return(undefined);
      return taken;
    };
    const cursor = seen.at(-1)?.id;
    const rest = ['a processing 2', 'b processing 2'];
    expect(await again(['a', 'b'], cursor, 2)).toEqual(rest);
    expect(await again(['b', 'a'], cursor, 2)).toEqual(rest);
    // A cursor of before: nothing is lost. Cursors of others, of other tasks, and forged ones: where each stands.
    expect(await again(['a', 'b'], seen[0]?.id, 3)).toEqual(['b queued 1', ...rest]);
    const [at, signature] = (cursor ?? '').split('.');
    for (const foreign of ['2', '1.x', `${Number(at) + 1}.${signature ?? ''}`, '', '.', `é${cursor ?? ''}`]) {
      expect(await again(['a', 'b'], foreign === '' ? undefined : encodeURI(foreign), 2), foreign).toEqual(rest);
    }
    expect(await again(['a', 'b', 'c'], cursor, 2)).toEqual(rest);
    tracker.emit(processingTask({ id: 'task-a', progress: 7 }));
    const { relay } = relayOver();
    const other = await relay(new Request(URL_OF('a', 'b'), { headers: { 'last-event-id': cursor ?? '' } }));
    expect(other.status).toBe(200);
    await other.body?.cancel();
  });

  test('a cursor is of its tasks: with another one beside them, that one is sent too', async () => {
    const { tracker, get } = relayOver();
    const keeper = await get(['a', 'c']);
    tracker.emit(queuedTask({ id: 'task-c' }));
    const first = eventsOf(await get(['a', 'b']));
    tracker.emit(queuedTask({ id: 'task-a' }));
    const [seen] = await take(first, 1);
    const second = eventsOf(await get(['a', 'c'], seen?.id));
    expect((await take(second, 2)).map(brief)).toEqual(['c queued 1', 'a queued 1']);
    for (const one of [first, second]) await one.return(undefined);
    await keeper.body?.cancel();
  });

  test('behind a cursor that is too old, a task is sent as its last transition, the others in full', async () => {
    const { tracker, get } = relayOver();
    const first = eventsOf(await get(['a', 'b']));
    tracker.emit(queuedTask({ id: 'task-b' }));
    const [seen] = await take(first, 1);
    for (let progress = 1; progress <= 65; progress++) tracker.emit(processingTask({ id: 'task-a', progress }));
    tracker.emit(processingTask({ id: 'task-b', progress: 1 }));
    tracker.emit(processingTask({ id: 'task-b', progress: 2 }));
    const second = eventsOf(await get(['a', 'b'], seen?.id));
    expect((await take(second, 3)).map(brief)).toEqual(['a processing 65', 'b processing 2', 'b processing 3']);
    for (const one of [first, second]) await one.return(undefined);
  });

  test('who leaves takes nothing from those who stay', async () => {
    const { tracker, get } = relayOver();
    const [first, second] = [eventsOf(await get(['a'])), eventsOf(await get(['a']))];
    tracker.emit(queuedTask({ id: 'task-a' }));
    await take(first, 1);
    await first.return(undefined);
    tracker.emit(completedTask({ id: 'task-a' }));
    expect((await take(second)).map(brief)).toEqual(['a queued 1', 'a completed 2']);
  });

  test('a client that has received the end of all tasks gets 204, and does not come back', async () => {
    const { tracker, get } = relayOver();
    tracker.emit(completedTask({ id: 'task-a' }));
    tracker.emit(completedTask({ id: 'task-b' }));
    const events = await take(eventsOf(await get(['a', 'b'])));
    const again = await get(['a', 'b'], events.at(-1)?.id);
    expect({ status: again.status, body: again.body }).toEqual({ status: 204, body: null });
    expect((await take(eventsOf(await get(['a', 'b'], events[0]?.id)))).map(brief)).toEqual(['b completed 1']);
  });

  test('after a video has expired, every client gets a fresh URL, as from the tracker itself; until then nothing is asked', async () => {
    vi.useFakeTimers();
    try {
      let asks = 0;
      const reply = () => ({
        id: 'task-a',
        status: 'completed' as const,
        video: { url: `https://cdn.test/${++asks}.mp4` },
      });
      const transport = () => defer(() => of(generationsReply(reply()))).pipe(delay(5));
      const tracker = createTracker({ provider: alad({ apiKey: 'k-12345678' }), gate: createGate(), transport });
      const { get } = relayOver({ tracker, videoUrl: true });
      const receive = async (lastEventId?: string) => {
        const events = take(eventsOf(await get(['a'], lastEventId)));
        await vi.advanceTimersByTimeAsync(60_000);
        return (await events).map(({ id, task }) => ({ id, url: task.video?.url }));
      };
      const [first] = await receive();
      expect([first, ...(await receive())]).toEqual([first, first]);
      expect((await get(['a'], first?.id)).status).toBe(204);
      expect(asks).toBe(1);
      const urls: unknown[] = [];
      for (const lastEventId of [undefined, first?.id]) {
        await vi.advanceTimersByTimeAsync(2 * 24 * 3_600_000);
        for (const { url } of [...(await receive(lastEventId)), ...(await receive())]) urls.push(url);
      }
      expect(urls).toEqual([2, 2, 3, 3].map((nth) => `https://cdn.test/${nth}.mp4`));
      expect(asks).toBe(3);
      tracker.close();
    } finally {
      vi.useRealTimers();
    }
  });

  test('of a task that has ended twice, a stream that resumes gets the later end alone', async () => {
    const { tracker, get } = relayOver();
    const first = eventsOf(await get(['a']));
    tracker.emit(processingTask({ id: 'task-a' }));
    const [seen] = await take(first, 1);
    tracker.emit(completedTask({ id: 'task-a' }));
    await take(first);
    tracker.emit(completedTask({ id: 'task-a' }));
    expect((await take(eventsOf(await get(['a'], seen?.id)))).map(brief)).toEqual(['a completed 3']);
  });

  test('what comes of a task that is asked about again reaches no stream to which its end was sent', async () => {
    const { tracker, get } = relayOver();
    const keeper = eventsOf(await get(['a', 'b']));
    tracker.emit(completedTask({ id: 'task-a' }));
    tracker.forget('task-a');
    const later = eventsOf(await get(['a']));
    tracker.fail('task-a', new TrackingError('expired', '', { id: 'task-a', provider: 'p', misses: 0 }));
    expect((await take(later)).map(brief)).toEqual(['a lost -']);
    tracker.emit(completedTask({ id: 'task-b' }));
    expect((await take(keeper)).map(brief)).toEqual(['a completed 1', 'b completed 1']);
    expect(tracker.subscriptions).toBe(0);
  });

  test('when tracking begins again, it is with the ref of the later grant', async () => {
    const refs = ['task-a', { id: 'task-a', model: 'veo_3', createdAt: 5 }, { id: 'task-a', model: 'veo_4' }];
    let grants = 0;
    const { tracker, get } = relayOver({ authorize: () => ({ subject: 'a user', refs: [refs[grants++]] }) });
    const first = await get(['a']);
    await first.body?.cancel();
    const [second, third] = [await get(['a']), await get(['a'])];
    for (const { body } of [second, third]) await body?.cancel();
    expect(tracker.asked).toEqual(refs.slice(0, 2));
  });

  test('a tracker that has forgotten the task and counts anew is accepted', async () => {
    const { tracker, get } = relayOver();
    const keeper = eventsOf(await get(['a']));
    for (const progress of [1, 2, 3]) tracker.emit(processingTask({ id: 'task-a', progress }));
    const seen = await take(keeper, 3);
    await keeper.return(undefined);
    tracker.forget();
    const events = eventsOf(await get(['a'], seen.at(-1)?.id));
    tracker.emit(queuedTask({ id: 'task-a' }));
    expect((await take(events, 1)).map(brief)).toEqual(['a queued 1']);
    await events.return(undefined);
  });
});

describe('who may', () => {
  test('authorize is asked before anything else, with the ids as sent, each once', async () => {
    const authorize = vi.fn(() => undefined);
    const { tracker, relay } = relayOver({ authorize });
    const request = new Request(URL_OF('a', 'b', 'a'));
    expect((await relay(request)).status).toBe(404);
    expect(authorize).toHaveBeenCalledExactlyOnceWith(request, ['a', 'b']);
    expect(tracker.asked).toEqual([]);
  });

  test('refs come from authorize alone', async () => {
    const refs = [{ id: 'service-id', provider: 'p', model: 'm' }];
    const { tracker, relay } = relayOver({ authorize: () => Promise.resolve({ subject: 's', refs }) });
    const response = await relay(
      new Request('https://app.test/tasks?id=a&provider=evil&model=evil&baseUrl=http://evil'),
    );
    expect(tracker.asked).toEqual(refs);
    await response.body?.cancel();
  });

  test('an id of several that is not granted is lost, and the others go on', async () => {
    const { tracker, get } = relayOver();
    tracker.emit(completedTask({ id: 'task-a' }));
    const events = await take(eventsOf(await get(['a', 'no-b'])));
    expect(events.map(brief)).toEqual(['a completed 1', 'no-b lost -']);
    expect(events[1]?.task.error).toEqual({ reason: 'query', message: 'there is no task no-b' });
    expect((await get(['no-b', 'no-c'])).status).toBe(404);
  });

  test('only GET', async () => {
    const { relay } = relayOver();
    for (const method of ['POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS']) {
      const response = await relay(new Request(URL_OF('a'), { method }));
      expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET']);
    }
  });

  test('an authorize that throws is a 503 without details', async () => {
    const { relay } = relayOver({ authorize: () => Promise.reject(new Error('database sk-secret')) });
    const response = await relay(new Request(URL_OF('a')));
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
    expect(await response.text()).not.toContain('secret');
  });

  test('a tracker that is closed is a 503 too, not a fault of authorize: the server is shutting down', async () => {
    const tracker = createTracker({ provider: alad({ apiKey: 'test-key-0123456789' }) });
    const { relay } = relayOver({ tracker });
    tracker.close();
    const response = await relay(new Request(URL_OF('a')));
    expect([response.status, response.headers.get('retry-after')]).toEqual([503, '5']);
  });

  test.each([[{ subject: 's', refs: [] }], [{ refs: ['x'] }], [true]])(
    'what is no grant is a fault of the application, with a class of its own: %o',
    async (grant) => {
      const { relay } = relayOver({ authorize: () => grant as never });
      const error = await relay(new Request(URL_OF('a'))).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(GrantError);
      expect(isGrantError(error)).toBe(true);
      expect(error).toMatchObject({
        name: 'GrantError',
        message: expect.stringContaining('for 1 ids is no grant; return undefined, or { subject, refs }') as string,
      });
    },
  );

  test('an authorize that throws what looks like a GrantError cannot tell either: 503', async () => {
    const { relay } = relayOver({ authorize: () => Promise.reject(new TypeError('authorize: no database')) });
    expect((await relay(new Request(URL_OF('a')))).status).toBe(503);
    expect([undefined, null, 'GrantError', new Error('authorize: x')].map(isGrantError)).toEqual(Array(4).fill(false));
  });

  test('a ref that names no task is a GrantError, and takes no place', async () => {
    const { relay, tracker } = relayOver({
      streams: 1,
      authorize: (_request, ids) => ({ subject: 's', refs: ids.map((id) => (id === 'bad' ? '' : id)) }),
    });
    const error = await relay(new Request(URL_OF('a', 'bad'))).catch((thrown: unknown) => thrown);
    expect(isGrantError(error) && error.message).toBe(
      'authorize: it returned a ref that the tracker refuses: id: it is empty',
    );
    expect(tracker.subscriptions).toBe(0);
    const response = await relay(new Request(URL_OF('a')));
    expect(response.status).toBe(200);
    await response.body?.cancel();
  });

  test('no page of another origin may read by default', async () => {
    const ask = (relay: (request: Request) => Promise<Response>, origin: string, method = 'GET') =>
      relay(new Request(URL_OF('no'), { method, headers: { origin } }));
    const closed = await ask(relayOver().relay, 'https://app.test');
    expect([...closed.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);

    const { relay } = relayOver({ cors: { origins: ['https://app.test'], headers: ['x-mine'], credentials: true } });
    const preflight = await ask(relay, 'https://app.test', 'OPTIONS');
    expect(preflight.status).toBe(204);
    expect(Object.fromEntries(preflight.headers)).toMatchObject({
      'access-control-allow-origin': 'https://app.test',
      'access-control-allow-headers': 'x-mine',
      'access-control-allow-credentials': 'true',
      vary: 'origin',
    });
    expect((await ask(relay, 'https://app.test')).headers.get('access-control-allow-origin')).toBe('https://app.test');
    expect((await ask(relay, 'https://evil.test')).headers.get('access-control-allow-origin')).toBeNull();
    expect((await ask(relay, 'https://evil.test', 'OPTIONS')).status).toBe(405);
  });
});

describe('an open stream is authorized again', () => {
  const grant = { subject: 's', refs: ['task-a'] };
  test.each<[string, RelayGrant | undefined | (() => Promise<undefined>)]>([
    ['refuses', undefined],
    ['grants another task', { subject: 's', refs: ['task-b'] }],
    ['grants it to another subject', { subject: 't', refs: ['task-a'] }],
    ['cannot tell', () => Promise.reject(new Error('down'))],
    ['never answers', () => new Promise<undefined>(() => undefined)],
  ])('and ends if authorize %s', async (_what, then) => {
    vi.useFakeTimers();
    try {
      const authorize = vi
        .fn()
        .mockReturnValueOnce(grant)
        .mockReturnValueOnce(grant)
        .mockImplementation(() => (typeof then === 'function' ? then() : then));
      const { tracker, relay } = relayOver({ authorize, reauthorizeAfter: 1000, heartbeat: 1_000_000 });
      const request = new Request(URL_OF('a'));
      const events = take(eventsOf(await relay(request)));
      await vi.advanceTimersByTimeAsync(1999);
      tracker.emit(queuedTask({ id: 'task-a' }));
      expect(tracker.subscriptions).toBe(1);
      await vi.advanceTimersByTimeAsync(1001);
      if (typeof then === 'function') await vi.advanceTimersByTimeAsync(1000);
      expect(tracker.subscriptions).toBe(0);
      expect(authorize).toHaveBeenLastCalledWith(request, ['a']);
      expect((await events).map(brief)).toEqual(['a queued 1']);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('limits', () => {
  test('streams of a subject, ids of a stream, streams of all', async () => {
    const { relay } = relayOver({
      authorize: (request, ids) => ({ subject: request.headers.get('who') ?? '', refs: ids.map((id) => `task-${id}`) }),
      streamsPerSubject: 2,
      idsPerStream: 3,
      streams: 3,
    });
    const ask = (who: string, ...ids: string[]) => relay(new Request(URL_OF(...ids), { headers: { who } }));
    const open = [await ask('one', 'a'), await ask('one', 'b')];
    const third = await ask('one', 'a');
    expect([third.status, third.headers.get('retry-after')]).toEqual([429, '5']);
    open.push(await ask('two', 'a'));
    const fourth = await ask('three', 'a');
    expect([fourth.status, fourth.headers.get('retry-after')]).toEqual([503, '30']);
    const tooMany = await ask('two', 'a', 'b', 'c', 'd');
    expect([tooMany.status, await tooMany.json()]).toEqual([400, { error: 'too many ids: at most 3 for each stream' }]);
    expect(await third.json()).toEqual({ error: 'too many streams: at most 2 for each subject' });
    expect([tooMany, third].map(({ headers }) => headers.get('relay-limit'))).toEqual(['3', '2']);
    for (const one of open) await one.body?.cancel();
    const again = await Promise.all([ask('one', 'a'), ask('one', 'b', 'c', 'd')]);
    expect(again.map(({ status }) => status)).toEqual([200, 200]);
    for (const one of again) await one.body?.cancel();
  });

  test('a request that was aborted leaves nothing', async () => {
    const { tracker, relay } = relayOver({ streams: 1 });
    const gone = new AbortController();
    await relay(new Request(URL_OF('a'), { signal: gone.signal }));
    expect(tracker.subscriptions).toBe(1);
    gone.abort();
    expect(tracker.subscriptions).toBe(0);
    await relay(new Request(URL_OF('a'), { signal: gone.signal }));
    expect(tracker.subscriptions).toBe(0);
    expect((await relay(new Request(URL_OF('a')))).status).toBe(200);
  });

  test('a comment goes out at each heartbeat', async () => {
    vi.useFakeTimers();
    try {
      const { get } = relayOver({ heartbeat: 1000 });
      const response = await get(['a']);
      await vi.advanceTimersByTimeAsync(3000);
      const reader = response.body?.getReader();
      let text = '';
      for (let nth = 0; nth < 4; nth++) text += new TextDecoder().decode((await reader?.read())?.value);
      expect(text).toBe('retry: 3000\n\n:\n\n:\n\n:\n\n');
      await reader?.cancel();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('options that cannot be meant', () => {
  const tracker = fakeTracker();
  const authorize = () => undefined;
  test.each<[unknown, string]>([
    [undefined, 'relayHandler: the options are undefined; write relayHandler({ tracker, authorize })'],
    [null, 'relayHandler: the options are null'],
    [
      { tracker, authorize, heartBeat: 1 },
      'relayHandler: there is no option "heartBeat"; write one of tracker, authorize',
    ],
    [{ authorize }, 'tracker: undefined is not usable; write what createTracker returns'],
    [{ tracker }, 'authorize: undefined is not usable; write a function of (request, publicIds)'],
    [{ tracker, authorize, videoUrl: 'yes' }, 'videoUrl: "yes" is not usable; write true, false, or a function'],
    [{ tracker, authorize, heartbeat: NaN }, 'heartbeat: NaN is not usable; write a whole number from 1'],
    [{ tracker, authorize, reauthorizeAfter: 2 ** 31 }, 'reauthorizeAfter: 2147483648 is not usable'],
    [{ tracker, authorize, idsPerStream: 0 }, 'idsPerStream: 0 is not usable'],
    [{ tracker, authorize, cors: { origins: ['*'] } }, "cors.origins: * is no origin; write for example 'https://"],
    [{ tracker, authorize, cors: { origins: ['https://a.test/'] } }, 'cors.origins: https://a.test/ is no origin'],
  ])('%o', (options, message) => {
    expect(() => relayHandler(options as RelayOptions)).toThrow(message);
  });
});
