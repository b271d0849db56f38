import { asyncScheduler, of, type Observable } from 'rxjs';
import {
  pollUntilTerminal,
  withModelInterval,
  type Cadence,
  type ModelIntervalOptions,
  type PollWindow,
  type PollWindows,
  type Task,
} from 'rx-video-tasks';
import type { Schedule } from './play.js';
import { documentOf, type Family } from './tasks.js';

/** The shipped operators, as an application composes them. */
export function shipped(
  family: Family,
  cadence: Cadence,
  { windows = family.windows, initialDelay = 0 }: { windows?: PollWindows; initialDelay?: number } = {},
): (query: Observable<Task>) => Observable<Task> {
  const random = evenRandom();
  const pace = withModelInterval<Task>(windows, { cadence, random });
  const poll = pollUntilTerminal<Task>({ minInterval: documentOf(family).floor, initialDelay, random });
  return (query) => query.pipe(pace, poll);
}

/** The waits that the shipped operator chooses for a running task of some age: `walk` asks by them without virtual time. */
export function waits({ windows, model }: Family, options: ModelIntervalOptions): Schedule {
  const pace = withModelInterval(windows, options);
  return (age) => {
    const observedAt = asyncScheduler.now();
    const task: Task = {
      id: 'task',
      provider: 'benchmark',
      status: 'processing',
      rawStatus: 'processing',
      startedAt: observedAt - age,
      observedAt,
      ...(model !== undefined && { model }),
    };
    let wait = NaN;
    of(task)
      .pipe(pace)
      .subscribe({
        next: ({ pollAfter = NaN }) => (wait = pollAfter),
        error: (error: unknown) => {
          throw error;
        },
      });
    return wait;
  };
}

/** A source of jitter that adds little noise: steps of the golden ratio fill 0..1 evenly. */
export function evenRandom(): () => number {
  let last = 0;
  return () => (last = (last + 0.6180339887498949) % 1);
}

/** A fixed timer. */
export function timer(interval: number): Schedule {
  return () => interval;
}

/** Twice as long after each pending answer, from the floor to a longest wait. */
export function backOff({ floor = 10_000 }: Pick<PollWindow, 'floor'>, longest: number): Schedule {
  // At an age of (2^n - 1) floors the next wait is 2^n floors: age + floor.
  return (age) => Math.min(longest, age + floor);
}
