import { createHash } from 'node:crypto';
import type { Provider } from '../providers/index.js';

/** The name of BullMQ's queue inside each key prefix. */
export const QUEUE = 'poll';

/** Which keys of Redis a fleet uses. */
export interface NamespaceOptions {
  /** The first part of every key that the fleet writes. @default 'rx-video-tasks' */
  readonly prefix?: string;
  /**
   * The queue of a provider. Providers of one origin and API key share its request budget, so they share a queue; two
   * keys at one origin need two queues.
   * @default the host of the provider's base URL
   */
  readonly queue?: string | ((provider: Provider) => string);
}

/**
 * The keys of one queue. All of them share a hash tag, so that in a Redis Cluster they live in one slot and a script
 * may touch several (https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/#hash-tags).
 */
export interface Keys {
  /** `prefix` of BullMQ. */
  readonly prefix: string;
  /** The hash of one task: its ref, polling state and last transition. */
  readonly task: (job: string) => string;
  /** BullMQ's hash of one job. */
  readonly job: (job: string) => string;
  /** BullMQ's lock of one job; its value is the token of the worker that runs it. */
  readonly lock: (job: string) => string;
  /** BullMQ's limiter: jobs started in the current window. */
  readonly limiter: string;
  /** Jobs whose tasks are not settled. */
  readonly open: string;
  /** Jobs whose tasks are not settled, or not acknowledged: what `resume()` returns. */
  readonly kept: string;
  /** The stream of transitions. */
  readonly transitions: string;
  /** The channel on which whole video URLs are published. */
  readonly urls: string;
  /** The lease of the process that has called `resume()`. */
  readonly resume: string;
  /** The lease of the worker that looks for tasks without a job. */
  readonly sweep: string;
}

export function keysOf(prefix: string, queue: string): Keys {
  const tag = `{${prefix}:${queue}}`;
  return {
    prefix: tag,
    task: (job) => `${tag}:task:${job}`,
    job: (job) => `${tag}:${QUEUE}:${job}`,
    lock: (job) => `${tag}:${QUEUE}:${job}:lock`,
    limiter: `${tag}:${QUEUE}:limiter`,
    open: `${tag}:open`,
    kept: `${tag}:kept`,
    transitions: `${tag}:transitions`,
    urls: `${tag}:urls`,
    resume: `${tag}:resume`,
    sweep: `${tag}:sweep`,
  };
}

/**
 * The job of a task. A digest, because BullMQ refuses ids that are integers or contain a colon, and ids come from
 * outside.
 */
export function jobOf(provider: string, id: string): string {
  return `t${createHash('sha256').update(`${provider}\n${id}`).digest('base64url').slice(0, 22)}`;
}

/** The providers of one queue. */
export interface QueueDefinition {
  readonly keys: Keys;
  readonly providers: readonly Provider[];
}

/**
 * @throws TypeError for a queue or prefix that would break the hash tag, and for a queue that two API keys would share.
 */
export function queuesOf(
  providers: readonly Provider[],
  { prefix = 'rx-video-tasks', queue }: NamespaceOptions,
): readonly QueueDefinition[] {
  checkName('prefix', prefix);
  const queues = new Map<string, Provider[]>();
  for (const provider of providers) {
    const name = typeof queue === 'function' ? queue(provider) : (queue ?? hostOf(provider));
    checkName(`queue of ${provider.name}`, name);
    queues.set(name, [...(queues.get(name) ?? []), provider]);
  }
  return [...queues].map(([name, providers]) => {
    const keys = new Set(providers.map(({ apiKey }) => apiKey()).filter((key) => key !== null));
    if (keys.size > 1) {
      const names = providers.map((provider) => provider.name).join(', ');
      throw new TypeError(
        `queue: ${names} have different API keys, so different limits, and share the queue "${name}"; ` +
          'write queue: (provider) => provider.name, in every tracker and worker',
      );
    }
    return { providers, keys: keysOf(prefix, name) };
  });
}

function hostOf({ name, baseUrl }: Provider): string {
  if (URL.canParse(baseUrl)) return new URL(baseUrl).host;
  throw new TypeError(
    `queue: the base URL of ${name}, ${baseUrl}, has no host to name its queue by; write queue: "..."`,
  );
}

function checkName(what: string, name: unknown): void {
  if (typeof name === 'string' && /^[^{}\s]{1,200}$/.test(name)) return;
  throw new TypeError(`${what}: ${String(name)} is not usable; write 1 to 200 characters without spaces and braces`);
}
