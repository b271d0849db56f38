import { of, tap } from 'rxjs';
import {
  learnGenerationTimes,
  resultWindows,
  withModelInterval,
  type GenerationTimes,
  type PollWindows,
  type TrackedTask,
} from 'rx-video-tasks';
import { completedTask, failedTask, lostTask, processingTask, queuedTask } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { listen } from '../operators/polls.js';

const model = 'seedance_1_5_pro_720p';
const MINUTE = 60_000;
const windows = { '*': { min: 30_000, max: 60_000, floor: 10_000, generation: [2 * MINUTE, 5 * MINUTE] } } as const;

/** What is learned from these transitions, in tasks and seconds. */
function seenOf(...tasks: TrackedTask[]): [tasks: number, seconds: number] | undefined {
  const learned = learnGenerationTimes(windows);
  listen(of(...tasks).pipe(tap(learned)));
  const time = learned.times['*'];
  return time && [time.tasks, Math.round(Math.exp(time.mean) / 1000)];
}

/** Completed tasks that took so many ms. */
const done = (...times: number[]) =>
  times.map((ms, i) => completedTask({ id: `t${i}`, createdAt: 1_000, observedAt: 1_000 + ms }));

function learn(times: readonly number[], about: PollWindows = windows) {
  const learned = learnGenerationTimes(about);
  for (const task of done(...times)) learned.next(task);
  return learned;
}

const rangeOf = ({ windows }: { windows: PollWindows }, name = '*') => windows[name]?.generation ?? [NaN, NaN];

