import { afterEach, expect, test } from 'vitest';
import { Redis } from 'ioredis';
import { keysOf } from '../../src/fleet/keys.js';
import { TaskStore } from '../../src/fleet/task-store.js';
import { closeAll, stage } from './stage.js';

afterEach(closeAll);

test('a shorter pause does not cut a longer one that runs', async () => {
  const { redis, cleanUp } = await stage();
  const own = new Redis(redis.url);
  cleanUp(() => {
    own.disconnect();
  });
  const keys = keysOf('rx-video-tasks', 'acme');
  const store = new TaskStore(own, keys);
  const nothing = { gen: '', state: '{}', due: 0, earliest: 0, floor: 0, transition: '', urls: '', lost: '' };
  for (const pause of [60_000, 1_000]) await store.step('job', 'token', { ...nothing, pause });
  expect(await redis.redis.pttl(keys.limiter)).toBeGreaterThan(1_000);
});
