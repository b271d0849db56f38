import { asyncScheduler, identity, type MonoTypeOperatorFunction } from 'rxjs';
import { withModelInterval, type PollConfig } from '../operators/index.js';
import type { PollPlan } from '../operators/poll.js';
import { checkPollConfig } from '../operators/poll-config.js';
import { checkWindows } from '../operators/with-model-interval.js';
import { checkCadence, timeUnseen, waitAfter, type Cadence } from '../operators/cadence.js';
import type { ResolvedRef } from '../query.js';
import type { Task } from '../task.js';
import { publish } from '../diagnostics.js';
import { sharedWait } from './shared-wait.js';
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
   * Divides windows, intervals, back-off, grace and deadline (not Retry-After, nor a transport's time limits). Above 1
   * for a base URL on this machine, such as the sandbox's, or with `allowSpeed`. @default 1
   */
  readonly speed?: number;
  /** Take a `speed` above 1 on a host that is not this machine; never on the services' own. @default false */
  readonly allowSpeed?: boolean;
}

/** All that decides when the tasks of one provider are asked about. Times in ms, `speed` applied. */
export interface Pace extends PollPlan<ResolvedRef> {
  /** Puts the wait that its window recommends on each answer about one task. */
  readonly withWaits: (ref: ResolvedRef) => MonoTypeOperatorFunction<Task>;
  /** How urgent it is to ask about a task, by its last answer and when its generation began. */
  readonly urgency: (ref: ResolvedRef, last: Task | undefined, began: number) => number;
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
  const { windows: documented = provider.windows, deadline = 86_400_000, minInterval = provider.minInterval } = options;
  const { cadence = 'window' } = options;
  checkCadence(cadence);
  checkWindows(documented);
  checkFloors(provider, options, documented);
  // As they are, since those that are learned get better.
  const windows = speed === 1 ? documented : spedUp(documented, speed);
  const { delay = 2_000, maxDelay = 120_000, notFoundGrace = 60_000, ...retry } = options.retry ?? {};
  const config = checkPollConfig({
    ...options,
    interval: (options.interval ?? Math.max(30_000, minInterval)) / speed,
    minInterval: minInterval / speed,
    deadline: deadline instanceof Date ? deadline : deadline / speed,
    retry: { ...retry, delay: delay / speed, maxDelay: maxDelay / speed, notFoundGrace: notFoundGrace / speed },
  });
  const { random } = config;
  const isFixed = options.interval !== undefined;
  const hasOwnFloor = options.minInterval !== undefined;
  return {
    ...config,
    onMiss: (miss) => {
      const { provider, id, kind, misses, nextPollIn, error } = miss;
      publish('miss', { provider, id, kind, misses, nextPollIn, error });
      config.onMiss?.(miss);
    },
    interval: (ref) => (isFixed ? config.interval : waitAfter(windowOf(windows, known(ref)), 'uniform', random)),
    floor: (ref, last) =>
      hasOwnFloor
        ? config.minInterval
        : Math.max(config.minInterval, windowOf(windows, last?.model ?? known(ref)).floor ?? 0),
    urgency: (ref, last, began) => {
      const window = windowOf(windows, last?.model ?? known(ref));
      return timeUnseen(window, asyncScheduler.now() - began, (last?.observedAt ?? began) - began);
    },
    withWaits: (ref) => (isFixed ? identity : withModelInterval(windows, { cadence, random, hint: known(ref) })),
  };
}

function spedUp(documented: PollWindows, speed: number): PollWindows {
  const windows: Record<string, PollWindow> = {};
  for (const [name, { min, max, floor = 0, generation }] of Object.entries(documented)) {
    windows[name] = {
      min: min / speed,
      max: max / speed,
      floor: floor / speed,
      ...(generation && { generation: [generation[0] / speed, generation[1] / speed] }),
    };
  }
  return windows;
}

/** The window's name before an answer has told the model. */
function known({ hint, model }: ResolvedRef): string | undefined {
  return hint ?? model;
}

function checkFloors(provider: Provider, { interval, minInterval }: PaceOptions, windows: PollWindows): void {
  if (minInterval !== undefined) return;
  const waits = Object.entries(windows).map(([name, { min }]) => [`windows["${name}"].min`, min] as const);
  for (const [name, ms = Infinity] of [['interval', interval] as const, ...waits]) {
    if (ms >= provider.minInterval) continue;
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
