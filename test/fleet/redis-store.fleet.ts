import { afterEach, expect, test } from 'vitest';
import { Redis } from 'ioredis';
import { keysOf } from '../../src/fleet/keys.js';
import { RedisStore } from '../../src/fleet/redis-store.js';
import { closeAll, stage } from './stage.js';

afterEach(closeAll);

/** A store over a Redis server of its own, and what a step writes where nothing happened. */
async function scene() {
  const { redis, cleanUp } = await stage();
  const own = new Redis(redis.url);
  cleanUp(() => {
    own.disconnect();
  });
  const keys = keysOf('rx-video-tasks', 'acme');
  const nothing = { gen: '', state: '{}', due: 0, earliest: 0, floor: 0, transition: '', urls: '', lost: '' };
  return { redis: redis.redis, keys, store: new RedisStore(own, keys), nothing };
}

test('a shorter pause does not cut a longer one that runs', async () => {
  const { redis, keys, store, nothing } = await scene();
  for (const pause of [60_000, 1_000]) await store.step('job', 'token', { ...nothing, pause });
  expect(await redis.pttl(keys.limiter)).toBeGreaterThan(1_000);
});

test('a floor divided by a speed, a Retry-After and an expiry need not be whole milliseconds', async () => {
  const { redis, keys, store, nothing } = await scene();
  expect(await store.lease('lease', 'owner', 10_000 / 60)).toBe(true);
  const { snapshot } = await store.track('job', 'gen', { id: 'video_1', provider: 'acme' });
  await redis.set(keys.lock('job'), 'token');
  const expiry = Date.now() + 60_000.5;
  const step = await store.step('job', 'token', { ...nothing, gen: snapshot.gen, pause: 5_000.5, expiry });
  expect(step.verdict).toBe('written');
  expect(await redis.pttl(keys.limiter)).toBeGreaterThan(0);
  expect(await redis.pttl(keys.task('job'))).toBeGreaterThan(0);
});

test('an acknowledgement counts up to the last transition there is: a late one is of an earlier tracking', async () => {
  const { redis, keys, store, nothing } = await scene();
  const ref = { id: 'video_1', provider: 'acme' };
  const { snapshot } = await store.track('job', 'gen', ref);
  await redis.set(keys.lock('job'), 'token');
  await store.step('job', 'token', { ...nothing, gen: snapshot.gen, transition: '{"status":"queued"}', pause: 0 });
  await store.ack('job', '', 5);
  expect(await store.read('job')).toMatchObject({ seq: 1, acked: 1 });
  expect(await redis.sismember(keys.kept, 'job')).toBe(1);
});

test('a lost task begins anew under the next number, not before its floor allows', async () => {
  const { redis, keys, store, nothing } = await scene();
  const ref = { id: 'video_1', provider: 'acme' };
  const { snapshot } = await store.track('job', 'gen', ref);
  await redis.set(keys.lock('job'), 'token');
  const step = { ...nothing, gen: snapshot.gen, pause: 0 };
  await store.step('job', 'token', { ...step, transition: '{"status":"queued"}' });
  const loss = '{"reason":"query","message":"wrong key","misses":0,"at":5}';
  const earliest = Date.now() + 60_000;
  await store.step('job', 'token', { ...step, earliest, lost: loss, expiry: Date.now() + 120_000 });
  expect(await redis.sismember(keys.open, 'job')).toBe(0);

  const again = await store.track('job', 'other', ref);
  expect(again.isNew).toBe(true);
  expect(again.snapshot).toMatchObject({ gen: 'gen', ref, seq: 3, sinceSeq: 3, task: { status: 'queued' } });
  expect(again.snapshot).not.toHaveProperty('lost');
  expect(again.snapshot.trackedAt).toBe(snapshot.since);
  expect(Number(await redis.hget(keys.task('job'), 'due'))).toBe(earliest);
  expect(await redis.pttl(keys.task('job'))).toBe(-1);
  expect(await redis.sismember(keys.open, 'job')).toBe(1);
  expect((await store.track('job', 'third', ref)).isNew).toBe(false);
});
