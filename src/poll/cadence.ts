import type { Task } from '../task.js';
import { DEFAULT_FLOOR, type PollWindow } from '../windows.js';
import { check, draw } from '../options.js';

/** How waits are chosen; see `ModelIntervalOptions.cadence`. */
export type Cadence = 'uniform' | 'window' | 'economical';

/**
 * Doubt about the documented generation times: a standard deviation of their logarithm, on top of the documented one.
 * 0.3 allows for times that are longer or shorter by a factor of 1.6 (nine cases of ten), 0.49 by a factor of 2.2.
 */
const DOUBT: Readonly<Record<Cadence, number>> = { uniform: 0, window: 0.3, economical: 0.49 };

/** The promised mean latency, as a ratio to that of a timer. */
const LATENCY = 1.02;

/**
 * Each wait is longer by a random share of itself, at most this one, so that tasks that started together drift apart.
 */
const JITTER = 0.015;

/** @throws TypeError that names the choices. */
export function checkCadence(cadence: Cadence): void {
  check('cadence', cadence, DOUBT[cadence] >= 0, "'uniform', 'window' or 'economical'");
}

/**
 * How long to wait after an answer: a whole number of ms, never 0.
 *
 * A poll costs a request if the task still runs; waiting costs latency if it has ended. So the wait lasts until the
 * expected time since an unseen end reaches a price times the chance that the task still runs. The price is the one at
 * which the mean latency is as promised under the documented generation times: docs/decisions/0001.
 *
 * @param age since the generation began, in ms; see `beginningOf`.
 * @param left ms until the end, 0 if unknown; see `timeLeft`.
 */
export function waitAfter(window: PollWindow, cadence: Cadence, random: () => number, age = 0, left = 0): number {
  const { min, max, generation } = window;
  const drawn = draw(random);
  let wait = min + drawn * (max - min);
  if (generation && cadence !== 'uniform') {
    const schedule = scheduleOf(window, generation, cadence);
    // Ages from outside can be negative or NaN.
    wait = bounded(schedule, left || spacing(schedule, schedule.price, Math.max(0, age) || 0), drawn);
  }
  return Math.max(1, Math.round(wait));
}

/**
 * When a task's generation began, as far as is known (epoch ms): not before it was last seen queued.
 *
 * @param before the result for the previous answer.
 * @param from the result if the task has no time at all.
 */
export function beginningOf(task: Task, before: number | undefined, now: number, from = now): number {
  return task.startedAt ?? (task.status === 'queued' ? now : (before ?? task.createdAt ?? from));
}

/**
 * ms until progress reaches 100, extrapolated, if it rose from one processing answer to the next; else 0. Many gateways
 * report 10 for queued, 50 for processing and nothing else.
 */
export function timeLeft({ progress = 0, observedAt }: Task, before: Task | undefined): number {
  if (before?.status !== 'processing') return 0;
  const rise = progress - (before.progress ?? progress);
  // Cut to whole percents, it may be one more.
  return rise > 0 ? ((101 - progress) * (observedAt - before.observedAt)) / rise : 0;
}

/**
 * How long a task has probably been done unseen, in ms, given that it still ran at an earlier age: the larger, the more
 * urgent the next poll.
 */
export function timeUnseen({ generation }: PollWindow, age: number, seenAt: number): number {
  const unseen = age - seenAt;
  return generation ? unseen * (1 - stillRunning(timesOf(generation), seenAt, age)) : unseen;
}

type Generation = NonNullable<PollWindow['generation']>;

/** Lognormal generation times: their median in ms, and the standard deviation of their logarithm. */
interface Times {
  readonly usual: number;
  readonly spread: number;
}

interface Spacing {
  /** The documented times, doubted. */
  readonly times: Times;
  readonly least: number;
  readonly most: number;
}

interface Schedule extends Spacing {
  /** How much latency, in ms, is worth a request. */
  readonly price: number;
}

/** 5 % of lognormal times are shorter, and 5 % longer, by so many standard deviations than the median. */
export const TAIL = 1.645;

/** Steps of the sum over a wait. Twice as many change the requests by 0.2 %. */
const STEPS = 12;

