import { lastValueFrom, toArray, type Observable } from 'rxjs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { alad, isTrackingError, type TrackedTask } from 'rx-video-tasks';
import { completedTask, failedTask } from 'rx-video-tasks/testing';
import { fleetTracker, type FleetTracker } from 'rx-video-tasks/bullmq';
import { errorReply, FakeRedis, tracked, type Answer } from './fake-redis.js';

// What becomes of a stream where Redis answers with an error, or where its subscriber has left.

let tracker: FleetTracker;

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  tracker.close();
  vi.useRealTimers();
});

function scene(answers: Readonly<Record<string, Answer>>) {
  const redis = new FakeRedis(answers);
  const errors: string[] = [];
  tracker = fleetTracker({
    connection: redis.client,
    provider: alad({ apiKey: null }),
    onError: ({ message }) => errors.push(message),
  });
  return { redis, errors };
}

const rethrow = (error: unknown) => {
  throw error;
};

const failed = (id: string) => ({ seq: '3', task: JSON.stringify(failedTask({ id, provider: 'alad' })) });
const idIn = (args: readonly unknown[]) => (JSON.parse(String(args.at(-1))) as { id: string }).id;

test.each([
  "READONLY You can't write against a read only replica.",
  "OOM command not allowed when used memory > 'maxmemory'.",
  'LOADING Redis is loading the dataset in memory',
  'CLUSTERDOWN The cluster is down',
  // Redis before 7: https://github.com/redis/redis/pull/10279
  "ERR Error running script (call to f_1): @user_script:9: @user_script: 9: -OOM command not allowed when used memory > 'maxmemory'.",
  'connect ECONNREFUSED',
])('what passes is waited for, however long, and ends no stream: %s', async (message) => {
  let isOver = false;
  const { redis, errors } = scene({
    rvtTrack(...args) {
      if (isOver) return tracked(args, failed(idIn(args)));
      throw message.startsWith('connect') ? new Error(message) : errorReply(message);
    },
  });
  const all = lastValueFrom(tracker.trackAll(['one', 'other']).pipe(toArray()));
  await vi.advanceTimersByTimeAsync(3_600_000);
  // Not a hot loop: with back-off.
  expect(redis.callsOf('rvtTrack').length).toBeLessThan(2 * 300);
  expect(new Set(errors)).toEqual(new Set([message]));
  isOver = true;
  await vi.advanceTimersByTimeAsync(60_000);
  expect((await all).map(({ id, status }) => `${id} ${status}`).sort()).toEqual(['one failed', 'other failed']);
});

test('a task that Redis refuses is lost alone, as a value, after some repetitions; the others go on', async () => {
  const { redis } = scene({
    rvtTrack(...args) {
      if (idIn(args) === 'bad') throw errorReply('NOPERM this user has no permissions to access one of the keys');
      return tracked(args);
    },
  });
  const values: TrackedTask[] = [];
  let end = '';
  tracker.trackAll(['one', 'bad', 'other']).subscribe({
    next: (task) => values.push(task),
    error: (error: unknown) => (end = String(error)),
    complete: () => (end = 'complete'),
  });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(end).toBe('');
  expect(values).toMatchObject([{ id: 'bad', status: 'lost', error: { reason: 'journal', provider: 'alad' } }]);
  expect(values[0]).toMatchObject({ error: { message: expect.stringMatching(/Redis.*NOPERM/) as string } });
  expect(redis.callsOf('rvtTrack').filter((args) => idIn(args) === 'bad')).toHaveLength(4);
  expect(redis.callsOf('rvtAck')).toEqual([]);
});

test('track errors with a TrackingError', async () => {
  scene({
    rvtTrack() {
      throw errorReply('NOAUTH Authentication required.');
    },
  });
  const error = lastValueFrom(tracker.track('one')).catch((caught: unknown) => caught);
  await vi.advanceTimersByTimeAsync(60_000);
  const caught = await error;
  expect(isTrackingError(caught) && caught.reason).toBe('journal');
});

test('a connection that could not be opened is closed and opened anew', async () => {
  let fails = 2;
  const { redis } = scene({
    xrevrange() {
      if (fails-- > 0) throw errorReply('CLUSTERDOWN The cluster is down');
      return [];
    },
    rvtTrack: (...args) => tracked(args, failed(idIn(args))),
  });
  const all = lastValueFrom(tracker.trackAll(['one', 'other']).pipe(toArray()));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await all).toHaveLength(2);
  // Commands, the stream, the URLs.
  expect(redis.connections).toBe(3);
  tracker.close();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(redis.connections).toBe(0);
});

