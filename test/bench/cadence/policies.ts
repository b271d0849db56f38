import { defer, exhaustMap, repeat, takeWhile, timer, type Observable } from 'rxjs';
import {
  isTerminal,
  pollUntilTerminal,
  windowOf,
  withModelInterval,
  type ModelIntervalOptions,
  type Task,
} from 'rx-video-tasks';
import type { Family } from './tasks.js';

/** When to ask about the tasks of a family again: a query becomes the answers up to the terminal one. */
export type Policy = (family: Family, random: () => number) => (query: Observable<Task>) => Observable<Task>;

type Cadence = Required<ModelIntervalOptions>['cadence'];

/** Those that `withModelInterval` knows. As long as it does not refuse others, it has but one. */
const cadences = (['uniform', 'window', 'economical'] as Cadence[]).filter(
  (cadence) => cadence === 'uniform' || (isKnown(cadence) && !isKnown('no such cadence' as Cadence)),
);

function isKnown(cadence: Cadence): boolean {
  try {
    withModelInterval({}, { cadence });
    return true;
  } catch {
    return false;
  }
}

function shipped(cadence: Cadence): Policy {
  return ({ windows, model }, random) => {
    const { floor = 10_000 } = windowOf(windows, model);
    const pace = withModelInterval<Task>(windows, { cadence, random });
    const poll = pollUntilTerminal<Task>({ minInterval: floor, random });
    return (query) => query.pipe(pace, poll);
  };
}

const untilTerminal = takeWhile((task: Task) => !isTerminal(task), true);

/** A fixed timer; 0 is the window's shortest wait, 1 the longest. */
function fixed(at: number): Policy {
  return ({ windows, model }) => {
    const { min, max } = windowOf(windows, model);
    return (query) =>
      timer(0, min + at * (max - min)).pipe(
        exhaustMap(() => query),
        untilTerminal,
      );
  };
}

/** Twice as long after each pending answer, from the floor to two minutes. */
const backOff: Policy = ({ windows, model }) => {
  const { floor = 10_000 } = windowOf(windows, model);
  return (query) =>
    defer(() => query).pipe(
      repeat({ delay: (asked) => timer(Math.min(120_000, floor * 2 ** (asked - 1))) }),
      untilTerminal,
    );
};

/** What all others are measured by. */
export const REFERENCE = 'timer(0, mid)';

export const policies: Readonly<Record<string, Policy>> = {
  ...Object.fromEntries(cadences.map((cadence) => [`cadence: '${cadence}'`, shipped(cadence)])),
  'timer(0, min)': fixed(0),
  [REFERENCE]: fixed(0.5),
  'timer(0, max)': fixed(1),
  'exponential back-off': backOff,
};
