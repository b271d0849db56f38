import type { TrackedTask } from '../tracked-task.js';
import { isTerminal, taskKey } from '../task.js';
import { windowName, windowOf, type PollWindow, type PollWindows } from '../windows.js';
import { LONGEST_DELAY } from '../durations.js';
import { check } from '../options.js';
import { TAIL } from './cadence.js';
import { checkWindows } from './poll-config.js';

/** How long generating took: plain JSON. */
export interface GenerationTime {
  /** Number of completed tasks; 100 at most, so that old tasks lose their weight. */
  readonly tasks: number;
  /** Mean of the natural logarithms of the times in ms. */
  readonly mean: number;
  /** Variance of the natural logarithms of the times in ms. */
  readonly variance: number;
}

/** Learned times by the name of the window: save them, and pass them in after a restart. */
export type GenerationTimes = Readonly<Record<string, GenerationTime>>;

/** What `learnGenerationTimes` returns: an observer of transitions, and what it has learned. */
export interface LearnedTimes {
  /**
   * For `withModelInterval` or `createTracker`: the given windows, with the generation times that were seen. The
   * documented ones count as five tasks. The table changes in place: each completed task puts a new window into it.
   */
  readonly windows: PollWindows;
  /** The times seen so far. The object changes in place. */
  readonly times: GenerationTimes;
  /** Learns from a transition. `tap` takes the whole object. */
  readonly next: (task: TrackedTask) => void;
}

/** The document counts as much as so many tasks. */
const TRUST = 5;
const MOST = 100;
/** So many open tasks are remembered: some are never seen settled. */
const MOST_OPEN = 10_000;

/**
 * Learns from the tasks that complete how long generating really takes, window by window, for the cadences that space
 * their polls by it. A time lasts from a task's `startedAt`, else from when it was first seen out of the queue, else
 * from its `createdAt`, to its `finishedAt`, else to half a wait (`pollAfter`) before it was seen completed. Failed
 * tasks are ignored.
 *
 * Tasks of the offline tier (`flex`) name the same models and take longer: do not pass them in. It is of no use with a
 * tracker's `speed`.
 *
 * @param windows the documented ones: `resultWindows` or `generationsWindows`.
 * @param times those of an earlier run. @default none
 * @throws TypeError at call time for windows or times that are no objects; RangeError for invalid ones.
 *
 * @example
 * const learned = learnGenerationTimes(generationsWindows, JSON.parse(saved ?? '{}'));
 * const tracker = createTracker({ provider, windows: learned.windows, cadence: 'economical' });
 * tracker.trackAll(refs).pipe(tap(learned)).subscribe();
 * // From time to time: save(JSON.stringify(learned.times))
 */
export function learnGenerationTimes(windows: PollWindows, times: GenerationTimes = {}): LearnedTimes {
  checkWindows(windows);
  check('times', times, Object(times) === times, 'the `times` of an earlier run');
  const seen: Record<string, GenerationTime> = {};
  const learned: Record<string, PollWindow> = { ...windows };
  /** When open tasks were first seen out of the queue; Infinity while they are in it. Those seen last stand last. */
  const beginnings = new Map<string, number>();

  const keep = (name: string, time: GenerationTime) => {
    const window = windows[name] ?? windowOf(windows);
    seen[name] = time;
    learned[name] = { ...window, generation: rangeOf(time, window) };
  };
  for (const [name, time] of Object.entries(times)) {
    checkTime(name, time);
    // A window of that name may be gone.
    if (windowName(windows, name) === name) keep(name, time);
  }

  return {
    windows: learned,
    times: seen,
    next: (task) => {
      const key = taskKey(task);
      const before = beginnings.get(key);
      beginnings.delete(key);
      if (task.status === 'lost') return;
      const { status, startedAt, createdAt = NaN, observedAt, pollAfter = 0 } = task;
      const left = before === Infinity ? observedAt : (before ?? createdAt);
      const began = status === 'queued' ? Infinity : (startedAt ?? left);
      if (!isTerminal(task)) {
        if (!Number.isNaN(began)) beginnings.set(key, began);
        if (beginnings.size > MOST_OPEN) beginnings.delete(beginnings.keys().next().value as string);
        return;
      }
      const ms = (task.finishedAt ?? observedAt - pollAfter / 2) - began;
      if (status !== 'completed' || !(ms > 0 && ms <= LONGEST_DELAY)) return;
      const name = windowName(windows, task.model);
      keep(name, add(Math.log(ms), seen[name]));
    },
  };
}

function add(log: number, { tasks, mean, variance }: GenerationTime = { tasks: 0, mean: 0, variance: 0 }) {
  const count = Math.min(MOST, tasks + 1);
  const off = log - mean;
  const next = mean + off / count;
  return { tasks: count, mean: next, variance: variance + (off * (log - next) - variance) / count };
}

/**
 * The documented range and the times seen, mixed by their weights. Without a document: half to twice the times seen.
 */
function rangeOf({ tasks, mean, variance }: GenerationTime, { generation }: PollWindow) {
  const [shortest, longest] = generation ?? [Math.exp(mean) / 2, Math.exp(mean) * 2];
  const documented = Math.log(shortest * longest) / 2;
  const weight = tasks / (tasks + TRUST);
  const middle = documented + weight * (mean - documented);
  const own = (1 - weight) * (Math.log(longest / shortest) / 2 / TAIL) ** 2 + weight * variance;
  const spread = TAIL * Math.sqrt(own + weight * (1 - weight) * (mean - documented) ** 2);
  return [Math.exp(middle - spread), Math.min(LONGEST_DELAY, Math.exp(middle + spread))] as const;
}

function checkTime(name: string, time: GenerationTime): void {
  const { tasks, mean, variance } = Object(time) as GenerationTime;
  const isTime = tasks >= 1 && tasks <= MOST && mean >= 0 && mean <= Math.log(LONGEST_DELAY);
  if (isTime && variance >= 0 && variance < Infinity) return;
  throw new RangeError(`times["${name}"]: ${JSON.stringify(time)} was not learned here; give back what was saved`);
}
