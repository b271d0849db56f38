import { channelOf, publish } from './diagnostics.js';
import { checkFlag, checkNumber } from './options.js';
import { checkCadence, type Cadence } from './poll/cadence.js';
import { checkWindows, type PollConfig } from './poll/poll-config.js';
import { pollPlan, type PollPlan } from './poll/poll-loop.js';
import { adjustedOnce, type TaskRules } from './poll/policy.js';
import { sharedTimers } from './poll/shared-timer.js';
import type { Provider } from './providers/provider.js';
import type { PollWindow, PollWindows } from './windows.js';

/** When to ask; without these options each provider's own document is followed. */
export interface TaskPlanOptions extends PollConfig {
  /** Polling windows by model, in ms. @default the provider's own */
  readonly windows?: PollWindows;
  /** How waits are chosen from the windows; see `withModelInterval`. @default 'window' */
  readonly cadence?: Cadence;
  /** A fixed wait after each answer, in ms, instead of the windows. @default none */
  readonly interval?: number;
  /**
   * The floor from ask to ask of one task, in ms; write it to go below the provider's.
   * @default the provider's, or the model's
   */
  readonly minInterval?: number;
  /**
   * Divides windows, intervals, `initialDelay`, back-off, grace and deadline (not Retry-After, nor a transport's time
   * limits). Above 1 for a base URL on this machine, such as the sandbox's, or with `allowSpeed`.
   * @default 1
   */
  readonly speed?: number;
  /** Take a `speed` above 1 on a host that is not this machine; never on the services' own. @default false */
  readonly allowSpeed?: boolean;
}

/** The names of those that `PollConfig` has not. */
export const PLAN_OPTIONS = [
  'windows',
  'cadence',
  'speed',
  'allowSpeed',
] as const satisfies readonly (keyof TaskPlanOptions)[];

/** How the tasks of one provider are polled. Durations in ms, `speed` applied. */
export interface TaskPlan extends PollPlan, TaskRules {}

/**
 * Combines a caller's options with the documents of the providers, once per provider.
 * @throws RangeError or TypeError for options that the documents forbid, or that cannot be meant.
 */
export function taskPlans(providers: readonly Provider[], options: TaskPlanOptions): ReadonlyMap<Provider, TaskPlan> {
  const speed = checkSpeed(options, providers);
  const schedule = sharedTimers();
  return new Map(
    providers.map((provider) => {
      const { windows = provider.windows, minInterval = provider.minInterval, cadence = 'window' } = options;
      checkCadence(cadence);
      checkWindows(windows);
      checkFloors(provider, options, windows);
      const plan = pollPlan({ ...options, minInterval }, schedule, speed);
      const { interval } = options;
      const taskPlan: TaskPlan = {
        ...plan,
        onMiss: reported(plan.onMiss),
        cadence,
        fixed: interval && plan.interval,
        windows,
        adjusted: adjustedOnce(({ min, max, floor = 0, interval: documented, generation }): PollWindow => ({
          min: (interval ?? min) / speed,
          max: (interval ?? max) / speed,
          floor: (options.minInterval === undefined ? Math.max(minInterval, floor) : minInterval) / speed,
          ...(documented !== undefined && { interval: documented / speed }),
          ...(generation && { generation: [generation[0] / speed, generation[1] / speed] }),
        })),
      };
      return [provider, taskPlan];
    }),
  );
}

/** After so many missed first polls of a provider there is a warning where nothing else reports them. */
const WARN_AT = 3;

/** Reports the misses of one provider: to the diagnostics channel and to `onMiss`, else once on the console. */
function reported(onMiss: PollPlan['onMiss']): PollPlan['onMiss'] {
  let firstPolls = 0;
  return (miss) => {
    const { provider, id, kind, misses, nextPollIn, error, last } = miss;
    publish('rx-video-tasks:miss', () => ({ provider, id, kind, misses, nextPollIn, error }));
    onMiss?.(miss);
    // A busy key and a task that is not stored yet are no sign of a wrong configuration.
    const isSuspect = !last && kind !== 'rate-limited' && kind !== 'not-found';
    if (!isSuspect || onMiss || channelOf('rx-video-tasks:miss')?.hasSubscribers || ++firstPolls !== WARN_AT) return;
    console.warn(
      `rx-video-tasks: ${WARN_AT} first polls at ${provider} were missed, the last one [${kind}]: ${error.message} ` +
        `(polling goes on; to receive misses instead of this warning, write createTracker({ onMiss }) or subscribe to ` +
        `the diagnostics channel "rx-video-tasks:miss")`,
    );
  };
}

function checkFloors(provider: Provider, { interval, minInterval }: TaskPlanOptions, windows: PollWindows): void {
  if (minInterval !== undefined) return;
  const waits = Object.entries(windows).map(([name, { min }]) => [`windows["${name}"].min`, min] as const);
  for (const [name, ms = Infinity] of [['interval', interval] as const, ...waits]) {
    if (!(ms < provider.minInterval)) continue;
    throw new RangeError(
      `${name}: ${ms} is below the floor of ${provider.name}, ${provider.minInterval} ms; if you mean it, write minInterval: ${ms} too`,
    );
  }
}

function checkSpeed({ speed = 1, allowSpeed = false }: TaskPlanOptions, providers: readonly Provider[]): number {
  checkFlag('allowSpeed', allowSpeed);
  checkNumber('speed', speed, speed > 0 && speed < Infinity, 'a number above 0');
  for (const { name, baseUrl, isLoopback, isPublicService } of providers) {
    if (speed <= 1 || isLoopback || (allowSpeed && !isPublicService)) continue;
    const remedy = isPublicService ? 'leave it at 1' : 'write allowSpeed: true if that host is yours';
    throw new RangeError(`speed: ${speed} would poll ${name} at ${baseUrl} faster than its document allows; ${remedy}`);
  }
  return speed;
}
