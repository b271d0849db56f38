import { Cluster } from 'ioredis';
import { defer, firstValueFrom, lastValueFrom, retry, Subject, toArray, type Subscription } from 'rxjs';
import { afterEach, expect, test } from 'vitest';
import { isTerminal, isTrackingError, type Task, type TrackedTask } from 'rx-video-tasks';
import { fleetTracker, fleetWorker, type FleetEvent } from 'rx-video-tasks/bullmq';
import { provider } from './fleet.js';
import { closeAll, stage, type Stage } from './stage.js';

// One process, one worker, a real Redis: what a tracker of a fleet does, and where it differs from that of one process.

afterEach(closeAll);

type Settings = Partial<Parameters<typeof fleetWorker>[0]>;

function runWorker({ redis, service, cleanUp }: Stage, settings: Settings = {}): FleetEvent[] {
  const events: FleetEvent[] = [];
  const worker: Subscription = fleetWorker({
    connection: redis.url,
    provider: provider(service.baseUrl),
    speed: 60,
    ...settings,
  }).subscribe({ next: (event) => events.push(event), error: rethrow });
  cleanUp(() => {
    worker.unsubscribe();
  });
  return events;
}

const rethrow = (error: unknown) => {
  throw error;
};

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function until(isTrue: () => boolean, ms = 30_000): Promise<void> {
  const end = performance.now() + ms;
  while (!isTrue()) {
    if (performance.now() > end) throw new Error(`not in ${ms} ms`);
    await pause(10);
  }
}

test('several processes see the same transitions with the same numbers; the task is polled once', async () => {
  const scene = await stage({ polls: 4 });
  const streams = [scene.tracker(), scene.tracker(), scene.tracker()].map((tracker) =>
    lastValueFrom(tracker.track('video_1').pipe(toArray())),
  );
  runWorker(scene);
  const [one, ...others] = await Promise.all(streams);
  const brief = (tasks: readonly Task[] = []) => tasks.map(({ seq, status }) => `${String(seq)} ${status}`);
  expect(brief(one)).toEqual(['1 queued', '2 processing', '3 completed']);
  for (const other of others) expect(brief(other)).toEqual(brief(one));
  expect(scene.service.asked.get('video_1')).toBe(4);
});

test('unsubscribing leaves the task tracked; forget ends its streams in every process, and its polls', async () => {
  const scene = await stage({ polls: Infinity });
  const [one, other] = [scene.tracker(), scene.tracker()];
  runWorker(scene);
  expect((await firstValueFrom(one.track('video_1'))).seq).toBe(1);
  const polled = scene.service.asked.get('video_1') ?? 0;
  await until(() => (scene.service.asked.get('video_1') ?? 0) > polled);

  let isOver = false;
  one.track('video_1').subscribe({ complete: () => (isOver = true), error: rethrow });
  await pause(200);
  await lastValueFrom(other.forget('video_1'), { defaultValue: undefined });
  await until(() => isOver);
  await pause(1_000);
  const after = scene.service.asked.get('video_1');
  await pause(2_000);
  expect(scene.service.asked.get('video_1')).toBe(after);
  expect(await firstValueFrom(one.stats())).toMatchObject({ open: 0, delayed: 0 });
});

test('resume: what is open or not acknowledged; one process at a time', async () => {
  const scene = await stage({ polls: 2 });
  const first = scene.tracker();
  runWorker(scene);
  const manual = { ack: 'manual' } as const;
  const ends = await lastValueFrom(first.trackAll(['video_1', 'video_2', 'video_3'], manual).pipe(toArray()));
  const done = ends.filter(({ status }) => status === 'completed');
  expect(done).toHaveLength(3);
  await lastValueFrom(first.ack(done[0] as TrackedTask), { defaultValue: undefined });

  const second = scene.tracker();
  const resumed = await lastValueFrom(second.resume(manual).pipe(toArray()));
  expect(resumed.map(({ id }) => id).sort()).toEqual(
    done
      .slice(1)
      .map(({ id }) => id)
      .sort(),
  );

  const open = second.track('video_never', manual).subscribe();
  const held = second.resume(manual).subscribe({ error: () => undefined });
  await pause(300);
  const refused = await lastValueFrom(scene.tracker().resume(manual)).catch((error: unknown) => error);
  expect(String(refused)).toMatch(/the lease of this fleet is held by another process/);
  held.unsubscribe();
  open.unsubscribe();
});

test('a notifier brings the next poll forward, and never below the floor', async () => {
  const scene = await stage({ polls: Infinity });
  const calls = new Subject<void>();
  const tracker = fleetTracker({
    connection: scene.redis.url,
    provider: provider(scene.service.baseUrl),
    notifier: calls,
  });
  scene.cleanUp(() => {
    tracker.close();
  });
  // A minute from poll to poll, a floor of a second.
  runWorker(scene, { speed: 1, interval: 60_000, minInterval: 1_000 });
  tracker.track('video_1').subscribe();
  await until(() => scene.service.asked.get('video_1') === 1);
  await pause(300);
  for (let call = 0; call < 20; call++) {
    calls.next();
    await pause(20);
  }
  await until(() => scene.service.asked.get('video_1') === 2);
  expect(scene.service.shortestGap()).toBeGreaterThan(950);
});

