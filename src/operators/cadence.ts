import type { Task } from '../task.js';
import { DEFAULT_FLOOR, type PollWindow } from '../windows.js';
import { draw } from './time.js';

/** How waits are chosen; see `ModelIntervalOptions.cadence`. */
export type Cadence = 'uniform' | 'window' | 'economical';

/** How far apart polls are around the usual generation time, in parts of 2 * (min + max); 0 is anywhere in the window. */
const SPACING: Readonly<Record<Cadence, number>> = { uniform: 0, window: 0.304, economical: 0.23 };

/** @throws TypeError that names the choices. */
export function checkCadence(cadence: Cadence): void {
  if (!(SPACING[cadence] >= 0)) {
    throw new TypeError(`cadence: ${cadence}; write 'uniform', 'window' or 'economical'`);
  }
}

/**
 * How long to wait after an answer: a whole number of ms, never 0.
 *
 * Polls are densest where the task probably ends: their number up to an age grows with `log(1 + (age / usual) ** steep)`,
 * and the wait is the time until it has grown by one. This needs no more than a usual generation time, is within a few
 * percent of the best schedule for lognormal times, and holds where documents are wrong by half.
 *
 * @param age since the generation began, in ms; see `beginningOf`.
 * @param left ms until the end, 0 if nothing tells; see `timeLeft`.
 */
export function waitAfter(
  { min, max, floor = DEFAULT_FLOOR, generation }: PollWindow,
  cadence: Cadence,
  random: () => number,
  age = 0,
  left = 0,
): number {
  const drawn = draw(random);
  const spacing = SPACING[cadence];
  let wait = min + drawn * (max - min);
  if (spacing && generation) {
    const usual = middleOf(generation);
    const steep = steepnessOf(generation);
    const growth = (spacing * (min + max) * steep) / usual;
    const next = usual * (growth + (1 + growth) * (Math.max(0, age) / usual) ** steep) ** (1 / steep);
    const isFree = cadence === 'economical';
    const least = isFree ? floor : min;
    wait = Math.min(left || next - age, isFree ? 3 * max : max) * (0.97 + 0.03 * drawn);
    // Times from outside may be no numbers.
    if (!(wait > least)) wait = least;
  }
  return Math.max(1, Math.round(wait));
}

/**
 * When a task's generation began, as far as is known (epoch ms): not before it was last seen queued.
 *
 * @param before what this gave for the answer before.
 * @param from when there is nothing else to go by.
 */
export function beginningOf(task: Task, before: number | undefined, now: number, from = now): number {
  return task.startedAt ?? (task.status === 'queued' ? now : (before ?? task.createdAt ?? from));
}

/**
 * ms until progress will have reached its end, if it rose from one processing answer to the next; else 0. Many a gateway
 * says 10 while it is queued, 50 while it is processing, and nothing more.
 */
export function timeLeft({ progress = 0, observedAt }: Task, before: Task | undefined): number {
  if (before?.status !== 'processing') return 0;
  const rise = progress - (before.progress ?? progress);
  // Cut to whole percents, it may be one more.
  return rise > 0 ? ((101 - progress) * (observedAt - before.observedAt)) / rise : 0;
}

/**
 * How long a task has probably been done without anyone having seen it, in ms, given that it was not at an earlier age:
 * the larger, the more urgent it is to ask.
 */
export function timeUnseen({ generation }: PollWindow, age: number, seenAt: number): number {
  const unseen = age - seenAt;
  if (!generation) return unseen;
  const usual = middleOf(generation);
  // Twice as steep is what lognormal times of which 5 % are shorter and 5 % longer come to.
  const steep = 2 * steepnessOf(generation);
  const odds = (ms: number) => 1 + (Math.max(0, ms) / usual) ** steep;
  return unseen * (1 - odds(seenAt) / odds(age));
}

type Generation = NonNullable<PollWindow['generation']>;

function middleOf([shortest, longest]: Generation): number {
  return Math.sqrt(shortest * longest);
}

/** The narrower the range, the steeper; no document is so exact that it would be more than 3. */
function steepnessOf([shortest, longest]: Generation): number {
  return 3 / Math.min(1, 0.1 + Math.log(longest / shortest));
}
