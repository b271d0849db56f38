import type { ObservableInput } from 'rxjs';
import { DAY, LONGEST_DELAY } from '../durations.js';
import type { QueryError, QueryErrorKind } from '../errors.js';
import { check, checkDuration, checkFunction, checkNumber, checkOptions } from '../options.js';
import type { Task } from '../task.js';
import type { PollWindow, PollWindows } from '../windows.js';

/** When to ask again, and when to give up. All durations in ms, 0..2^31-1. */
export interface PollConfig {
  /** The wait after an answer that carries no `pollAfter`, in ms. @default 30_000, or `minInterval` if that is more */
  readonly interval?: number;
  /**
   * The floor, in ms: no ask sooner than this after an answer, nor, when a notifier calls, after the last ask.
   * @default 10_000
   */
  readonly minInterval?: number;
  /** The wait before the first ask, in ms. @default 0 */
  readonly initialDelay?: number;
  /**
   * When tracking ends with a TrackingError: so many ms after subscription, or at a date. At least one query is tried
   * first, as soon as the floor allows, and for at most `interval`; one that hangs is aborted.
   * @default 86_400_000 (a day: by then the services have deleted the record)
   */
  readonly deadline?: number | Date;
  /** What to do about missed polls: queries that got no usable answer. @default {}: the defaults of its fields */
  readonly retry?: RetryConfig;
  /**
   * Emits when asking is worthwhile: a webhook, a window's focus, the network's return. Each emission brings the next
   * ask forward, as far as `minInterval` and a Retry-After allow.
   * @default none
   */
  readonly notifier?: ObservableInput<unknown>;
  /** Called with each missed poll. What it throws ends the stream. @default none */
  readonly onMiss?: (miss: Miss) => void;
  /** Returns 0..1; spreads the back-off. @default Math.random */
  readonly random?: () => number;
}

/** What to do about missed polls. */
export interface RetryConfig {
  /**
   * How many polls in a row may be missed. Throttled ones (429) do not count.
   * @default Infinity (the deadline ends it)
   */
  readonly count?: number;
  /**
   * The back-off's base, in ms: the n-th miss in a row waits at least `random() * min(maxDelay, delay * 2 ** n)`.
   * @default 2_000
   */
  readonly delay?: number;
  /** The back-off's limit, in ms. @default 120_000 */
  readonly maxDelay?: number;
  /**
   * For how long after subscription "not found" means that the task is not stored yet, in ms. Afterwards three such
   * answers in a row, over at least this time, end tracking.
   * @default 60_000
   */
  readonly notFoundGrace?: number;
}

/** A poll that got no usable answer. The task is not affected. */
export interface Miss {
  /** The name of the provider. */
  readonly provider: string;
  /** The id of the task. */
  readonly id: string;
  /** Why there was no usable answer. */
  readonly kind: QueryErrorKind;
  /** How many in a row, this one included. */
  readonly misses: number;
  /** ms until the next ask. */
  readonly nextPollIn: number;
  /** The error of the query. */
  readonly error: QueryError;
  /** The last good answer; absent before the first. */
  readonly last?: Task;
}

export interface CheckedPollConfig
  extends Required<RetryConfig>, Omit<Required<PollConfig>, 'notifier' | 'onMiss' | 'retry'> {}

/** The names of all options. */
export const POLL_OPTIONS = [
  ...['interval', 'minInterval', 'initialDelay', 'deadline', 'retry', 'notifier', 'onMiss', 'random'],
] as const satisfies readonly (keyof PollConfig)[];

/**
 * @param now epoch ms, to compare a deadline that is a date with.
 * @param speed divides all durations.
 * @throws RangeError or TypeError that names the option and the remedy.
 */
export function checkPollConfig(config: PollConfig, now: number, speed = 1): CheckedPollConfig {
  const { minInterval = 10_000, interval = Math.max(30_000, minInterval), initialDelay = 0, retry = {} } = config;
  const { deadline = DAY, onMiss, random = Math.random } = config;
  checkOptions('retry', '{ count, delay }', retry, RETRY_OPTIONS);
  const { count = Infinity, delay = 2_000, maxDelay = 120_000, notFoundGrace = 60_000 } = retry;
  const date = deadline instanceof Date && deadline;
  // A date that has passed is fine: one query is tried all the same.
  const patience = date ? Math.max(0, +date - now) * speed : deadline;
  const durations = { minInterval, interval, initialDelay, deadline: patience, delay, maxDelay, notFoundGrace };
  for (const name of Object.keys(durations) as (keyof typeof durations)[]) {
    const path = RETRY_OPTIONS.includes(name) ? `retry.${name}` : name;
    durations[name] = checkDuration(path, durations[name], speed);
  }
  if (interval < minInterval) {
    throw new RangeError(
      `interval: ${interval} is below minInterval (${minInterval}); lower minInterval too if this is intended`,
    );
  }
  // Infinity has no remainder.
  checkNumber('retry.count', count, count >= 0 && !(count % 1), '0, 1, ... or Infinity');
  checkFunction('random', random);
  checkFunction('onMiss', onMiss ?? random);
  return { ...durations, deadline: date || durations.deadline, count, random };
}

/** The names of those that a policy has: it calls no observer. */
export function policyOptions(): readonly string[] {
  return POLL_OPTIONS.filter((name) => name !== 'notifier' && name !== 'onMiss');
}

const RETRY_OPTIONS: readonly string[] = ['count', 'delay', 'maxDelay', 'notFoundGrace'];

/** @throws TypeError for what are no windows; RangeError that names the window. */
export function checkWindows(windows: PollWindows): void {
  const isTable = Object(windows) === windows && !Array.isArray(windows);
  check('windows', windows, isTable, 'an object such as resultWindows');
  for (const [name, window] of Object.entries(windows)) {
    const { min, max, floor = 0, interval = max, generation = [1, 1] } = Object(window) as PollWindow;
    const refuse = (what: string, remedy: string) => {
      throw new RangeError(`windows["${name}"]: ${what}; write ${remedy}`);
    };
    if (!isRange(min, max)) refuse(`min ${min}, max ${max}`, '0 < min <= max, in ms');
    const [shortest, longest] = [generation].flat();
    if (!isRange(shortest, longest)) refuse(`generation ${String(generation)}`, '[shortest, longest], in ms');
    checkDuration(`windows["${name}"].floor`, floor);
    if (!(interval >= min && interval <= max)) {
      refuse(`interval ${interval} is outside the window`, `${min} to ${max} ms`);
    }
  }
}

/** Whether both are ms that a timer can take, and in this order. */
function isRange(low: unknown, high: unknown): boolean {
  return typeof low === 'number' && typeof high === 'number' && low > 0 && low <= high && high <= LONGEST_DELAY;
}
