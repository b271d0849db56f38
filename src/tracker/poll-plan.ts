import type { PollConfig } from '../operators/index.js';
import type { PollPlan } from '../poll/poll-loop.js';
import { checkPollConfig } from '../poll/poll-config.js';
import { checkCadence, type Cadence } from '../poll/cadence.js';
import { checkWindows } from '../operators/with-model-interval.js';
import type { ResolvedRef } from '../query.js';
import { publish } from '../diagnostics.js';
import { sharedWait } from '../poll/shared-timer.js';
import { windowOf, type PollWindow, type PollWindows } from '../windows.js';

type Provider = ResolvedRef['service'];

/** When to ask; without these options each provider's own document is followed. */
export interface PaceOptions extends PollConfig {
  /** Polling windows by model, in ms. @default the provider's own */
  readonly windows?: PollWindows;
  /** How waits are chosen from the windows; see `withModelInterval`. @default 'window' */
  readonly cadence?: Cadence;
  /** A fixed wait after each answer, in ms, instead of the windows. */
  readonly interval?: number;
  /** The floor from ask to ask of one task, in ms; write it to go below the provider's. @default the provider's, or the model's */
  readonly minInterval?: number;
  /**
   * Divides windows, intervals, `initialDelay`, back-off, grace and deadline (not Retry-After, nor a transport's time
   * limits). Above 1 for a base URL on this machine, such as the sandbox's, or with `allowSpeed`. @default 1
   */
  readonly speed?: number;
  /** Take a `speed` above 1 on a host that is not this machine; never on the services' own. @default false */
  readonly allowSpeed?: boolean;
}

/** All that decides when the tasks of one provider are asked about. Times in ms, `speed` applied. */
export interface Pace extends PollPlan {
  readonly cadence: Cadence;
  /** Whether the caller's `interval` holds, not the windows. */
  readonly isFixed: boolean;
  /** The window of a task, by the model that its answers named last; its floor is always there. */
  readonly windowOf: (ref: ResolvedRef, model?: string) => PollWindow;
}

/**
 * Brings a caller's options and the documents of the providers together, once per provider.
 * @throws RangeError or TypeError for options that the documents forbid, or that cannot be meant.
 */
export function pacesOf(providers: readonly Provider[], options: PaceOptions): ReadonlyMap<Provider, Pace> {
  const speed = checkSpeed(options, providers);
  const wait = sharedWait();
  return new Map(providers.map((provider) => [provider, { ...paceOf(provider, options, speed), wait }]));
}

function paceOf(provider: Provider, options: PaceOptions, speed: number): Omit<Pace, 'wait'> {
  const { windows: documented = provider.windows, minInterval = provider.minInterval, cadence = 'window' } = options;
  checkCadence(cadence);
  checkWindows(documented);
  checkFloors(provider, options, documented);
  const config = checkPollConfig({ ...options, minInterval }, speed);
  const { interval: fixed } = options;
  const paced = ({ min, max, floor = 0, interval, generation }: PollWindow): PollWindow => ({
    min: (fixed ?? min) / speed,
    max: (fixed ?? max) / speed,
    floor: (options.minInterval === undefined ? Math.max(minInterval, floor) : minInterval) / speed,
    ...(interval !== undefined && { interval: interval / speed }),
    ...(generation && { generation: [generation[0] / speed, generation[1] / speed] }),
  });
  // Looked up anew for each answer, since windows that are learned get better.
  const windows = new WeakMap<PollWindow, PollWindow>();
  return {
    ...config,
    onMiss: (miss) => {
      const { provider, id, kind, misses, nextPollIn, error } = miss;
      publish('miss', { provider, id, kind, misses, nextPollIn, error });
      config.onMiss?.(miss);
    },
    cadence,
    isFixed: fixed !== undefined,
    windowOf: ({ hint, model }, named = hint ?? model) => {
      const window = windowOf(documented, hint === 'flex' ? hint : named);
      let own = windows.get(window);
      if (!own) windows.set(window, (own = paced(window)));
      return own;
    },
  };
}

function checkFloors(provider: Provider, { interval, minInterval }: PaceOptions, windows: PollWindows): void {
  if (minInterval !== undefined) return;
  const waits = Object.entries(windows).map(([name, { min }]) => [`windows["${name}"].min`, min] as const);
  for (const [name, ms = Infinity] of [['interval', interval] as const, ...waits]) {
    if (!(ms < provider.minInterval)) continue;
    throw new RangeError(
      `${name}: ${ms} is below the floor of ${provider.name}, ${provider.minInterval} ms; if you mean it, write minInterval: ${ms} too`,
    );
  }
}

function checkSpeed({ speed = 1, allowSpeed = false }: PaceOptions, providers: readonly Provider[]): number {
  if (!(Number.isFinite(speed) && speed > 0)) {
    throw new RangeError(`speed: ${String(speed)} is not usable; write a number above 0`);
  }
  for (const { name, baseUrl, isLoopback, isPublicService } of providers) {
    if (speed <= 1 || isLoopback || (allowSpeed && !isPublicService)) continue;
    const remedy = isPublicService ? 'leave it at 1' : 'write allowSpeed: true if that host is yours';
    throw new RangeError(`speed: ${speed} would poll ${name} at ${baseUrl} faster than its document allows; ${remedy}`);
  }
  return speed;
}
