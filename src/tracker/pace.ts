import { identity, type MonoTypeOperatorFunction } from 'rxjs';
import { withModelInterval } from '../operators/index.js';
import { checkPollConfig, type CheckedPollConfig } from '../operators/poll-config.js';
import { checkWindows, drawWait } from '../operators/with-model-interval.js';
import { toArray, type ResolvedRef } from '../query.js';
import type { Task } from '../task.js';
import { windowOf, type PollWindow, type PollWindows } from '../windows.js';
import type { TrackerOptions } from './tracker.js';

type Provider = ResolvedRef['provider'];

/** All that decides when the tasks of one provider are asked about. Times in ms, `speed` applied. */
export interface Pace {
  readonly config: CheckedPollConfig;
  /** A wait for a task that no answer has told of yet. */
  readonly interval: (ref: ResolvedRef) => number;
  /** The shortest time from ask to ask, once the model is known, and before. */
  readonly floor: (ref: ResolvedRef, model: string | undefined) => number;
  /** Puts the wait that its window recommends on each answer about one task. */
  readonly withWaits: (ref: ResolvedRef) => MonoTypeOperatorFunction<Task>;
}

/**
 * Brings a caller's options and the documents of the providers together, once per provider.
 * @throws RangeError or TypeError for options that the documents forbid, or that cannot be meant.
 */
export function pacesOf(options: TrackerOptions): ReadonlyMap<Provider, Pace> {
  const providers = toArray(options.provider);
  const speed = checkSpeed(options, providers);
  return new Map(providers.map((provider) => [provider, paceOf(provider, options, speed)]));
}

function paceOf(provider: Provider, options: TrackerOptions, speed: number): Pace {
  const documented = options.windows ?? provider.windows;
  checkWindows(documented);
  checkFloors(provider, options, documented);
  const windows = Object.fromEntries(Object.entries(documented).map(([name, window]) => [name, faster(window, speed)]));
  const windowFor = (name: string | undefined) => windowOf(windows, name);

  const { deadline = 86_400_000, retry = {}, minInterval = provider.minInterval } = options;
  const config = checkPollConfig({
    ...options,
    interval: (options.interval ?? Math.max(30_000, minInterval)) / speed,
    minInterval: minInterval / speed,
    deadline: deadline instanceof Date ? deadline : deadline / speed,
    retry: {
      ...retry,
      delay: (retry.delay ?? 2_000) / speed,
      maxDelay: (retry.maxDelay ?? 120_000) / speed,
      notFoundGrace: (retry.notFoundGrace ?? 60_000) / speed,
    },
  });
  const { random } = config;
  const isFixed = options.interval !== undefined;
  const hasOwnFloor = options.minInterval !== undefined;
  return {
    config,
    interval: (ref) => (isFixed ? config.interval : drawWait(windowFor(known(ref)), random)),
    floor: (ref, model) =>
      hasOwnFloor ? config.minInterval : Math.max(config.minInterval, windowFor(model ?? known(ref)).floor ?? 0),
    withWaits: (ref) => {
      const hint = known(ref);
      return isFixed ? identity : withModelInterval(windows, { random, ...(hint === undefined ? {} : { hint }) });
    },
  };
}

/** The window's name before an answer has told the model. */
function known({ hint, model }: ResolvedRef): string | undefined {
  return hint ?? model;
}

function faster({ min, max, floor = 0, generation }: PollWindow, speed: number): PollWindow {
  const [shortest, longest] = generation ?? [];
  return {
    min: min / speed,
    max: max / speed,
    floor: floor / speed,
    ...(shortest === undefined || longest === undefined ? {} : { generation: [shortest / speed, longest / speed] }),
  };
}

function checkFloors(provider: Provider, { interval, minInterval }: TrackerOptions, windows: PollWindows): void {
  if (minInterval !== undefined) return;
  const asked = {
    interval,
    ...Object.fromEntries(Object.entries(windows).map(([name, { min }]) => [`windows["${name}"].min`, min])),
  };
  for (const [name, ms] of Object.entries(asked)) {
    if (ms === undefined || ms >= provider.minInterval) continue;
    throw new RangeError(
      `${name}: ${ms} is below the floor of ${provider.name}, ${provider.minInterval} ms; if you mean it, write minInterval: ${ms} too`,
    );
  }
}

function checkSpeed({ speed = 1, allowSpeed = false }: TrackerOptions, providers: readonly Provider[]): number {
  if (!(Number.isFinite(speed) && speed > 0)) {
    throw new RangeError(`speed: ${String(speed)} is not usable; write a number above 0, such as 1`);
  }
  for (const { name, baseUrl, isLoopback, isPublicService } of providers) {
    if (speed <= 1 || isLoopback || (allowSpeed && !isPublicService)) continue;
    const remedy = isPublicService ? 'leave it at 1' : 'write allowSpeed: true if that host is yours';
    throw new RangeError(`speed: ${speed} would poll ${name} at ${baseUrl} faster than its document allows; ${remedy}`);
  }
  return speed;
}
