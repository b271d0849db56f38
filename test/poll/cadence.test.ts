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
import { processingTask, queuedTask, marbleTasks } from 'rx-video-tasks/testing';
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
/** The wait after an answer about a running task of some age. */
function waitAt(
  age: number,
  options: ModelIntervalOptions = even,
  windows = resultWindows,
  task: Task = named(p),
): number {
  let wait = NaN;
  marbles(() => {
    const started = of({ ...task, startedAt: asyncScheduler.now() - age });
    listen(started.pipe(withModelInterval(windows, options)), ({ pollAfter = NaN }) => (wait = pollAfter));
  })();
  return wait;
}

describe('cadence', () => {
  test('the default is window, and the poller asks by it: a queued task begins anew, a processing one gets older', () => {
    // The generation begins with the queued answer.
    const first = waitAt(0);
    const second = waitAt(first);
    const third = waitAt(first + second);
    const fourth = waitAt(first + second + third);
    marbles((m) => {
      const replies = marbleTasks({ model });
      const asks = [m.cold('(q|)', replies), m.cold('(p|)', replies), m.cold('(p|)', replies), m.cold('(s|)', replies)];
      const sub1 = `(^!)`;
      const sub2 = `${first}ms (^!)`;
      const sub3 = `${first + second}ms (^!)`;
      const sub4 = `${first + second + third}ms (^!)`;
      const expected = `a ${first - 1}ms b ${second - 1}ms c ${third - 1}ms (d|)`;
      const paced = answering<Task>(...asks).pipe(withModelInterval(resultWindows, even), pollUntilTerminal());
      const { q: a } = marbleTasks({ model, pollAfter: first });
      const { p: b } = marbleTasks({ model, pollAfter: second });
      const { p: c } = marbleTasks({ model, pollAfter: third });
      const { s: d } = marbleTasks({ model, pollAfter: fourth });
      m.expect(paced).toBeObservable(expected, { a, b, c, d });
      for (const [n, sub] of [sub1, sub2, sub3, sub4].entries()) m.expect(asks[n] as never).toHaveSubscriptions(sub);
    })();
  });

  test.each<[Cadence, PollWindows, Task]>([
    ['window', resultWindows, named(p)],
    ['economical', resultWindows, named(p)],
    ['window', generationsWindows, p],
    ['economical', generationsWindows, p],
  ])(
    '%s: long before the task can be done, shortest around its usual time, longer when it is overdue',
    (cadence, windows, task) => {
      const [shortest, longest] = windowOf(windows, task.model).generation ?? [NaN, NaN];
      const usual = Math.sqrt(shortest * longest);
      const waits = [0, usual, 6 * longest].map((age) => waitAt(age, { cadence, ...even }, windows, task));
      const [early = 0, dense = 0, late = 0] = waits;
      expect(dense).toBeLessThan(0.8 * early);
      expect(dense).toBeLessThan(late);
    },
  );

  test('economical is free above the floor, up to three times the longest wait', () => {
    const day = 86_400_000;
    expect(waitAt(day, economical)).toBe(180_000 - 1.5 * 1000 + 170);
    // The floor of a window is 10 s by default.
    const fast = { '*': { min: 20_000, max: 40_000, generation: [60_000, 300_000] as const } };
    const nearlyDone = [0, 99].map((progress) => processingTask({ progress }));
    expect(waitsAfter(nearlyDone, fast, { ...economical, random: () => 0 })[1]).toBe(10_000);
  });

  test('the narrower the generation times, the longer the first wait and the shorter those that follow', () => {
    const between = (shortest: number, longest: number) => ({
      '*': { min: 30_000, max: 60_000, generation: [shortest * 1000, longest * 1000] as const },
    });
    const [wide = NaN] = waitsAfter([p], between(60, 600), economical);
    const [middle = NaN, middleNext = NaN] = waitsAfter([p, p], between(120, 300), economical);
    const [narrow = NaN, narrowNext = NaN] = waitsAfter([p, p], between(170, 212), economical);
    expect(wide).toBeLessThan(middle);
    expect(middle).toBeLessThan(narrow);
    expect(narrowNext).toBeLessThan(middleNext);
  });

  test('uniform: whatever the age, as is a window without generation times', () => {
    const uniform = { cadence: 'uniform', ...even } as const;
    const old = { ...named(p), createdAt: -190_000 };
    expect(waitsAfter([named(p), old], resultWindows, uniform)).toEqual([45_000, 45_000]);
    for (const cadence of ['uniform', 'window', 'economical'] as const) {
      expect(waitsAfter([p, p], { '*': { min: 20_000, max: 40_000 } }, { cadence, ...even })).toEqual([30_000, 30_000]);
    }
  });

  test('a task that is resumed lands at its place: the age counts from createdAt, or from startedAt', () => {
    const waits = (fields: Partial<Task>) => waitsAfter([{ ...named(p), ...fields } as Task], resultWindows, even);
    // Polled from the beginning on, it is asked about at these ages.
    const polled = waitsAfter(times(5, named(p)), resultWindows, even);
    let age = 0;
    for (const wait of polled) {
      expect(waits({ createdAt: -age })).toEqual([wait]);
      expect(waits({ createdAt: -900_000, startedAt: -age })).toEqual([wait]);
      age += wait;
    }
    // A service whose clock is ahead.
    expect(waits({ createdAt: 900_000 })).toEqual(waits({}));
  });

  test('a task that was queued begins its age when it was last seen so', () => {
    const since = { createdAt: -600_000 };
    const answers = [q, q, q, p, p, p].map((task) => ({ ...named(task), ...since }));
    const [first = NaN, ...rest] = waitsAfter(times(4, named(p)), resultWindows, economical);
    expect(waitsAfter(answers, resultWindows, economical)).toEqual([first, first, first, ...rest]);
    const started = { ...named(p), ...since, startedAt: -100_000 };
    expect(waitsAfter([{ ...named(q), ...since }, started], resultWindows, economical)).toEqual([
      first,
      waitAt(first + 100_000, economical),
    ]);
  });

  test('rising progress predicts the end; progress that stands still does not', () => {
    const at = (...percents: (number | undefined)[]) =>
      waitsAfter(
        percents.map((progress) => processingTask(progress === undefined ? {} : { progress })),
        generationsWindows,
        { ...economical, random: () => 0 },
      );
    const withoutProgress = at(undefined, undefined, undefined, undefined);
    const [first = NaN] = withoutProgress;
    // 51 % are left, and 50 took the first wait; then 11, and 40 took the second.
    const second = Math.round((51 / 50) * first);
    expect(at(0, 50, 90)).toEqual([first, second, Math.max(15_000, Math.round((11 / 40) * second))]);
    // Never below the floor, never longer than a minute.
    expect(at(0, 99)).toEqual([first, 15_000]);
    expect(at(0, 1)).toEqual([first, Math.round(60_000 / 1.015)]);
    expect(at(50, 50, 50, 50)).toEqual(withoutProgress);
    expect(at(50, 40, undefined, 60)).toEqual(withoutProgress);
    const begun = [queuedTask({ progress: 10 }), processingTask({ progress: 50 })];
    expect(waitsAfter(begun, generationsWindows, { ...economical, random: () => 0 })).toEqual(
      withoutProgress.slice(0, 2),
    );
    const [, last] = waitsAfter(
      [processingTask({ progress: 0 }), processingTask({ progress: 90 })],
      generationsWindows,
      { random: () => 0 },
    );
    expect(last).toBe(15_000);
  });

  test.each(['window', 'economical'] as const)(
    '%s: tasks that started together drift apart, by 1.5 %% of a wait',
    (cadence) => {
      for (const age of [0, 60_000, 190_000, 900_000]) {
        const [early = NaN, late = NaN] = [0, 1].map((luck) => waitAt(age, { cadence, random: () => luck }));
        expect(late / early).toBeCloseTo(1.015, 4);
      }
      // As far as the window allows.
      const single = { '*': { min: 60_000, max: 60_000, generation: [120_000, 300_000] } } as const;
      const waits = [0, 1].map((luck) => waitAt(190_000, { cadence, random: () => luck }, single));
      if (cadence === 'window') expect(waits).toEqual([60_000, 60_000]);
      else expect((waits[1] ?? NaN) / (waits[0] ?? NaN)).toBeCloseTo(1.015, 4);
    },
  );

  test('each application and each task has an age of its own', () => {
    const pace = withModelInterval<Task>(resultWindows, economical);
    const waits = (...tasks: Task[]) => {
      const found: number[] = [];
      listen(of(...tasks).pipe(pace), ({ pollAfter = NaN }) => found.push(pollAfter));
      return found;
    };
    const old = { ...named(p), startedAt: asyncScheduler.now() - 190_000 };
    const first = waitAt(0, economical);
    const [ofOld = NaN, ...others] = waits(old, { ...named(p), id: 'other' }, named(p));
    expect(ofOld).toBeLessThan(0.5 * first);
    expect(others).toEqual([first, first]);
    expect(waits(named(p))).toEqual([first]);
  });

  test('any window that is taken gives waits inside its bounds, in bounded work', () => {
    const ms = fc
      .double({ min: 0, max: Math.log(2 ** 31 - 1), noNaN: true })
      .map((log) => Math.min(Math.exp(log), 2 ** 31 - 1));
    const range = fc.tuple(ms, ms).map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);
    const cadences = fc.constantFrom<Cadence>('window', 'economical');
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(range, range, ms, share, cadences, ms, (waits, generation, floor, place, cadence, age) => {
        const [min, max] = waits;
        const interval = Math.min(max, min + place * (max - min));
        const windows = { '*': { min, max, floor, interval, generation } };
        const [least, most] = cadence === 'window' ? [min, max] : [floor, Math.max(floor, 3 * max)];
        for (const random of [0, 1]) {
          const wait = waitAt(age, { cadence, random: () => random }, windows, p);
          // Rounded to a ms.
          expect(wait).toBeGreaterThanOrEqual(Math.floor(least));
          expect(wait).toBeLessThanOrEqual(Math.ceil(most));
        }
      }),
      { numRuns: 200 },
    );
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
        (table, how, name, given, luck) => {
          const answers = given.map(
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
