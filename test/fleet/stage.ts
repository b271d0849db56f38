import { fleetTracker, type FleetTracker } from 'rx-video-tasks/bullmq';
import { provider, startWorker, type WorkerProcess, type WorkerSettings } from './fleet.js';
import { startRedis, type RedisServer } from './redis-server.js';
import { startService, type Service, type ServiceOptions } from './service.js';

/** A Redis server, a service, and what a test starts beside them; `closeAll` ends everything, the newest first. */
export interface Stage {
  readonly redis: RedisServer;
  readonly service: Service;
  readonly tracker: () => FleetTracker;
  /** @param flags of Node. */
  readonly worker: (settings?: Partial<WorkerSettings>, flags?: readonly string[]) => WorkerProcess;
  readonly cleanUp: (work: () => unknown) => void;
}

const cleanups: (() => unknown)[] = [];

export async function closeAll(): Promise<void> {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
}

/** @param flags of the Redis server. */
export async function stage(options: ServiceOptions = {}, flags: readonly string[] = []): Promise<Stage> {
  const cleanUp = (work: () => unknown) => void cleanups.push(work);
  const redis = await startRedis(flags);
  cleanUp(() => redis.stop());
  const service = await startService(options);
  cleanUp(() => service.close());
  const settings = { redis: redis.url, baseUrl: service.baseUrl };
  return {
    redis,
    service,
    cleanUp,
    tracker() {
      const options = { connection: redis.url, provider: provider(service.baseUrl) };
      const tracker = fleetTracker({ ...options, onError: () => undefined });
      cleanUp(() => {
        tracker.close();
      });
      return tracker;
    },
    worker(more = {}, flags = []) {
      const worker = startWorker({ ...settings, ...more }, flags);
      cleanUp(() => worker.kill());
      return worker;
    },
  };
}
