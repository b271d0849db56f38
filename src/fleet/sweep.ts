import { randomUUID } from 'node:crypto';
import type { FleetQueue } from './fleet-queue.js';

/** ms between two sweeps of a queue, whichever worker makes them. */
export const SWEEP_INTERVAL = 30_000;

/**
 * Adds a job for each open task that has none: its tracker died between the two writes, or Redis lost the end of its
 * log. Drops what is kept of tasks that have expired.
 */
export async function sweep(queue: FleetQueue): Promise<void> {
  const { redis, keys, store } = queue;
  // Not given back: it lets one worker sweep in each interval.
  if (!(await store.lease(keys.sweep, randomUUID(), SWEEP_INTERVAL - 1_000))) return;
  for await (const jobs of scan(queue, keys.open)) {
    const exist = await Promise.all(jobs.map((job) => redis.exists(keys.job(job))));
    const orphans = jobs.filter((_, at) => exist[at] === 0);
    await Promise.all(orphans.map((job) => queue.addPoll(job)));
  }
  for await (const jobs of scan(queue, keys.kept)) {
    const exist = await Promise.all(jobs.map((job) => redis.exists(keys.task(job))));
    const expired = jobs.filter((_, at) => exist[at] === 0);
    if (expired.length > 0) await Promise.all([redis.srem(keys.kept, expired), redis.srem(keys.open, expired)]);
  }
}

async function* scan({ redis }: FleetQueue, key: string): AsyncGenerator<readonly string[]> {
  let cursor = '0';
  do {
    const [next, members] = await redis.sscan(key, cursor, 'COUNT', 500);
    cursor = next;
    yield members;
  } while (cursor !== '0');
}
