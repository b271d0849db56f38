import { defer, exhaustMap, repeat, takeWhile, timer, type Observable } from 'rxjs';
import {
  isTerminal,
  pollUntilTerminal,
  windowOf,
  withModelInterval,
  type Cadence,
  type PollWindow,
  type Task,
} from 'rx-video-tasks';
import type { Family } from './tasks.js';

/** When to ask about the tasks of a family again: a query becomes the answers up to the terminal one. */
export type Policy = (family: Family, random: () => number) => (query: Observable<Task>) => Observable<Task>;

/** Asks at once, since the task may be old; whoever has just created it can do with a first wait. */
function shipped(cadence: Cadence, initialDelay: (window: PollWindow) => number = () => 0): Policy {
  return ({ windows, model }, random) => {
    const window = windowOf(windows, model);
    const pace = withModelInterval<Task>(windows, { cadence, random });
    const poll = pollUntilTerminal<Task>({
      minInterval: window.floor ?? 10_000,
      initialDelay: initialDelay(window),
      random,
    });
    return (query) => query.pipe(pace, poll);
  };
}

const untilTerminal = takeWhile((task: Task) => !isTerminal(task), true);

/** A fixed timer in the documented window; 0 is its shortest wait, 1 the longest. */
function fixed(at: number): Policy {
  return ({ windows, model, interval }) => {
    const { min, max } = interval === undefined ? windowOf(windows, model) : { min: interval, max: interval };
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
  "cadence: 'uniform'": shipped('uniform'),
  "cadence: 'window'": shipped('window'),
  "cadence: 'window', initialDelay: min": shipped('window', ({ min }) => min),
  "cadence: 'economical'": shipped('economical'),
  'timer(0, min)': fixed(0),
  [REFERENCE]: fixed(0.5),
  'timer(0, max)': fixed(1),
  'exponential back-off': backOff,
};
