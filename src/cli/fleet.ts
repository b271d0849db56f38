import { defer, NEVER } from 'rxjs';
import type { Provider } from 'rx-video-tasks';
import { printable } from './format.js';
import type { Tracking } from './tracking.js';
import { orUsageError, UsageError } from './usage.js';

/** The options of every command that works through a fleet. */
export const fleetOptions = {
  redis: { type: 'string' },
  'queue-per-provider': { type: 'boolean' },
} as const;

/** Where a fleet is, as the library takes it. */
export interface FleetPlace {
  readonly connection: string;
  readonly queue?: (provider: Provider) => string;
}

/**
 * Reads the options. The password of Redis comes from the environment only, as API keys do: every user of a machine can
 * read the arguments of a process. @throws UsageError
 */
export function readFleet(values: {
  readonly redis?: string | undefined;
  readonly 'queue-per-provider'?: boolean | undefined;
}): FleetPlace | undefined {
  const { redis, 'queue-per-provider': isQueuePerProvider = false } = values;
  if (redis === undefined) {
    if (isQueuePerProvider) throw new UsageError('--queue-per-provider goes with --redis URL');
    return undefined;
  }
  if (!URL.canParse(redis) || !/^rediss?:$/.test(new URL(redis).protocol)) {
    throw new UsageError('--redis: not a Redis URL; write redis://HOST:6379, or rediss://HOST:6379 for TLS');
  }
  const url = new URL(redis);
  if (url.password !== '') {
    throw new UsageError(
      '--redis: the URL holds a password; write export REDIS_PASSWORD=... and leave it out of the URL',
    );
  }
  url.password = process.env['REDIS_PASSWORD'] ?? '';
  return { connection: url.href, ...(isQueuePerProvider && { queue: ({ name }) => name }) };
}

/** The entry for fleets, whose packages only they need. @throws UsageError where these are not installed. */
export async function importFleet(): Promise<typeof import('rx-video-tasks/bullmq')> {
  try {
    return await import('rx-video-tasks/bullmq');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== 'ERR_MODULE_NOT_FOUND' || !/'(bullmq|ioredis)'/.test(message)) throw error;
    throw new UsageError('--redis needs two packages that are not installed; write npm install bullmq ioredis');
  }
}

/**
 * Tracks through a fleet, as an observer: the tasks go on when this process ends, and nothing is acknowledged, so that
 * the `resume` of an application still emits what this process has shown. @throws UsageError
 */
export async function trackInFleet(place: FleetPlace, providers: readonly Provider[]): Promise<Tracking> {
  const { fleetTracker } = await importFleet();
  const onError = warnOnChange();
  const tracker = orUsageError(() =>
    fleetTracker({
      ...place,
      provider: providers,
      onError: ({ message }) => {
        onError(message);
      },
    }),
  );
  return {
    track: (refs) => tracker.trackAll(refs, { ack: 'manual' }),
    query: tracker.query,
    // The workers print them.
    misses: NEVER,
    stats: defer(() => tracker.stats()),
    close() {
      tracker.close();
      return Promise.resolve();
    },
  };
}

/**
 * Prints a message about Redis to standard error, unless it is that of the last call: a server that is away fails
 * often.
 */
export function warnOnChange(): (message: string) => void {
  let last = '';
  return (message) => {
    if (message !== last) console.error(printable(`Redis: ${message}`));
    last = message;
  };
}
