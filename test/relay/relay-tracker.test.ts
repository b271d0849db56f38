import {
  firstValueFrom,
  from,
  lastValueFrom,
  map,
  mergeMap,
  Subject,
  switchMap,
  take,
  tap,
  toArray,
  type Observable,
} from 'rxjs';
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from 'vitest';
import {
  isTrackingError,
  relayTracker,
  TrackingError,
  type RelayTracker,
  type RelayTrackerOptions,
  type TaskRef,
  type TrackedTask,
  type Tracker,
} from 'rx-video-tasks';
import { relayHandler, type RelayOptions } from 'rx-video-tasks/relay';
import {
  cancelledTask,
  completedTask,
  failedTask,
  processingTask,
  queuedTask,
  unknownTask,
} from 'rx-video-tasks/testing';
import { fakeTracker } from './fake-tracker.js';

const URL = 'https://app.test/tasks';

/** A relay and its client, with nothing between them but what the test puts there. */
function linked({ server = {}, ...options }: Partial<RelayTrackerOptions> & { server?: Partial<RelayOptions> } = {}) {
  const service = fakeTracker();
  const relay = relayHandler({
    tracker: service,
    videoUrl: true,
    authorize: (_request, ids) => ({ subject: 's', refs: ids.map((id) => (id.startsWith('no') ? undefined : id)) }),
    ...server,
  });
  const requests: Request[] = [];
  let answer: ((request: Request) => Promise<Response>) | undefined;
  const tracker = relayTracker({
    url: URL,
    random: () => 0.5,
    fetch: (url, init) => {
      const request = new Request(url, init);
      requests.push(request);
      return (answer ?? relay)(request);
    },
    ...options,
  });
  return { service, tracker, requests, answerWith: (other: typeof answer) => (answer = other) };
}

const words = (task$: Observable<TrackedTask>) =>
  task$.pipe(map(({ id, status, seq }) => `${id} ${status} ${seq ?? '-'}`));

/** What a stream emits, one text for each notification. */
function record(task$: Observable<TrackedTask>) {
  const events: string[] = [];
  const subscription = words(task$).subscribe({
    next: (word) => events.push(word),
    error: (error: unknown) =>
      events.push(isTrackingError(error) ? `#${error.reason} ${error.message}` : String(error)),
    complete: () => events.push('|'),
  });
  return { events, subscription };
}

const settle = () => vi.advanceTimersByTimeAsync(1);

/** What the relay has sent arrives, and no timer ends. */
const arrive = async () => {
  for (let microtask = 0; microtask < 100; microtask++) await Promise.resolve();
};

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('it is a tracker: an app swaps one for the other in one line', () => {
  expectTypeOf<RelayTracker>().toExtend<Pick<Tracker, 'track' | 'trackAll' | 'close'>>();
  const { tracker } = linked();
  const swapped: Pick<Tracker, 'track' | 'trackAll' | 'close'> = tracker;
  const ref: TaskRef = { id: 'a', provider: 'alad', model: 'seedance', createdAt: new Date(2e12) };
  expect(() => swapped.track(ref)).not.toThrow();
});