const rejected = { status: 401, body: { message: 'wrong key', code: 'unauthorized' } };
const briefs = (tasks: readonly TrackedTask[]) => tasks.map(({ id, status }) => `${id} ${status}`).sort();

test('a wrong key ends nothing: resume returns every task that was lost by it, and asks about it anew', async () => {
  let isKeyWrong = false;
  const scene = await stage({ polls: 3, reply: () => (isKeyWrong ? rejected : undefined) });
  runWorker(scene);
  const tracker = scene.tracker();
  await firstValueFrom(tracker.track('video_1'));
  isKeyWrong = true;
  const lost = await lastValueFrom(tracker.trackAll(['video_1', 'video_2']).pipe(toArray()));
  expect(briefs(lost.filter(({ status }) => status === 'lost'))).toEqual(['video_1 lost', 'video_2 lost']);
  await pause(300);
  isKeyWrong = false;
  const resumed = await lastValueFrom(scene.tracker().resume().pipe(toArray()));
  expect(briefs(resumed.filter(isTerminal))).toEqual(['video_1 completed', 'video_2 completed']);
  // Numbers go on; the last answer from before the loss comes first.
  for (const id of ['video_1', 'video_2']) {
    const numbers = [...lost, ...resumed].filter((task) => task.id === id).map(({ seq }) => seq);
    expect(numbers, id).toEqual([...new Set(numbers)].sort((one = 0, other = 0) => one - other));
  }
  expect(resumed.find(({ id }) => id === 'video_1')).toMatchObject({ status: 'queued' });
  expect(await lastValueFrom(scene.tracker().resume().pipe(toArray()))).toEqual([]);
});

test('a loss ends a task where it was acknowledged by hand, and where the service has deleted the record', async () => {
  const deleted = { status: 404, body: { code: 'task_not_exist' } };
  const scene = await stage({ reply: (id) => (id === 'video_1' ? rejected : deleted) });
  runWorker(scene);
  const tracker = scene.tracker();
  const lost = await lastValueFrom(tracker.track('video_1', { ack: 'manual' })).catch((error: unknown) => error);
  expect(isTrackingError(lost) && lost.reason).toBe('query');
  const old = { id: 'video_2', createdAt: Date.now() - 3 * 86_400_000 };
  const [gone, ...none] = await lastValueFrom(tracker.trackAll([old, 'video_1']).pipe(toArray()));
  expect([gone, ...none].map((task) => task?.status)).toEqual(['lost', 'lost']);
  const mine = [gone, ...none].find((task) => task?.id === 'video_1') as TrackedTask;
  expect([gone, ...none].find((task) => task?.id === 'video_2')).toMatchObject({ error: { reason: 'expired' } });
  await lastValueFrom(tracker.ack(mine), { defaultValue: undefined });
  await pause(300);
  expect(await lastValueFrom(scene.tracker().resume().pipe(toArray()))).toEqual([]);
});

test('a task that was tracked by its id alone is gone once its record must have been deleted', async () => {
  const scene = await stage({ reply: () => ({ status: 404, body: { code: 'task_not_exist' } }) });
  const lost = lastValueFrom(scene.tracker().trackAll(['video_1']).pipe(toArray()));
  await until(() => scene.redis.redis.status === 'ready');
  let key: string | undefined;
  while (!key) [key] = await scene.redis.redis.keys('*:task:*');
  await scene.redis.redis.hset(key, 'since', Date.now() - 3 * 86_400_000);
  runWorker(scene);
  expect(await lost).toMatchObject([{ status: 'lost', error: { reason: 'expired' } }]);
});

test('retry() of a lost task asks once for each floor, and goes on as soon as the service answers', async () => {
  const forbidden = { status: 403, body: { message: 'no access', code: 'forbidden' } };
  const scene = await stage({ polls: 5, reply: (_, count) => (count < 5 ? forbidden : undefined) });
  const tracker = scene.tracker();
  runWorker(scene, { speed: 1, interval: 1_000, minInterval: 500 });
  let subscriptions = 0;
  const again$ = defer(() => {
    subscriptions++;
    return tracker.track('video_1', { ack: 'manual' });
  }).pipe(retry());
  let last: Task | undefined;
  again$.subscribe({ next: (task) => (last = task), error: rethrow });
  // Sooner than the sweep that would add a missing job.
  await until(() => last?.status === 'completed', 20_000);
  expect(last?.seq).toBe(5);
  expect(scene.service.asked.get('video_1')).toBe(5);
  expect(subscriptions).toBe(5);
  expect(scene.service.shortestGap()).toBeGreaterThan(450);
});