describe('learnGenerationTimes', () => {
  test('passes for the windows that were given until a task completes', () => {
    const learned = learnGenerationTimes(resultWindows);
    expect(learned.windows).toEqual(resultWindows);
    expect(learned.times).toEqual({});
  });

  test('a time counts from the start, else from the end of the queue, else from the creation', () => {
    const at = { createdAt: 10_000 };
    const end = completedTask({ ...at, observedAt: 110_000 });
    expect(seenOf(end)).toEqual([1, 100]);
    expect(seenOf({ ...end, finishedAt: 90_000 })).toEqual([1, 80]);
    // Without a finishedAt the end was, on average, half a wait before it was seen.
    expect(seenOf({ ...end, pollAfter: 40_000 })).toEqual([1, 80]);
    expect(seenOf({ ...end, finishedAt: 90_000, pollAfter: 40_000 })).toEqual([1, 80]);
    expect(seenOf({ ...end, startedAt: 40_000 })).toEqual([1, 70]);
    const queued = queuedTask({ ...at, observedAt: 20_000 });
    const begun = processingTask({ ...at, observedAt: 60_000 });
    const further = processingTask({ ...at, observedAt: 80_000 });
    expect(seenOf(begun, further, end)).toEqual([1, 100]);
    expect(seenOf(queued, begun, further, end)).toEqual([1, 50]);
    expect(seenOf(queued, { ...begun, startedAt: 50_000 }, end)).toEqual([1, 60]);
  });

  test('learns nothing from what is not known or did not complete', () => {
    const at = { createdAt: 10_000, observedAt: 110_000 };
    expect(seenOf(processingTask(at), failedTask(at))).toBeUndefined();
    expect(seenOf(completedTask({ observedAt: 110_000 }))).toBeUndefined();
    expect(seenOf(completedTask({ ...at, finishedAt: 10_000 }))).toBeUndefined();
    expect(seenOf(completedTask({ createdAt: 10_000, observedAt: 10_000 + 2 ** 31 }))).toBeUndefined();
    expect(seenOf(queuedTask(at), completedTask(at))).toBeUndefined();
    // What was known of it is over with the task.
    expect(seenOf(queuedTask(at), completedTask(at), completedTask(at))).toEqual([1, 100]);
    // Lost, and found again later.
    expect(seenOf(queuedTask(at), lostTask(at), completedTask(at))).toEqual([1, 100]);
  });

  test('a task whose first answers have no time begins with the one that a later answer has', () => {
    const untimed = processingTask({ observedAt: 60_000 });
    const end = completedTask({ createdAt: 10_000, observedAt: 110_000 });
    expect(seenOf(untimed, end)).toEqual([1, 100]);
    expect(seenOf(untimed, processingTask({ createdAt: 30_000, observedAt: 80_000 }), end)).toEqual([1, 80]);
  });

  test('of 10,000 open tasks it is known when they began, of more only of those that were seen last', () => {
    const at = { createdAt: 10_000, observedAt: 110_000 };
    const others = Array.from({ length: 10_000 }, (_, nth) => queuedTask({ ...at, id: `o${nth}` }));
    const [queued, end] = [queuedTask(at), completedTask(at)];
    // It is completed as soon as it has left the queue: as long as it is known to have queued, there is nothing to learn.
    expect(seenOf(queued, ...others.slice(1), end)).toBeUndefined();
    expect(seenOf(queued, ...others, end)).toEqual([1, 100]);
    expect(seenOf(queued, ...others.slice(1), queued, ...others.slice(1), end)).toBeUndefined();
    // Those that have settled do not count.
    const settled = others.flatMap((task) => [task, failedTask({ ...at, id: task.id })]);
    expect(seenOf(queued, ...settled, end)).toBeUndefined();
  });

  test('each window learns from its own tasks, under its own name', () => {
    const learned = learnGenerationTimes(resultWindows);
    const end = { createdAt: 0, observedAt: 100_000 };
    for (const name of [model, 'veo_3_1', 'veo_3_1_fast', undefined]) {
      learned.next(completedTask({ ...end, ...(name === undefined ? {} : { model: name }) }));
    }
    expect(Object.entries(learned.times).map(([name, { tasks }]) => [name, tasks])).toEqual([
      [model, 1],
      ['veo_*', 2],
      ['*', 1],
    ]);
    expect(learned.windows['seedance_2_0*']).toEqual(resultWindows['seedance_2_0*']);
    expect(learned.windows['veo_*']).toMatchObject({ min: 30_000, max: 60_000, floor: 30_000 });
  });

  test('few tasks move the documented range a little, many replace it', () => {
    const middle = (range: readonly number[]) => Math.sqrt((range[0] ?? NaN) * (range[1] ?? NaN)) / MINUTE;
    const width = (range: readonly number[]) => (range[1] ?? NaN) / (range[0] ?? NaN);
    const spread = (count: number) => Array.from({ length: count }, (_, i) => (i % 2 === 0 ? 5.5 : 6.5) * MINUTE);
    const after = [1, 10, 100, 300].map((count) => rangeOf(learn(spread(count))));
    expect(after.map((range) => middle(range).toFixed(1))).toEqual(['3.5', '4.8', '5.8', '5.8']);
    expect(after.map((range) => width(range).toFixed(1))).toEqual(['2.9', '3.1', '1.7', '1.7']);
  });

  test('what is long past is forgotten', () => {
    const times = (count: number, minutes: number) => Array.from({ length: count }, () => minutes * MINUTE);
    const { mean, tasks } = learn([...times(500, 2), ...times(500, 8)]).times['*'] ?? {};
    expect([tasks, Math.exp(mean ?? NaN) / MINUTE]).toEqual([100, expect.closeTo(7.9, 1)]);
  });

  test('a window without documented times gets those that were seen, half to twice as long at first', () => {
    const range = rangeOf(learn([MINUTE], { '*': { min: 5, max: 10 } }));
    expect(range.map((ms) => Math.round(ms / 1000))).toEqual([32, 113]);
  });

  test('is plain JSON, and goes on from it', () => {
    const first = learn([3 * MINUTE, 4 * MINUTE]);
    const saved = JSON.parse(JSON.stringify(first.times)) as GenerationTimes;
    const second = learnGenerationTimes(windows, saved);
    expect(second.times).toEqual(first.times);
    expect(second.windows).toEqual(first.windows);
    for (const task of done(5 * MINUTE)) second.next(task);
    expect(second.times).toEqual(learn([3 * MINUTE, 4 * MINUTE, 5 * MINUTE]).times);
    // The saved value and the documented windows are not touched.
    expect(saved).toEqual(first.times);
    expect(windows['*'].generation).toEqual([2 * MINUTE, 5 * MINUTE]);
  });

  test('what was saved of a window that is gone is ignored', () => {
    const saved = { gone: { tasks: 1, mean: 12, variance: 0 } };
    const learned = learnGenerationTimes(windows, saved);
    expect([learned.windows, learned.times]).toEqual([windows, {}]);
  });

  test('an operator that has the windows already goes by what is learned', () => {
    const learned = learnGenerationTimes(windows);
    const waits: number[] = [];
    const pace = withModelInterval(learned.windows, { cadence: 'economical', random: () => 1 });
    const ask = () => listen(of(processingTask()).pipe(pace), ({ pollAfter = NaN }) => waits.push(pollAfter));
    ask();
    for (const task of done(...Array.from({ length: 100 }, () => 2 * MINUTE))) learned.next(task);
    ask();
    const [documented = NaN, seen = NaN] = waits;
    // They take two minutes, not two to five.
    expect(seen).toBeLessThan(0.9 * documented);
  });

  test.each<[unknown, string]>([
    [
      { '*': { tasks: 0, mean: 1, variance: 0 } },
      'times["*"]: {"tasks":0,"mean":1,"variance":0} was not learned here; give back what was saved',
    ],
    [{ '*': { tasks: 101, mean: 1, variance: 0 } }, 'was not learned here'],
    [{ '*': { tasks: 1, mean: -1, variance: 0 } }, 'was not learned here'],
    [{ '*': { tasks: 1, mean: 22, variance: 0 } }, 'was not learned here'],
    [{ '*': { tasks: 1, mean: 1, variance: -1 } }, 'was not learned here'],
    [{ '*': { tasks: 1, mean: 1, variance: Infinity } }, 'was not learned here'],
    [{ '*': { tasks: 1, mean: 1 } }, 'was not learned here'],
    [{ '*': null }, 'times["*"]: null was not learned here'],
  ])('refuses times that cannot be meant: %j', (times, message) => {
    const make = () => learnGenerationTimes(windows, times as GenerationTimes);
    expect(make).toThrow(RangeError);
    expect(make).toThrow(message);
  });

  test.each<GenerationTimes>([
    { '*': { tasks: 1, mean: 0, variance: 0 } },
    { '*': { tasks: 100, mean: Math.log(2 ** 31 - 1), variance: 3 } },
  ])('takes what can just be meant: %j', (times) => {
    expect(learnGenerationTimes(windows, times).times).toEqual(times);
  });

  test('refuses windows that cannot be meant', () => {
    expect(() => learnGenerationTimes({ x: { min: 6, max: 5 } })).toThrow('windows["x"]: min 6, max 5');
  });
});