test('closing while it connects leaves no connection', async () => {
  const { redis } = scene({ rvtTrack: (...args) => tracked(args) });
  tracker.track('one').subscribe({ error: rethrow });
  tracker.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(redis.connections).toBe(0);
});

test('what nobody received is not acknowledged', async () => {
  const { redis } = scene({ rvtTrack: (...args) => tracked(args, failed(idIn(args))) });
  let received = 0;
  const subscription = tracker.track('one').subscribe({ next: () => received++, error: rethrow });
  subscription.unsubscribe();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(received).toBe(0);
  expect(redis.callsOf('rvtAck')).toEqual([]);
  await lastValueFrom(tracker.track('one'));
  expect(redis.callsOf('rvtAck')).toHaveLength(1);
});

test('a completed task whose record expires before its URLs could be fetched is lost, and leaves no stream open', async () => {
  const bare = { ...completedTask({ id: 'one', provider: 'alad' }), hasBareUrls: true };
  const { redis } = scene({
    rvtTrack: (...args) => tracked(args, { seq: '3', task: JSON.stringify(bare) }),
    hgetall: () => ({}),
  });
  const all = lastValueFrom(tracker.trackAll(['one']).pipe(toArray()));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await all).toMatchObject([{ status: 'lost', seq: 3, error: { reason: 'expired', last: { id: 'one' } } }]);
  expect(redis.callsOf('rvtAck')).toHaveLength(1);
});

test('resume waits for a Redis that passes, and errors once another process has its lease', async () => {
  let state: 'full' | 'ours' | 'theirs' = 'full';
  const { redis } = scene({
    rvtLease() {
      if (state === 'full') throw errorReply("OOM command not allowed when used memory > 'maxmemory'.");
      return state === 'ours' ? 1 : 0;
    },
    // The second page repeats what the first one had.
    sscan: (_key, cursor) => [cursor === '0' ? '7' : '0', ['job']],
    hgetall: () => ({ gen: 'g', ref: '{"id":"one","provider":"alad"}' }),
    rvtTrack: (...args) => tracked(args),
  });
  let end = '';
  tracker.resume().subscribe({ error: (error: unknown) => (end = String(error)), complete: () => (end = 'complete') });
  await vi.advanceTimersByTimeAsync(60_000);
  expect([end, redis.callsOf('sscan').length]).toEqual(['', 0]);
  state = 'ours';
  await vi.advanceTimersByTimeAsync(120_000);
  expect([end, redis.callsOf('rvtTrack').length]).toEqual(['', 1]);
  state = 'theirs';
  await vi.advanceTimersByTimeAsync(20_000);
  expect(end).toMatch(/the lease of this fleet is held by another process; end it there/);
  expect(redis.callsOf('rvtRelease')).toHaveLength(1);
});

test('after close() every call is refused as by a tracker of one process, and none opens a connection', async () => {
  const { redis } = scene({});
  const late: Observable<unknown>[] = [tracker.resume(), tracker.stats(), tracker.track('one')];
  tracker.close();
  const refusal = /the tracker is closed; make another one with fleetTracker/;
  expect(() => tracker.track('one')).toThrow(refusal);
  expect(() => tracker.trackAll(['one'])).toThrow(refusal);
  expect(() => tracker.resume()).toThrow(refusal);
  expect(() => tracker.stats()).toThrow(refusal);
  const task = failedTask({ id: 'one', provider: 'alad' });
  for (const done of [tracker.ack(task), tracker.forget('one')])
    await expect(lastValueFrom(done)).rejects.toThrow(refusal);
  for (const stream of late) stream.subscribe({ error: () => undefined });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(redis.copies).toEqual([]);
});

test('a cluster is copied with its nodes, and its commands wait as those of one server do', () => {
  const { redis } = scene({});
  const duplicate = vi.spyOn(redis, 'duplicate');
  Object.assign(redis, { isCluster: true, options: { redisOptions: { password: 'p' }, scaleReads: 'slave' } });
  tracker.track('one').subscribe({ error: rethrow });
  expect(duplicate).toHaveBeenCalledWith([], { redisOptions: { password: 'p', maxRetriesPerRequest: null } });
});
