import type { Task } from '../task.js';
import { DEFAULT_FLOOR, type PollWindow } from '../windows.js';
import { draw } from './timer.js';

/** How waits are chosen; see `ModelIntervalOptions.cadence`. */
export type Cadence = 'uniform' | 'window' | 'economical';

/** How far apart polls are right after the usual generation time, in parts of 2 * (min + max); 0 is anywhere in the window. */
const SPACING: Readonly<Record<Cadence, number>> = { uniform: 0, window: 0.122, economical: 0.094 };

/** @throws TypeError that names the choices. */
export function checkCadence(cadence: Cadence): void {
  if (!(SPACING[cadence] >= 0)) {
    throw new TypeError(`cadence: ${cadence}; write 'uniform', 'window' or 'economical'`);
  }
}

/**
 * How long to wait after an answer: a whole number of ms, never 0.
 *
 * Polls are rare while the task can hardly be done, as dense as they get from its usual time on, and then thin out slowly:
 * whoever is late, by chance or because documents are wrong, may be done at any time. So their number up to an age grows
 * with `(1 + (age / usual) ** steep) ** (0.5 / steep)`, which is flat before the usual time and a square root after it, and
 * the wait is the time until it has grown by one. This needs no more than the documented range, is within a percent of the
 * best schedule there is by age, and holds where documents are wrong by half.
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
    const width = widthOf(generation);
    const steep = 3.25 / width;
    const growth = (spacing * (min + max) * Math.max(1, width)) / usual;
    const polls = (1 + (Math.max(0, age) / usual) ** steep) ** (0.5 / steep) + growth;
    const next = usual * (polls ** (2 * steep) - 1) ** (1 / steep);
    const isFree = cadence === 'economical';
    const least = isFree ? floor : min;
    const latest = Math.min(left || next - age, isFree ? 3 * max : max);
    wait = latest - (1 - drawn) * (isFree ? 0.03 * latest : 0.04 * (max - min));
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
  // What lognormal times of which 5 % are shorter and 5 % longer come to.
  const steep = 6.5 / widthOf(generation);
  // In parts of the longer of two times, so that no power of it is infinite.
  const scale = Math.max(usual, age);
  const odds = (ms: number) => (usual / scale) ** steep + (ms / scale) ** steep;
  return unseen * (1 - odds(seenAt) / odds(age));
}

type Generation = NonNullable<PollWindow['generation']>;

function middleOf([shortest, longest]: Generation): number {
  return Math.sqrt(shortest * longest);
}

/** The logarithm of how many times as long the longest takes; no document is so exact that it would be 0. */
function widthOf([shortest, longest]: Generation): number {
  return 0.1 + Math.log(longest / shortest);
}