describe('track', () => {
  test('emits what the relay sends, as whole tasks, up to the terminal one; then the stream is closed', async () => {
    const { service, tracker, requests } = linked();
    const all = firstValueFrom(tracker.track('a').pipe(toArray()));
    await settle();
    service.emit(queuedTask({ id: 'a', model: 'veo', createdAt: 1, startedAt: 2 }));
    service.emit(unknownTask({ id: 'a', progress: 4 }));
    service.emit(completedTask({ id: 'a', finishedAt: 3, video: { url: 'https://cdn.test/v.mp4', expiresAt: 9 } }));
    const common = { id: 'a', provider: 'scripted' };
    expect(await all).toStrictEqual([
      {
        ...common,
        status: 'queued',
        rawStatus: 'queued',
        model: 'veo',
        createdAt: 1,
        startedAt: 2,
        observedAt: 1000,
        seq: 1,
      },
      { ...common, status: 'unknown', rawStatus: 'unknown', progress: 4, observedAt: 2000, seq: 2 },
      {
        ...common,
        status: 'completed',
        rawStatus: 'completed',
        finishedAt: 3,
        observedAt: 3000,
        seq: 3,
        video: { url: 'https://cdn.test/v.mp4', expiresAt: 9 },
      },
    ]);
    await settle();
    expect(requests).toHaveLength(1);
    expect(requests[0]?.url).toBe(`${URL}?id=a`);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a completed task whose URL is kept back, a failed one, a cancelled one', async () => {
    const { service, tracker } = linked({ server: { videoUrl: false } });
    service.emit(completedTask({ id: 'a' }));
    service.emit(failedTask({ id: 'b', failure: { kind: 'policy', code: 'E', message: 'no faces' } }));
    service.emit(cancelledTask({ id: 'c' }));
    const tasks = firstValueFrom(tracker.trackAll(['a', 'b', 'c']).pipe(toArray()));
    await settle();
    expect(await tasks).toMatchObject([
      { status: 'completed', video: { url: '' } },
      { status: 'failed', failure: { kind: 'policy', message: 'no faces' } },
      { status: 'cancelled' },
    ]);
  });

  test('subscribers of a task share one stream; a late one gets the last transition first; the last one to leave closes it', async () => {
    const { service, tracker, requests } = linked();
    const one = record(tracker.track('a'));
    await settle();
    service.emit(queuedTask({ id: 'a' }));
    await settle();
    const two = record(tracker.track({ id: 'a' }));
    expect(two.events).toEqual(['a queued 1']);
    await settle();
    expect(requests).toHaveLength(1);
    one.subscription.unsubscribe();
    await settle();
    expect(service.subscriptions).toBe(1);
    two.subscription.unsubscribe();
    await settle();
    expect(requests[0]?.signal.aborted).toBe(true);
    expect(service.subscriptions).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a subscriber that returns before its stream is closed gets the last transition first, over the same stream', async () => {
    const { service, tracker, requests } = linked();
    const first = firstValueFrom(words(tracker.track('a')));
    await settle();
    service.emit(processingTask({ id: 'a', progress: 1 }));
    const again = first.then(() => record(tracker.track('a')));
    const { events, subscription } = await again;
    expect(events).toEqual(['a processing 1']);
    subscription.unsubscribe();
    service.emit(processingTask({ id: 'a', progress: 2 }));
    await arrive();
    const last = record(tracker.track('a'));
    await settle();
    service.emit(processingTask({ id: 'a', progress: 3 }));
    await settle();
    expect(last.events).toEqual(['a processing 2', 'a processing 3']);
    expect(requests).toHaveLength(1);
    last.subscription.unsubscribe();
    await settle();
    expect([service.subscriptions, vi.getTimerCount()]).toEqual([0, 0]);
  });

  test('a task that ends while its subscriber is away is asked for anew', async () => {
    const { service, tracker, requests } = linked();
    const { subscription } = record(tracker.trackAll(['a', 'b']));
    await settle();
    service.emit(queuedTask({ id: 'a' }));
    subscription.unsubscribe();
    service.emit(completedTask({ id: 'a' }));
    service.fail('b', new TrackingError('query', '', { id: 'b', provider: 'p', misses: 0 }));
    await arrive();
    const { events } = record(tracker.trackAll(['a', 'b']));
    await settle();
    expect(events).toEqual(['a completed 2']);
    service.emit(completedTask({ id: 'b' }));
    await settle();
    expect(events).toEqual(['a completed 2', 'b completed 1', '|']);
    expect(requests).toHaveLength(2);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('what the relay has lost errors, as a TrackingError', async () => {
    const { service, tracker } = linked();
    const { events } = record(tracker.track('a'));
    await settle();
    service.fail('a', new TrackingError('deadline', 'secret', { id: 'a', provider: 'p', misses: 3 }));
    await settle();
    expect(events).toEqual([expect.stringMatching(/^#deadline p task a: tracking ended \[deadline\]/)]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test.each([
    [401, 'unauthorized'],
    [403, 'forbidden'],
    [404, 'not-found'],
    [400, 'misconfigured'],
    [302, 'misconfigured'],
  ])('HTTP %d ends it: coming back is pointless', async (status, kind) => {
    const { tracker, requests, answerWith } = linked();
    answerWith(() => Promise.resolve(new Response(null, { status })));
    const { events } = record(tracker.track('a'));
    await vi.advanceTimersByTimeAsync(600_000);
    expect(events).toEqual([expect.stringContaining('#query relay task a: tracking ended [query]: the relay ')]);
    expect(requests).toHaveLength(1);
    const error = firstValueFrom(tracker.track('a')).catch((lost: unknown) => lost as Error);
    await settle();
    expect(await error).toMatchObject({ reason: 'query', id: 'a', cause: { code: kind } });
  });
});

describe('trackAll', () => {
  test('one stream for all; what is lost ends alone; equal refs are tracked once', async () => {
    const { service, tracker, requests } = linked();
    const { events } = record(tracker.trackAll(['a', { id: 'b' }, 'no-c', 'a']));
    await settle();
    service.emit(queuedTask({ id: 'a' }));
    service.fail('b', new TrackingError('expired', '', { id: 'b', provider: 'p', misses: 0 }));
    service.emit(completedTask({ id: 'a' }));
    await settle();
    expect(events).toEqual(['no-c lost -', 'a queued 1', 'b lost -', 'a completed 2', '|']);
    expect(requests.map(({ url }) => url)).toEqual([`${URL}?id=a&id=b&id=no-c`]);
  });

  test('a task that comes later joins the stream; one that leaves goes from it; nothing is emitted twice', async () => {
    const { service, tracker, requests } = linked();
    const refs = new Subject<string>();
    const { events } = record(tracker.trackAll(refs));
    refs.next('a');
    await settle();
    service.emit(processingTask({ id: 'a', progress: 1 }));
    await settle();
    refs.next('b');
    const other = record(tracker.track('c'));
    await settle();
    service.emit(processingTask({ id: 'a', progress: 2 }));
    service.emit(queuedTask({ id: 'b' }));
    await settle();
    other.subscription.unsubscribe();
    await settle();
    service.emit(completedTask({ id: 'a' }));
    await settle();
    expect(events).toEqual(['a processing 1', 'a processing 2', 'b queued 1', 'a completed 3']);
    expect(requests.map(({ url }) => url.split('?')[1])).toEqual(['id=a', 'id=a&id=b&id=c', 'id=a&id=b']);
    expect(requests.map(({ signal }) => signal.aborted)).toEqual([true, true, false]);
    tracker.close();
  });

  test('a list that is set anew emits the last transition of each task that stays', async () => {
    const { service, tracker, requests } = linked();
    const lists = new Subject<string[]>();
    const { events } = record(lists.pipe(switchMap((ids) => tracker.trackAll(ids))));
    lists.next(['a', 'b']);
    await settle();
    service.emit(queuedTask({ id: 'a' }));
    service.emit(queuedTask({ id: 'b' }));
    await settle();
    lists.next(['b', 'a']);
    expect(events.splice(0)).toEqual(['a queued 1', 'b queued 1', 'b queued 1', 'a queued 1']);
    lists.next(['c', 'b']);
    await settle();
    expect(events).toEqual(['b queued 1']);
    expect(requests.map(({ url }) => url.split('?')[1])).toEqual(['id=a&id=b', 'id=b&id=c']);
    tracker.close();
  });

  test('a task that has ended is tracked again when its ref comes again; a watched one is not', async () => {
    const { service, tracker } = linked();
    const refs = new Subject<string>();
    const { events } = record(tracker.trackAll(refs));
    service.emit(completedTask({ id: 'a' }));
    for (let round = 0; round < 2; round++) {
      refs.next('a');
      refs.next('a');
      await settle();
    }
    expect(events).toEqual(['a completed 1', 'a completed 1']);
    tracker.close();
  });

  test('subscribers that leave, come and close inside next are served; nothing stays', async () => {
    const { service, tracker } = linked();
    const again: string[] = [];
    tracker.track('a').pipe(take(1), mergeMap(() => tracker.track('a'))).subscribe({
      next: ({ status }) => again.push(status),
      complete: () => again.push('|'),
      error: () => expect.fail(),
    }); // prettier-ignore
    await settle();
    service.emit(completedTask({ id: 'a' }));
    await vi.advanceTimersByTimeAsync(5000);
    expect(again).toEqual(['completed', '|']);
    const closing = record(tracker.trackAll(['b', 'c']).pipe(tap(() => { tracker.close(); }))); // prettier-ignore
    await settle();
    service.emit(queuedTask({ id: 'b' }));
    await settle();
    expect(closing.events).toEqual(['|']);
    expect(service.subscriptions).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('subscribers of one task come and go in time that grows as their number, not as its square', () => {
    const run = (count: number) => {
      const { tracker } = linked();
      const error = () => expect.fail();
      const subscriptions = Array.from({ length: count }, () => tracker.track('a').subscribe({ error }));
      for (const one of subscriptions) one.unsubscribe();
      tracker.close();
    };
    const cost = (trackers: number, count: number) => {
      const before = process.cpuUsage();
      for (let nth = 0; nth < trackers; nth++) run(count);
      return process.cpuUsage(before).user;
    };
    run(15_000);
    // As many subscribers of one task as of thirty; by the square of their number it would be thirty times the work.
    const least = (trackers: number, count: number) =>
      Math.min(...Array.from({ length: 5 }, () => cost(trackers, count)));
    expect(least(1, 15_000) / least(30, 500)).toBeLessThan(200 / 30);
  });

  test('200 tasks a stream', async () => {
    const { tracker, requests } = linked();
    const { subscription } = record(tracker.trackAll(Array.from({ length: 450 }, (_, nth) => `task-${nth}`)));
    await settle();
    expect(requests.map(({ url }) => url.split('id=').length - 1)).toEqual([200, 200, 50]);
    subscription.unsubscribe();
    const long = record(tracker.trackAll(Array.from({ length: 100 }, (_, nth) => `${'視'.repeat(20)}${nth}`)));
    await settle();
    for (const { url } of requests) expect(url.length).toBeLessThanOrEqual(8000);
    long.subscription.unsubscribe();
    await settle();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('a bad ref in an array throws, from elsewhere it is lost', async () => {
    const { service, tracker } = linked();
    service.emit(completedTask({ id: 'a' }));
    expect(() => tracker.trackAll(['a', ''])).toThrow('id: "" is not usable; write the id that your relay knows');
    expect(() => tracker.trackAll('a')).toThrow('refs: a string is one ref');
    const { events } = record(tracker.trackAll(from(['', 'a', null as never])));
    await settle();
    expect(events).toEqual([' lost -', 'null lost -', 'a completed 1', '|']);
  });
});

describe('coming back', () => {
  test('a stream that ended goes on behind the last event, after a wait with jitter', async () => {
    let grants = 0;
    const { service, tracker, requests } = linked({
      server: {
        reauthorizeAfter: 10_000,
        // The first stream is refused when it is authorized again.
        authorize: (_request, refs) => (++grants === 2 ? undefined : { subject: 's', refs }),
      },
    });
    const { events } = record(tracker.trackAll(['a', 'b']));
    await settle();
    service.emit(processingTask({ id: 'a', progress: 1 }));
    service.emit(queuedTask({ id: 'b' }));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(requests).toHaveLength(1);
    expect(service.subscriptions).toBe(0);
    await vi.advanceTimersByTimeAsync(2990);
    expect(requests).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(20);
    expect(requests).toHaveLength(2);
    expect(requests[1]?.headers.get('last-event-id')).toMatch(/^2\./);
    service.emit(processingTask({ id: 'a', progress: 2 }));
    await settle();
    expect(events).toEqual(['a processing 1', 'b queued 1', 'a processing 2']);
    tracker.close();
    expect(events.at(-1)).toBe('|');
  });

  test('failures are waited out, longer each time, and 30 s at most', async () => {
    const { tracker, requests, answerWith } = linked();
    const times: number[] = [];
    const faults = [
      () => Promise.reject(new TypeError('fetch failed')),
      () => Promise.resolve(new Response('<html>', { status: 500, headers: { 'content-type': 'text/html' } })),
      () => Promise.resolve(new Response(null, { status: 502 })),
    ];
    const started = Date.now();
    answerWith(() => {
      times.push(Date.now() - started);
      return (faults[times.length % 3] as () => Promise<Response>)();
    });
    const { events, subscription } = record(tracker.track('a'));
    await vi.advanceTimersByTimeAsync(120_000);
    const waits = times.slice(1).map((at, nth) => Math.round((at - (times[nth] as number)) / 1000));
    expect(waits.slice(0, 7)).toEqual([1, 2, 4, 8, 16, 30, 30]);
    expect(events).toEqual([]);
    expect(requests.length).toBe(times.length);
    subscription.unsubscribe();
    await settle();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('no sooner than Retry-After', async () => {
    const { service, tracker, requests, answerWith } = linked({ random: () => 0 });
    service.emit(completedTask({ id: 'a' }));
    answerWith(() => Promise.resolve(new Response(null, { status: 429, headers: { 'retry-after': '20' } })));
    const { events } = record(tracker.track('a'));
    await vi.advanceTimersByTimeAsync(19_000);
    expect(requests).toHaveLength(1);
    answerWith(undefined);
    await vi.advanceTimersByTimeAsync(2000);
    expect(events).toEqual(['a completed 1', '|']);
  });

  test('waits are spread by random: 0.5 to 1.5 times', async () => {
    for (const [random, ms] of [
      [0, 500],
      [1, 1500],
    ] as const) {
      const { tracker, requests, answerWith } = linked({ random: () => random });
      answerWith(() => Promise.reject(new Error('down')));
      const { subscription } = record(tracker.track('a'));
      await vi.advanceTimersByTimeAsync(ms - 10);
      expect(requests).toHaveLength(1);
      await vi.advanceTimersByTimeAsync(20);
      expect(requests).toHaveLength(2);
      subscription.unsubscribe();
    }
  });

  test('headers that are a function are asked before each request', async () => {
    let tokens = 0;
    const headers = vi.fn(() => Promise.resolve({ authorization: `token ${++tokens}` }));
    const { tracker, requests, answerWith } = linked({ headers, credentials: 'include' });
    answerWith(() => Promise.reject(new Error('down')));
    const { subscription } = record(tracker.track('a'));
    await vi.advanceTimersByTimeAsync(1500);
    expect(requests.map((request) => request.headers.get('authorization'))).toEqual(['token 1', 'token 2']);
    expect(requests[0]).toMatchObject({ credentials: 'include', cache: 'no-store', redirect: 'manual' });
    subscription.unsubscribe();
  });

  test('a stream without a word is taken for dead; heartbeats keep it', async () => {
    const { tracker, requests, answerWith } = linked({ silence: 20_000 });
    const { subscription } = record(tracker.track('a'));
    await vi.advanceTimersByTimeAsync(100_000);
    expect(requests).toHaveLength(1);
    subscription.unsubscribe();
    await settle();
    answerWith(() => new Promise(() => undefined));
    const silent = record(tracker.track('a'));
    await vi.advanceTimersByTimeAsync(22_000);
    expect(requests).toHaveLength(3);
    expect(requests[1]?.signal.aborted).toBe(true);
    silent.subscription.unsubscribe();
  });

  test('204 means that all was sent; a client that missed some asks for a snapshot', async () => {
    const { service, tracker, answerWith } = linked();
    service.emit(completedTask({ id: 'a' }));
    answerWith(() => Promise.resolve(new Response(null, { status: 204 })));
    const { events } = record(tracker.track('a'));
    await settle();
    answerWith(undefined);
    await vi.advanceTimersByTimeAsync(5000);
    expect(events).toEqual(['a completed 1', '|']);
  });
});

describe('a page', () => {
  class Page extends EventTarget {
    hidden = false;
    baseURI = 'https://app.test/board';
    show(isShown: boolean) {
      this.hidden = !isShown;
      this.dispatchEvent(new Event('visibilitychange'));
    }
  }

  test('that is hidden for long puts its stream down, and catches up when it is shown', async () => {
    const page = new Page();
    vi.stubGlobal('document', page);
    const { service, tracker, requests } = linked({ hiddenAfter: 30_000 });
    const keeper = service.track('a').subscribe();
    const { events, subscription } = record(tracker.track('a'));
    await settle();
    service.emit(processingTask({ id: 'a', progress: 1 }));
    page.show(false);
    await vi.advanceTimersByTimeAsync(29_000);
    page.show(true);
    await vi.advanceTimersByTimeAsync(29_000);
    expect(requests).toHaveLength(1);
    page.show(false);
    await vi.advanceTimersByTimeAsync(31_000);
    expect(requests[0]?.signal.aborted).toBe(true);
    expect(service.subscriptions).toBe(1);
    service.emit(processingTask({ id: 'a', progress: 2 }));
    service.emit(processingTask({ id: 'a', progress: 3 }));
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(requests).toHaveLength(1);
    page.show(true);
    await settle();
    const lastEventIds = requests.map((request) => request.headers.get('last-event-id'));
    expect(lastEventIds).toEqual([null, expect.stringMatching(/^1\./)]);
    // The relay did not track the task while it had no stream; the transition in between is not known.
    expect(events).toEqual(['a processing 1', 'a processing 3']);
    subscription.unsubscribe();
    keeper.unsubscribe();
    await settle();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('that opens hidden asks at first, as a board in a background tab should', async () => {
    const page = new Page();
    page.hidden = true;
    vi.stubGlobal('document', page);
    const { tracker, requests } = linked();
    const { subscription } = record(tracker.track('a'));
    await settle();
    expect(requests).toHaveLength(1);
    subscription.unsubscribe();
  });

  test('a relative URL is one of the page; without a page there is none', () => {
    expect(() => relayTracker({ url: '/tasks' })).toThrow(
      `url: "/tasks" is not usable; write an http(s) URL, such as 'https://app.example.com/tasks'`,
    );
    vi.stubGlobal('document', new Page());
    expect(() => relayTracker({ url: '/tasks' })).not.toThrow();
    expect(() => relayTracker({ url: 'javascript:alert(1)' })).toThrow('is not usable; write an http(s) URL');
  });
});

describe('what comes from a relay is checked', () => {
  const stream = (text: string) => () =>
    Promise.resolve(new Response(text, { headers: { 'content-type': 'text/event-stream' } }));
  const done = 'data: {"id":"a","status":"completed","provider":"p","observedAt":1}\n\n';

  test.each([
    'data: nonsense\n\n',
    'data: null\n\n',
    'data: {"id":7,"status":"queued"}\n\n',
    'data: {"id":"a","status":"PWNED"}\n\n',
    'data: {"id":"b","status":"completed"}\n\n',
    'data: {"id":"__proto__","status":"queued"}\n\n',
    ': a comment\n\n',
    'event: other\n\n',
    '\n\n\n\n',
  ])('%j tells nothing', async (text) => {
    const { tracker, answerWith } = linked();
    answerWith(stream(text + done));
    const { events } = record(tracker.track('a'));
    await settle();
    expect(events).toEqual(['a completed -', '|']);
  });

  test.each(['javascript:alert(1)', 'data:text/html,x', 'blob:https://x/1', 'file:///etc/passwd'])(
    '%s is no video',
    async (url) => {
      const { tracker, answerWith } = linked();
      answerWith(stream(done.replace('"observedAt"', `"video":{"url":${JSON.stringify(url)}},"observedAt"`)));
      const task = lastValueFrom(tracker.track('a'));
      await settle();
      expect(await task).toMatchObject({ video: { url: '' } });
    },
  );

  test('a URL of the own server is one', async () => {
    const { tracker, answerWith } = linked();
    answerWith(stream(done.replace('"observedAt"', '"video":{"url":"/videos/a"},"observedAt"')));
    const task = lastValueFrom(tracker.track('a'));
    await settle();
    expect(await task).toMatchObject({ video: { url: '/videos/a' } });
  });

  test('a stream is read alike however it is cut into pieces, with either line end', async () => {
    const text = `retry: 5\n\nid: 1\ndata: {"id":"a","status":"queued","model":"視频","seq":1}\n\n:\n\n${done}`;
    for (const whole of [text, text.replaceAll('\n', '\r\n')]) {
      const bytes = new TextEncoder().encode(whole);
      for (let size = 1; size < 40; size++) {
        const { tracker, answerWith } = linked();
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, nth) =>
          bytes.slice(nth * size, (nth + 1) * size),
        );
        const body = new Blob(pieces).stream();
        answerWith(() =>
          Promise.resolve(new Response(body as never, { headers: { 'content-type': 'text/event-stream' } })),
        );
        const first = firstValueFrom(tracker.track('a').pipe(take(2), toArray()));
        await settle();
        expect(await first).toMatchObject([{ status: 'queued', model: '視频' }, { status: 'completed' }]);
        tracker.close();
      }
    }
  });

  test('a stream that never ends an event is cut', async () => {
    const { tracker, requests, answerWith } = linked();
    answerWith(stream('x'.repeat(300_000)));
    const { events, subscription } = record(tracker.track('a'));
    await vi.advanceTimersByTimeAsync(1500);
    expect(requests).toHaveLength(2);
    expect(events).toEqual([]);
    subscription.unsubscribe();
  });
});

describe('connection', () => {
  /** The states of a tracker's connections, as it emits them. */
  function statesOf(tracker: RelayTracker) {
    const states: string[] = [];
    tracker.connection.subscribe({
      next: (now) => {
        const reason = 'reason' in now ? ` ${now.reason.kind}: ${now.reason.message}` : '';
        const wait = 'until' in now ? ` for ${now.until - Date.now()} ms` : '';
        states.push(now.state + wait + reason);
      },
      error: () => expect.fail(),
      complete: () => states.push('|'),
    });
    return states;
  }

  test('idle, connecting, open; the current one first; completes on close', async () => {
    const { tracker } = linked();
    const states = statesOf(tracker);
    expect(states).toEqual(['idle']);
    const { subscription } = record(tracker.trackAll(['a', 'b']));
    await settle();
    expect(states).toEqual(['idle', 'connecting', 'open']);
    expect(statesOf(tracker)).toEqual(['open']);
    subscription.unsubscribe();
    await settle();
    expect(states.slice(3)).toEqual(['idle']);
    tracker.close();
    expect(states.slice(4)).toEqual(['|']);
    expect(statesOf(tracker)).toEqual(['|']);
  });

  test('idle again when all tasks have ended, without a wait in between', async () => {
    const { service, tracker } = linked();
    const states = statesOf(tracker);
    record(tracker.trackAll(['a', 'b']));
    await settle();
    service.emit(completedTask({ id: 'a' }));
    service.emit(completedTask({ id: 'b' }));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(states).toEqual(['idle', 'connecting', 'open', 'idle']);
  });

  const html = { status: 500, headers: { 'content-type': 'text/html' } };
  test.each<[string, () => Promise<Response>, string]>([
    [
      'connection refused',
      () => Promise.reject(new TypeError('fetch failed')),
      'waiting for 1000 ms network: the relay at https://app.test/tasks cannot be reached: fetch failed',
    ],
    [
      'a rejection that is no Error',
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what a caller's functions may do
      () => Promise.reject('no session'),
      'waiting for 1000 ms network: the relay at https://app.test/tasks cannot be reached: no session',
    ],
    [
      'HTTP 500',
      () => Promise.resolve(new Response('<html>', html)),
      'waiting for 1000 ms server: the relay at https://app.test/tasks answered HTTP 500',
    ],
    [
      'HTTP 429',
      () => Promise.resolve(new Response(null, { status: 429, headers: { 'retry-after': '20' } })),
      'waiting for 25000 ms rate-limited: the relay at https://app.test/tasks answered HTTP 429',
    ],
    [
      'a stream that ends',
      () => Promise.resolve(new Response('', { headers: { 'content-type': 'text/event-stream' } })),
      'waiting for 3000 ms network: the relay at https://app.test/tasks ended the stream',
    ],
    [
      'an event without end',
      () => Promise.resolve(new Response('x'.repeat(300_000), { headers: { 'content-type': 'text/event-stream' } })),
      'waiting for 1000 ms malformed: the relay at https://app.test/tasks sent an event of more than 262144 characters',
    ],
  ])('%s is visible, and the tasks go on when it is over', async (_what, answer, expected) => {
    const { service, tracker, answerWith } = linked({ url: `${URL}?token=SECRET` });
    answerWith(answer);
    const states = statesOf(tracker);
    const { events } = record(tracker.track('a'));
    await settle();
    expect(states.filter((state) => state !== 'open')).toEqual(['idle', 'connecting', expected]);
    expect(events).toEqual([]);
    answerWith(undefined);
    await vi.advanceTimersByTimeAsync(25_001);
    expect(states.at(-1)).toBe('open');
    service.emit(completedTask({ id: 'a' }));
    await settle();
    expect(events).toEqual(['a completed 1', '|']);
  });

  test('silence is visible', async () => {
    const { tracker, answerWith } = linked({ silence: 20_000 });
    answerWith(() => new Promise(() => undefined));
    const states = statesOf(tracker);
    const { subscription } = record(tracker.track('a'));
    await vi.advanceTimersByTimeAsync(20_001);
    expect(states.at(-1)).toContain('ms timeout: the relay at https://app.test/tasks sent no byte for 20000 ms');
    subscription.unsubscribe();
  });

  test.each(['text/html', 'application/json', ''])(
    'R5 a 200 with content type "%s" is refused: misconfigured',
    async (type) => {
      const { tracker, requests, answerWith } = linked();
      answerWith(() => Promise.resolve(new Response('<html>', { headers: { 'content-type': type } })));
      const states = statesOf(tracker);
      const lost = firstValueFrom(tracker.trackAll(['a']));
      await vi.advanceTimersByTimeAsync(600_000);
      expect(requests).toHaveLength(1);
      expect(states.slice(2)).toEqual([
        `refused misconfigured: the relay at https://app.test/tasks answered HTTP 200 with ${type}, no event stream`,
      ]);
      expect(await lost).toMatchObject({
        status: 'lost',
        id: 'a',
        error: { reason: 'query', cause: { code: 'misconfigured' } },
      });
      answerWith(undefined);
      const { subscription } = record(tracker.track('b'));
      await settle();
      expect(states.slice(3)).toEqual(['connecting', 'open']);
      subscription.unsubscribe();
    },
  );

  test('a hidden page is idle', async () => {
    const page = Object.assign(new EventTarget(), { hidden: false, baseURI: URL });
    vi.stubGlobal('document', page);
    const { tracker } = linked({ hiddenAfter: 1000 });
    const states = statesOf(tracker);
    const { subscription } = record(tracker.track('a'));
    await settle();
    for (const hidden of [true, false]) {
      page.hidden = hidden;
      page.dispatchEvent(new Event('visibilitychange'));
      await vi.advanceTimersByTimeAsync(1001);
    }
    expect(states).toEqual(['idle', 'connecting', 'open', 'idle', 'connecting', 'open']);
    subscription.unsubscribe();
  });

  test('a headers function that fails is visible, and called again', async () => {
    let calls = 0;
    const headers = () => (++calls === 1 ? Promise.reject(new Error('no token')) : Promise.resolve({}));
    const { tracker } = linked({ headers });
    const states = statesOf(tracker);
    const { subscription } = record(tracker.track('a'));
    await settle();
    expect(states.at(-1)).toContain('no token');
    await vi.advanceTimersByTimeAsync(1000);
    expect(states.at(-1)).toBe('open');
    subscription.unsubscribe();
  });
});

describe('R5 more ids than the streams hold', () => {
  const ids = (count: number, prefix = 'task-') => Array.from({ length: count }, (_, nth) => `${prefix}${nth}`);
  const streamSizes = (requests: Request[]) =>
    requests.filter(({ signal }) => !signal.aborted).map(({ url }) => url.split('id=').length - 1);
  /** How many tasks ended how: the last word of each. */
  const endings = (events: readonly string[]) =>
    events.reduce<Record<string, number>>((all, word) => {
      const status = word.split(' ')[1] ?? word;
      return { ...all, [status]: (all[status] ?? 0) + 1 };
    }, {});

  test('1,300 ids: six streams of 200; the rest is lost at once, with the name of the limit', async () => {
    const { service, tracker, requests } = linked();
    const lost: string[] = [];
    const subscription = tracker.trackAll(ids(1300)).subscribe({
      next: (task) => {
        if (task.status === 'lost') lost.push(task.error.message);
      },
      error: () => expect.fail(),
    });
    await settle();
    expect(streamSizes(requests)).toEqual(Array(6).fill(200));
    expect(lost).toHaveLength(100);
    expect(lost[0]).toBe(
      'relay task task-1200: tracking ended [query]: more tasks than 6 streams (streamsPerSubject) of 200 ids (idsPerStream) ' +
        'and URLs of 14000 characters hold; watch fewer, or raise these options (no answer). It may still be running: track it again by its id',
    );
    expect(service.subscriptions).toBe(1200);
    subscription.unsubscribe();
  });

  test('1,300 ids, with limits raised on both sides: fewer streams, and all arrive', async () => {
    const { service, tracker, requests } = linked({ idsPerStream: 1000, server: { idsPerStream: 1000 } });
    const { events } = record(tracker.trackAll(ids(1300)));
    await settle();
    expect(streamSizes(requests).length).toBeLessThan(4);
    for (const id of ids(1300)) service.emit(completedTask({ id }));
    // So many events at once are more than the relay keeps for a client: it is cut, and resumes.
    await vi.advanceTimersByTimeAsync(5000);
    expect(endings(events)).toEqual({ completed: 1300, '|': 1 });
  });

  test('60 ids of 128 characters that take nine bytes each: URLs get longer before a task is lost', async () => {
    const { service, tracker, requests } = linked();
    const long = ids(60, '視'.repeat(126)).map((id) => id.slice(-128));
    const { events } = record(tracker.trackAll(long));
    await settle();
    expect(streamSizes(requests).length).toBeLessThanOrEqual(6);
    for (const { url } of requests) expect(url.length).toBeLessThanOrEqual(14_000);
    for (const id of long) service.emit(completedTask({ id }));
    await vi.advanceTimersByTimeAsync(100);
    expect(endings(events)).toEqual({ completed: 60, '|': 1 });
  });

  test('of 100 such ids, those that no URL holds are lost, with the name of the limit', async () => {
    const { tracker } = linked();
    const { events, subscription } = record(tracker.trackAll(ids(100, '視'.repeat(125))));
    await settle();
    expect(events.length).toBeGreaterThan(20);
    expect(events.every((word) => word.endsWith(' lost -'))).toBe(true);
    const error = firstValueFrom(tracker.track('視'.repeat(128))).catch((lost: unknown) => lost as Error);
    await settle();
    expect(((await error) as Error).message).toContain('and URLs of 14000 characters hold');
    subscription.unsubscribe();
  });

  test('a relay with lower limits names them: what does not fit is lost with the limit', async () => {
    for (const [server, sizes, limit] of [
      [{ idsPerStream: 50 }, { lost: 300, '|': 1 }, 'HTTP 400; its limit is idsPerStream: 50'],
      [{ streamsPerSubject: 1 }, { lost: 100, completed: 200, '|': 1 }, 'HTTP 429; its limit is streamsPerSubject: 1'],
    ] as const) {
      const { service, tracker } = linked({ server });
      const messages = new Set<string>();
      const tasks$ = tracker.trackAll(ids(300)).pipe(
        tap((task) => {
          if (task.status === 'lost') messages.add((task.error.cause as Error).message);
        }),
      );
      const { events } = record(tasks$);
      await vi.advanceTimersByTimeAsync(30_000);
      for (const id of ids(300)) service.emit(completedTask({ id }));
      await vi.advanceTimersByTimeAsync(30_000);
      expect(endings(events)).toEqual(sizes);
      expect([...messages]).toEqual([`the relay at https://app.test/tasks answered ${limit}`]);
    }
  });

  test('places that other trackers of the subject hold are waited for', async () => {
    const { service, tracker } = linked({ server: { streamsPerSubject: 1 } });
    const other = linked({ fetch: (url, init) => relay(new Request(url, init)) });
    const relay = relayHandler({
      tracker: service,
      streamsPerSubject: 1,
      authorize: (_request, refs) => ({ subject: 's', refs }),
    });
    const keeper = await relay(new Request(`${URL}?id=a`));
    const { events } = record(other.tracker.track('b'));
    await settle();
    expect(await firstValueFrom(other.tracker.connection)).toMatchObject({
      state: 'waiting',
      reason: {
        kind: 'rate-limited',
        message: 'the relay at https://app.test/tasks answered HTTP 429; its limit is streamsPerSubject: 1',
      },
    });
    await keeper.body?.cancel();
    service.emit(completedTask({ id: 'b' }));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(events).toEqual(['b completed 1', '|']);
    tracker.close();
  });
});

describe('R5 a reconnect to another replica', () => {
  test.each([[['a']], [['a', 'b']]])('%o: nothing lost, nothing doubled, though it numbers otherwise', async (ids) => {
    const [here, there] = [fakeTracker(), fakeTracker()];
    const relays = [here, there].map((tracker) =>
      relayHandler({ tracker, authorize: (_request, refs) => ({ subject: 's', refs }) }),
    );
    let requests = 0;
    const cuts: AbortController[] = [];
    const tracker = relayTracker({
      url: URL,
      random: () => 0.5,
      fetch: (url, init) => {
        const cut = new AbortController();
        cuts.push(cut);
        const signal = AbortSignal.any([init?.signal as AbortSignal, cut.signal]);
        return (relays[requests++ % 2] as (typeof relays)[0])(new Request(url, { ...init, signal }));
      },
    });
    // The other replica polls these tasks too, less often: it is behind, and its numbers are lower.
    const keeper = ids.map((id) => there.track(id).subscribe({ error: () => expect.fail() }));
    for (const id of ids) there.emit(processingTask({ id, progress: 10 }));
    const progress: string[] = [];
    let isOver = false;
    tracker.trackAll(ids).subscribe({
      next: (task) => progress.push(`${task.id} ${('progress' in task && task.progress) || task.status}`),
      complete: () => (isOver = true),
      error: () => expect.fail(),
    });
    await settle();
    for (const id of ids) for (const now of [10, 20, 30]) here.emit(processingTask({ id, progress: now }));
    await settle();
    cuts[0]?.abort();
    await vi.advanceTimersByTimeAsync(5000);
    for (const id of ids) there.emit(processingTask({ id, progress: 40 }));
    await settle();
    cuts[1]?.abort();
    for (const id of ids) here.emit(completedTask({ id }));
    await vi.advanceTimersByTimeAsync(5000);
    expect(isOver).toBe(true);
    for (const id of ids) {
      const own = progress.filter((word) => word.startsWith(`${id} `));
      expect(own).toEqual([10, 20, 30, 40, 'completed'].map((word) => `${id} ${word}`));
    }
    for (const one of keeper) one.unsubscribe();
  });
});

describe('close', () => {
  test('completes trackAll over a source that is still open', async () => {
    const { service, tracker } = linked();
    const refs = new Subject<string>();
    const { events } = record(tracker.trackAll(refs));
    refs.next('a');
    await settle();
    service.emit(queuedTask({ id: 'a' }));
    await settle();
    tracker.close();
    expect(events).toEqual(['a queued 1', '|']);
    expect(refs.observed).toBe(false);
    tracker.close();
  });

  test('completes every stream, closes every connection, takes no more', async () => {
    const { service, tracker, requests } = linked();
    const task$ = tracker.track('a');
    const [one, two] = [record(task$), record(tracker.trackAll(from(['b', 'c'])))];
    await settle();
    tracker.close();
    expect([one.events, two.events]).toEqual([['|'], ['|']]);
    expect(requests[0]?.signal.aborted).toBe(true);
    expect(record(task$).events).toEqual(['|']);
    expect(() => tracker.track('a')).toThrow('the tracker is closed');
    await settle();
    expect(service.subscriptions).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test.each<[unknown, string]>([
  [undefined, "relayTracker: the options are undefined; write relayTracker({ url: '/tasks' })"],
  ['/tasks', 'relayTracker: the options are string; write'],
  [{ url: URL, header: {} }, 'relayTracker: there is no option "header"; write one of url, headers, credentials'],
  [{}, 'url: undefined is not usable; write an http(s) URL'],
  [{ url: 'ftp://x' }, 'url: "ftp://x" is not usable'],
  [{ url: URL, hiddenAfter: NaN }, 'hiddenAfter: NaN is not usable; write a whole number from 1 to 2147483647'],
  [{ url: URL, silence: 2 ** 31 }, 'silence: 2147483648 is not usable'],
  [{ url: URL, idsPerStream: 0 }, 'idsPerStream: 0 is not usable; write a whole number from 1'],
  [{ url: URL, streamsPerSubject: 1.5 }, 'streamsPerSubject: 1.5 is not usable'],
])('options that cannot be meant: %o', (options, message) => {
  expect(() => relayTracker(options as RelayTrackerOptions)).toThrow(message);
});

test('a URL with credentials is refused without showing them', () => {
  const create = () => relayTracker({ url: 'https://ann:secret@app.test/tasks' });
  expect(create).toThrow('url: a URL with credentials is not usable');
  expect(create).not.toThrow('secret');
});
