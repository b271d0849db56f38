import { Observable } from 'rxjs';
import { createGate } from '../gate/index.js';
import { check, checkFlag, checkNumber, checkOptions } from '../options.js';
import { policyOptions } from '../poll/poll-config.js';
import { policyOf, windowIn } from '../poll/policy.js';
import { createQuery, providersOf, QUERY_OPTIONS, type QueryOptions } from '../query.js';
import { PLAN_OPTIONS, taskPlans, type TaskPlan, type TaskPlanOptions } from '../task-plan.js';
import type { FleetEvent } from './fleet-event.js';
import type { Provider } from '../providers/provider.js';
import { queuesOf, type NamespaceOptions } from './keys.js';
import { limiterOf } from './limiter.js';
import { QueueWorker } from './queue-worker.js';
import { checkConnection, connect, type FleetConnection } from './redis-connection.js';

/** Which services a worker asks, how often, and through which Redis. */
export interface FleetWorkerOptions
  extends QueryOptions, Omit<TaskPlanOptions, 'notifier' | 'onMiss'>, NamespaceOptions {
  /** The Redis or Valkey that the trackers use too. */
  readonly connection: FleetConnection;
  /** Aborted: finishes the polls that run, starts no other, and completes. @default none */
  readonly signal?: AbortSignal;
  /** Polls that run at once in this process, for each queue. @default 64 */
  readonly concurrency?: number;
  /**
   * What each key allows, over all workers; every worker must be given the same. Without it each worker learns by
   * itself what the services let through, like a tracker. `Infinity`: no limit.
   * @default undefined: learned
   */
  readonly requestsPerMinute?: number;
  /**
   * Stores whole video URLs in Redis until they expire. Else what opens a URL (its query) reaches only observers that
   * are connected, and later ones have a worker ask anew.
   * @default false
   */
  readonly storeUrls?: boolean;
}

/**
 * Polls the tasks of a fleet, and emits what happens. Cold: polling begins with the subscription and ends with it; a
 * poll under way is aborted then, and another worker takes its task over. Any number of workers share the work.
 *
 * Errors only if its connection cannot be used at all.
 *
 * @throws TypeError or RangeError at call time for options that are not usable.
 *
 * @example
 * fleetWorker({ connection: 'redis://localhost:6379', provider: alad({ apiKey }), transport: undiciTransport() })
 *   .subscribe((event) => event.type === 'miss' && console.warn(event.id, event.kind));
 */
export function fleetWorker(options: FleetWorkerOptions): Observable<FleetEvent> {
  checkOptions('fleetWorker', 'fleetWorker({ connection, provider })', options, [...OPTIONS, ...policyOptions()]);
  const connection = checkConnection(options.connection);
  const { signal, requestsPerMinute, gate, transport, storeUrls = false } = options;
  checkFlag('storeUrls', storeUrls);
  check('signal', signal, !signal || typeof signal.addEventListener === 'function', 'an AbortSignal');
  const providers = providersOf(options.provider);
  const plans = taskPlans(providers, options);
  const planOf = (provider: Provider) => plans.get(provider) as TaskPlan;
  const limiter = limiterOf(requestsPerMinute);
  const concurrency = checkConcurrency(options.concurrency);
  // With a limit of its own the queue admits: the gate only bounds what is in flight.
  const isLimited = requestsPerMinute !== undefined;
  const ownGate =
    gate ?? (isLimited ? createGate({ requestsPerMinute: Infinity, maxInFlight: concurrency }) : undefined);
  const queues = queuesOf(providers, options).map((queue) => {
    const own = { provider: queue.providers, ...(transport && { transport }), ...(ownGate && { gate: ownGate }) };
    return { ...queue, query: createQuery(own) };
  });
  return new Observable((subscriber) => {
    if (signal?.aborted) {
      subscriber.complete();
      return undefined;
    }
    const workers = queues.map(
      ({ keys, providers, query }) =>
        new QueueWorker(connect(connection), keys, subscriber, {
          query,
          policies: new Map(providers.map((provider) => [provider.name, policyOf(planOf(provider))])),
          floor: Math.max(...providers.map((provider) => windowIn(planOf(provider), undefined).floor ?? 0)),
          ...{ limiter, concurrency, storeUrls },
        }),
    );
    const fail = (error: unknown) => {
      subscriber.error(error);
    };
    const drain = () => {
      Promise.all(workers.map((worker) => worker.drain())).then(() => {
        subscriber.complete();
      }, fail);
    };
    for (const worker of workers) worker.start().catch(fail);
    signal?.addEventListener('abort', drain, { once: true });
    return () => {
      signal?.removeEventListener('abort', drain);
      for (const worker of workers) worker.abort();
    };
  });
}

const OPTIONS = [
  ...[...QUERY_OPTIONS, 'connection', 'prefix', 'queue'],
  ...['signal', 'concurrency', 'requestsPerMinute', 'storeUrls', ...PLAN_OPTIONS],
];

/** @throws RangeError for a number of polls that is none. */
function checkConcurrency(concurrency = 64): number {
  const isValid = Number.isInteger(concurrency) && concurrency >= 1;
  checkNumber('concurrency', concurrency, isValid, 'a whole number of at least 1');
  return concurrency;
}