const schedules = /* @__PURE__ */ new WeakMap<PollWindow, Partial<Record<Cadence, Schedule>>>();

function scheduleOf(window: PollWindow, generation: Generation, cadence: Cadence): Schedule {
  let known = schedules.get(window);
  if (!known) schedules.set(window, (known = {}));
  return (known[cadence] ??= makeSchedule(window, generation, cadence));
}

/** Finds the price by bisection: about 0.2 ms. */
function makeSchedule(window: PollWindow, generation: Generation, cadence: Cadence): Schedule {
  const { min, max, floor = DEFAULT_FLOOR, interval = (min + max) / 2 } = window;
  const [least, most] = cadence === 'economical' ? [floor, Math.max(floor, 3 * max)] : [min, max];
  const spacing = { times: timesOf(generation, DOUBT[cadence]), least, most };
  const documented = timesOf(generation);
  // Prices grow with the square of the interval; e^-7 to e^7 is beyond every useful one.
  const priceAt = (exponent: number) => (Math.exp(exponent) * interval ** 2) / documented.usual;
  let [low, high] = [-7, 7];
  for (let i = 0; i < 16; i++) {
    const middle = (low + high) / 2;
    if (latencyOf(spacing, priceAt(middle), documented, interval) > (LATENCY * interval) / 2) high = middle;
    else low = middle;
  }
  return { ...spacing, price: priceAt(low) };
}

/** The mean latency at a price, if the documented times are right. */
function latencyOf(schedule: Spacing, price: number, times: Times, interval: number): number {
  const end = times.usual * Math.exp(3.1 * times.spread);
  // Where the times are long beside the interval, one wait stands for several, so that the work is bounded.
  const repeated = Math.ceil(end / interval / 500);
  let latency = 0;
  let polls = 0;
  for (let age = 0; age < end;) {
    // Twice as many as the timer: the price is too low.
    if (++polls > 1000) return 0;
    const wait = bounded(schedule, spacing(schedule, price, age), 0.5);
    let running = 0;
    for (let part = 1; part < 16; part += 2) running += stillRunning(times, age, age + (wait * part) / 16) / 8;
    latency += repeated * wait * (1 - running) * stillRunning(times, 0, age);
    age += repeated * wait;
  }
  return latency;
}

/** The wait after an answer at some age, not yet bounded, nor longer than the longest. */
function spacing({ times, most }: Spacing, price: number, age: number): number {
  const step = most / STEPS;
  let running = 1;
  let unseen = 0;
  for (let i = 1; i <= STEPS; i++) {
    const missing = price * running - unseen;
    const next = stillRunning(times, age, age + i * step);
    unseen += step * (1 - (running + next) / 2);
    running = next;
    const excess = unseen - price * running;
    if (excess >= 0) return step * (i - excess / (missing + excess));
  }
  return most;
}

/** Jitter goes upwards, and stays within the bounds. */
function bounded({ least, most }: Spacing, wait: number, drawn: number): number {
  const earliest = Math.max(least, Math.min(wait, most / (1 + JITTER)));
  return Math.min(most, earliest * (1 + JITTER * drawn));
}

/** No document is so exact that the spread would be 0. */
function timesOf([shortest, longest]: Generation, doubt = 0.01): Times {
  return { usual: Math.sqrt(shortest * longest), spread: Math.hypot(Math.log(longest / shortest) / 2 / TAIL, doubt) };
}

/** The chance that a task still runs at an age, given that it did at an earlier one. Exact far out in the tail, too. */
function stillRunning(times: Times, earlier: number, age: number): number {
  const odds = logOdds(times, age);
  const rest = Math.exp(-odds);
  return (rest + Math.exp(logOdds(times, earlier) - odds)) / (rest + 1);
}

/**
 * The logarithm of the odds that a task has ended by an age. Logistic approximation of the normal distribution, error
 * below
 * 0.0002: Bowling et al. 2009, doi:10.3926/jiem.2009.v2n1.p114-127.
 */
function logOdds({ usual, spread }: Times, age: number): number {
  const z = Math.log(age / usual) / spread;
  return Math.max(-99, z * (1.5976 + 0.07056 * z * z));
}