test('a task that is tracked anew while the job of its loss still ends is polled on at once, not by a sweep', async () => {
  const scene = await stage({ polls: 2, reply: (_, count) => (count === 1 ? rejected : undefined) });
  // The worker is busy between the loss, which it has written, and the end of the job.
  const busy = `
    const write = process.stdout.write.bind(process.stdout);
    process.stdout.write = (text) => {
      write(text);
      const end = Date.now() + (text.includes('"type":"lost"') ? 1_000 : 0);
      while (Date.now() < end);
      return true;
    };`;
  scene.worker({}, ['--import', `data:text/javascript,${encodeURIComponent(busy)}`]);
  let last: Task | undefined;
  const again$ = scene.tracker().track('video_1').pipe(retry());
  again$.subscribe({ next: (task) => (last = task), error: rethrow });
  await until(() => last?.status === 'completed', 20_000);
  expect(scene.service.asked.get('video_1')).toBe(2);
});

test('a Redis that takes no writes for a while, as in a failover, ends no stream', async () => {
  const scene = await stage({ polls: 2 });
  const { redis } = scene.redis;
  await redis.replicaof('127.0.0.1', '1');
  const tracker = scene.tracker();
  const all = lastValueFrom(tracker.trackAll(['video_1', 'video_2']).pipe(toArray()));
  const resumed = lastValueFrom(tracker.resume().pipe(toArray()));
  runWorker(scene);
  await pause(2_000);
  await redis.replicaof('NO', 'ONE');
  expect(briefs((await all).filter(isTerminal))).toEqual(['video_1 completed', 'video_2 completed']);
  await resumed;
});

test('a client of a cluster is as good as one of a server', async () => {
  const scene = await stage({ polls: 2 }, ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']);
  await scene.redis.redis.cluster('ADDSLOTSRANGE', '0', '16383');
  const connection = new Cluster([{ host: '127.0.0.1', port: scene.redis.port }]);
  scene.cleanUp(() => {
    connection.disconnect();
  });
  const tracker = fleetTracker({ connection, provider: provider(scene.service.baseUrl), onError: () => undefined });
  scene.cleanUp(() => {
    tracker.close();
  });
  runWorker(scene, { connection });
  expect((await lastValueFrom(tracker.track('video_1'))).status).toBe('completed');
});

test('Retry-After pauses the whole queue', async () => {
  const times: number[] = [];
  const scene = await stage({
    polls: 1,
    reply() {
      times.push(performance.now());
      if (times.length === 1) return { status: 429, headers: { 'retry-after': '3' } };
      return undefined;
    },
  });
  const tracker = scene.tracker();
  runWorker(scene, { concurrency: 1 });
  await lastValueFrom(tracker.trackAll(['video_1', 'video_2', 'video_3']).pipe(toArray()));
  const [refused = 0, next = 0] = times;
  expect(next - refused).toBeGreaterThan(2_900);
  expect(times).toHaveLength(4);
});

test('storeUrls keeps whole URLs: a late observer asks for nothing', async () => {
  const scene = await stage({ polls: 1 });
  runWorker(scene, { storeUrls: true });
  await lastValueFrom(scene.tracker().track('video_1'));
  const late = await lastValueFrom(scene.tracker().track('video_1'));
  expect(late).toMatchObject({ video: { url: expect.stringContaining('X-Signature') as string } });
  expect(scene.service.asked.get('video_1')).toBe(1);
});

test('URLs whose message is lost while an observer reconnects are asked for again', async () => {
  const scene = await stage({ polls: 1 });
  runWorker(scene);
  await lastValueFrom(scene.tracker().track('video_1'));
  const late = lastValueFrom(scene.tracker().track('video_1'));
  const isAnswered = () => (scene.service.asked.get('video_1') ?? 0) > 1;
  while (!isAnswered()) {
    await scene.redis.redis.client('KILL', 'TYPE', 'pubsub');
    await pause(5);
  }
  for (let cut = 0; cut < 100; cut++) {
    await scene.redis.redis.client('KILL', 'TYPE', 'pubsub');
    await pause(5);
  }
  expect(await late).toMatchObject({ video: { url: expect.stringContaining('X-Signature') as string } });
});

test('an aborted signal finishes what runs and completes', async () => {
  const scene = await stage({ polls: Infinity });
  const stop = new AbortController();
  const completed = lastValueFrom(
    fleetWorker({
      connection: scene.redis.url,
      provider: provider(scene.service.baseUrl),
      speed: 60,
      signal: stop.signal,
    }),
  );
  scene.tracker().track('video_1').subscribe();
  await until(() => (scene.service.asked.get('video_1') ?? 0) > 1);
  stop.abort();
  await completed;
  const asked = scene.service.asked.get('video_1');
  await pause(1_500);
  expect(scene.service.asked.get('video_1')).toBe(asked);
});

test('a server that may drop tasks is reported, with what to change', async () => {
  const scene = await stage();
  await scene.redis.redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  const events = runWorker(scene);
  await until(() => events.some(({ type }) => type === 'warning'));
  expect(events).toContainEqual({
    type: 'warning',
    message: expect.stringMatching(/allkeys-lru.*noeviction/) as string,
  });
});
