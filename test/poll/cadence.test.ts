import fc from 'fast-check';
import { asyncScheduler, defer, of } from 'rxjs';
import {
  generationsWindows,
  pollUntilTerminal,
  resultWindows,
  windowOf,
  withModelInterval,
  type Cadence,
  type ModelIntervalOptions,
  type PollWindows,
  type Task,
} from 'rx-video-tasks';
import { processingTask, queuedTask, taskLetters } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { answering, marbles, type RunContext } from '../marbles.js';
import { letters, listen } from '../operators/polls.js';

/** In the middle of what is random. */
const even = { random: () => 0.5 } satisfies ModelIntervalOptions;
const economical = { cadence: 'economical', ...even } satisfies ModelIntervalOptions;
/** Waits anywhere above the floor of the services. */
const anyhow = { minInterval: 10_000 };

const model = 'seedance_1_5_pro_720p';
const named = (task: Task): Task => ({ ...task, model });
const { p, s } = letters;
const q = letters.q;

/** The waits that follow these answers, each given as soon as it is asked for. */
function waitsAfter(answers: readonly Task[], windows: PollWindows, options: ModelIntervalOptions): number[] {
  const waits: number[] = [];
  marbles((m: RunContext) => {
    const query = answering(...[...answers, s].map((answer) => defer(() => of(seen(answer)))));
    const pace = withModelInterval<Task>(windows, options);
    listen(query.pipe(pace, pollUntilTerminal(anyhow)), ({ status, pollAfter = NaN }) => {
      if (status !== 'completed') waits.push(pollAfter);
    });
    m.flush();
  })();
  return waits;
}

const seen = (task: Task): Task => ({ ...task, observedAt: asyncScheduler.now() });
const times = (count: number, task: Task) => Array.from({ length: count }, () => task);
const seconds = (waits: readonly number[]) => waits.map((ms) => Math.round(ms / 1000));

describe('cadence', () => {
  test(
    'the default is window, and the poller asks by it: a queued task begins anew, a processing one gets older',
    marbles((m) => {
      const said = taskLetters({ model });
      const asks = [m.cold('(q|)   ', said), m.cold('(p|)', said), m.cold('(p|)', said), m.cold('(s|)', said)];
      const sub1 = '              (^!)';
      const sub2 = '              60s (^!)';
      const sub3 = '              120s (^!)';
      const sub4 = '              173716ms (^!)';
      const expected = '          a 59999ms b 59999ms c 53715ms (d|)';
      const paced = answering<Task>(...asks).pipe(
        withModelInterval(resultWindows, { random: () => 1 }),
        pollUntilTerminal(),
      );
      const { q: a } = taskLetters({ model, pollAfter: 60_000 });
      const { p: b } = taskLetters({ model, pollAfter: 60_000 });
      const { p: c } = taskLetters({ model, pollAfter: 53_716 });
      const { s: d } = taskLetters({ model, pollAfter: 39_564 });
      m.expect(paced).toBeObservable(expected, { a, b, c, d });
      for (const [n, sub] of [sub1, sub2, sub3, sub4].entries()) m.expect(asks[n] as never).toHaveSubscriptions(sub);
    }),
  );

  test('window: long before the task can be done, short from its usual time on, slowly longer when it is overdue', () => {
    const usual = [59, 59, 54, 39, 35, 33, 33, 33, 34, 34, 35];
    for (const options of [{ cadence: 'window', ...even } as const, even]) {
      expect(seconds(waitsAfter(times(11, named(p)), resultWindows, options))).toEqual(usual);
    }
    expect(seconds(waitsAfter(times(11, p), generationsWindows, even))).toEqual([
      20, 20, 20, 20, 20, 20, 20, 20, 20, 20, 20,
    ]);
  });

  test('economical: the same, free above the floor and up to three times the longest wait', () => {
    expect(seconds(waitsAfter(times(11, named(p)), resultWindows, economical))).toEqual([
      132, 39, 31, 28, 26, 26, 25, 25, 26, 26, 26,
    ]);
    expect(seconds(waitsAfter(times(11, p), generationsWindows, economical))).toEqual([
      52, 25, 21, 20, 19, 18, 18, 18, 18, 18, 18,
    ]);
    expect(seconds(waitsAfter([{ ...named(p), createdAt: -86_400_000 }], resultWindows, economical))).toEqual([177]);
    // Where a window tells no floor, it is 10 s.
    const fast = { '*': { min: 10_000, max: 20_000, generation: [10_000, 20_000] as const } };
    expect(seconds(waitsAfter([{ ...p, createdAt: -14_000 }], fast, economical))).toEqual([10]);
  });

  test('the narrower the generation times, the longer the first wait and the shorter those that follow', () => {
    const between = (shortest: number, longest: number) => ({
      '*': { min: 30_000, max: 60_000, generation: [shortest * 1000, longest * 1000] as const },
    });
    expect(seconds(waitsAfter(times(4, p), between(120, 300), economical))).toEqual([132, 39, 31, 28]);
    expect(seconds(waitsAfter(times(4, p), between(150, 240), economical))).toEqual([173, 32, 25, 23]);
    expect(seconds(waitsAfter(times(4, p), between(190, 190), economical))).toEqual([177, 30, 18, 19]);
  });

  test('uniform: whatever the age, as is a window without generation times', () => {
    const uniform = { cadence: 'uniform', ...even } as const;
    const old = { ...named(p), createdAt: -190_000 };
    expect(seconds(waitsAfter([named(p), old], resultWindows, uniform))).toEqual([45, 45]);
    for (const cadence of ['uniform', 'window', 'economical'] as const) {
      expect(waitsAfter([p, p], { '*': { min: 20_000, max: 40_000 } }, { cadence, ...even })).toEqual([30_000, 30_000]);
    }
  });

  test('a task that is resumed lands at its place: the age counts from createdAt, or from startedAt', () => {
    const waits = (fields: Partial<Task>) =>
      seconds(waitsAfter([{ ...named(p), ...fields } as Task], resultWindows, even));
    expect([waits({}), waits({ createdAt: -190_000 }), waits({ createdAt: -900_000 })]).toEqual([[59], [37], [49]]);
    expect(waits({ createdAt: -900_000, startedAt: -190_000 })).toEqual([37]);
    // A service whose clock is ahead.
    expect(waits({ createdAt: 900_000 })).toEqual([59]);
  });

  test('a task that was queued begins its age when it was last seen so', () => {
    const since = { createdAt: -600_000 };
    const answers = [q, q, q, p, p, p].map((task) => ({ ...named(task), ...since }));
    expect(seconds(waitsAfter(answers, resultWindows, economical))).toEqual([132, 132, 132, 39, 31, 28]);
    const started = { ...named(p), ...since, startedAt: -100_000 };
    expect(seconds(waitsAfter([{ ...named(q), ...since }, started], resultWindows, economical))).toEqual([132, 26]);
  });

  test('progress that rises tells the end; one that stands still does not', () => {
    const at = (...percents: (number | undefined)[]) =>
      seconds(
        waitsAfter(
          percents.map((progress) => processingTask(progress === undefined ? {} : { progress })),
          generationsWindows,
          economical,
        ),
      );
    expect(at(0, 50, 90)).toEqual([52, 52, 15]);
    // 15 s above the floor, never longer than a minute.
    expect(at(0, 99)).toEqual([52, 15]);
    expect(at(0, 1)).toEqual([52, 59]);
    const untold = at(undefined, undefined, undefined, undefined);
    expect(at(50, 50, 50, 50)).toEqual(untold);
    expect(at(50, 40, undefined, 60)).toEqual(untold);
    const begun = [queuedTask({ progress: 10 }), processingTask({ progress: 50 })];
    expect(seconds(waitsAfter(begun, generationsWindows, economical))).toEqual(untold.slice(0, 2));
    expect(
      waitsAfter([processingTask({ progress: 0 }), processingTask({ progress: 90 })], generationsWindows, even),
    ).toEqual([19_900, 15_000]);
  });

  test('tasks that started together drift apart, by 4 % of the window, or by 3 % of a wait that is free of it', () => {
    const waits = (cadence: Cadence, windows = resultWindows) =>
      [0, 1].map((luck) => waitsAfter([named(p)], windows, { cadence, random: () => luck })[0] ?? 0);
    const [early = 0, late = 0] = waits('window');
    expect(late - early).toBe(1_200);
    for (const min of [30_000, 60_000]) {
      const [early = 0, late = 0] = waits('economical', { '*': { min, max: 60_000, generation: [120_000, 300_000] } });
      expect(Math.abs(early - late * 0.97)).toBeLessThan(1.5);
    }
  });

  test('each application and each task has an age of its own', () => {
    const pace = withModelInterval<Task>(resultWindows, economical);
    const waits = (...tasks: Task[]) => {
      const found: number[] = [];
      listen(of(...tasks).pipe(pace), ({ pollAfter = NaN }) => found.push(pollAfter));
      return seconds(found);
    };
    const old = { ...named(p), createdAt: asyncScheduler.now() - 190_000 };
    expect(waits(old, { ...named(p), id: 'other' }, named(p))).toEqual([29, 132, 132]);
    expect(waits(named(p))).toEqual([132]);
  });

  test('every wait is a whole number inside the window, or above the floor, for every task and every random', () => {
    const modelName = fc.oneof(
      fc.constantFrom(...Object.keys(resultWindows)).map((name) => name.replace('*', '_x')),
      fc.string(),
      fc.constant(undefined),
    );
    const fields = fc.record({
      status: fc.constantFrom('queued', 'processing', 'unknown'),
      createdAt: fc.option(fc.double(), { nil: undefined }),
      startedAt: fc.option(fc.double(), { nil: undefined }),
      observedAt: fc.double(),
      progress: fc.option(fc.double(), { nil: undefined }),
    });
    const windows = fc.constantFrom(resultWindows, generationsWindows);
    const cadence = fc.constantFrom('window', 'economical');
    const drawn = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.double());
    fc.assert(
      fc.property(
        windows,
        cadence,
        modelName,
        fc.array(fields, { maxLength: 4 }),
        drawn,
        (table, how, name, told, luck) => {
          const answers = told.map(
            (over) => ({ ...queuedTask(name === undefined ? {} : { model: name }), ...over }) as Task,
          );
          const { min, max, floor = 10_000 } = windowOf(table, name);
          const [least, most] = how === 'window' ? [min, max] : [floor, 3 * max];
          const waits: unknown[] = [];
          const paced = of(...answers).pipe(withModelInterval(table, { cadence: how, random: () => luck }));
          listen(paced, ({ pollAfter }) => waits.push(pollAfter));
          const isRight = (wait: unknown) => Number.isInteger(wait) && least <= Number(wait) && Number(wait) <= most;
          expect(waits.filter((wait) => !isRight(wait))).toEqual([]);
          expect(waits).toHaveLength(answers.length);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
