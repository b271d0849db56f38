import fc from 'fast-check';
import { lastValueFrom, of, toArray } from 'rxjs';
import {
  generationsWindows,
  pollUntilTerminal,
  resultWindows,
  windowOf,
  withModelInterval,
  type PollWindows,
  type Task,
} from 'rx-video-tasks';
import { processingTask, queuedTask, scriptedQuery, marbleTasks } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { answering, expectDiagram, marbles } from '../marbles.js';
import { diagrams } from '../pictures/marbles.js';
import { letters, listen, prompt } from './polls.js';

const earliest = { cadence: 'uniform', random: () => 0 } as const;
const latest = { cadence: 'uniform', random: () => 1 } as const;

async function waits(windows: PollWindows, options: Parameters<typeof withModelInterval>[1], ...models: string[]) {
  const tasks = models.map((model) => processingTask(model === '' ? {} : { model }));
  const paced = await lastValueFrom(of(...tasks).pipe(withModelInterval(windows, options), toArray()), {
    defaultValue: [],
  });
  return paced.map(({ pollAfter }) => pollAfter);
}

describe('withModelInterval', () => {
  test(
    'sets pollAfter and passes everything else through, as in its documentation',
    marbles((m) => {
      const model = 'seedance_1_5_pro_720p';
      expectDiagram<Task>(m, diagrams['with-model-interval'], withModelInterval(resultWindows, earliest), {
        values: marbleTasks({ model }),
        emitted: marbleTasks({ model, pollAfter: 30_000 }),
      });
    }),
  );

  test(
    'passes errors, silence and emptiness through, and unsubscribes',
    marbles((m) => {
      const error = new Error('oops');
      for (const [diagram, subscription] of [
        ['--#', '^-!'],
        ['---', '^--'],
        ['--|', '^-!'],
      ] as const) {
        const query = m.cold(diagram, letters, error);
        m.expect(query.pipe(withModelInterval())).toBeObservable(diagram, letters, error);
        m.expect(query).toHaveSubscriptions(subscription);
      }
      const endless = m.cold('-----q', letters);
      m.expect(endless.pipe(withModelInterval()), '^--!').toBeObservable('---');
      m.expect(endless).toHaveSubscriptions('^--!');
    }),
  );

  const documented: [string, string, string][] = [
    ['seedance_1_5_pro_480p', '10s', '20s'],
    ['seedance_1_5_pro_720p', '30s', '60s'],
    ['seedance_1_5_pro_1080p', '30s', '60s'],
    ['seedance_2_0', '20s', '40s'],
    ['seedance_2_0_fast_pro', '20s', '40s'],
    ['veo_3_1_fast', '30s', '60s'],
    ['sora-2-pro', '30s', '60s'],
    ['grok_video3', '30s', '60s'],
    ['viduq3-turbo', '30s', '60s'],
    ['videos', '30s', '60s'],
    ['a_model_of_tomorrow', '30s', '60s'],
  ];
  test.each(documented)('the documented window of %s: %s to %s', (model, min, max) => {
    for (const [options, wait] of [
      [earliest, min],
      [latest, max],
    ] as const) {
      marbles((m) => {
        const { query } = scriptedQuery([{ status: 'queued', model }, { status: 'processing', model }, 's']);
        const { q, p } = marbleTasks({ model, pollAfter: windowWait(wait) });
        const s = { ...letters.s, pollAfter: windowWait(wait) };
        const paced = query('task').pipe(withModelInterval(resultWindows, options), pollUntilTerminal());
        m.expect(paced).toBeObservable(`-q ${wait} -p ${wait} -(s|)`, { q, p, s });
      })();
    }
  });

  test(
    'the offline tier and the generations wire: by hint, and by its own windows',
    marbles((m) => {
      const model = 'seedance_1_5_pro_480p';
      const run = (windows: PollWindows, hint?: string) => {
        const { query } = scriptedQuery([{ status: 'queued', model }, 's']);
        const options = hint === undefined ? earliest : { ...earliest, hint };
        return query('task').pipe(withModelInterval(windows, options), pollUntilTerminal());
      };
      const paced = (pollAfter: number) => ({
        q: marbleTasks({ model, pollAfter }).q,
        s: { ...letters.s, pollAfter },
      });
      m.expect(run(resultWindows, 'flex')).toBeObservable('-q 60s -(s|)', paced(60_000));
      m.expect(run(generationsWindows)).toBeObservable('-q 15s -(s|)', paced(15_000));
    }),
  );

  test(
    'poll 1 names the model and poll 2 does not: the window stays',
    marbles((m) => {
      const { query } = scriptedQuery([{ status: 'queued', model: 'seedance_1_5_pro_480p' }, 'p', 's']);
      const named = marbleTasks({ model: 'seedance_1_5_pro_480p', pollAfter: 10_000 });
      const unnamed = marbleTasks({ pollAfter: 10_000 });
      const paced = query('task').pipe(withModelInterval(resultWindows, earliest), pollUntilTerminal(prompt));
      m.expect(paced).toBeObservable('-q 10s -p 10s -(s|)', { q: named.q, p: unnamed.p, s: unnamed.s });
    }),
  );

  test('the memory is of one task and of one application', async () => {
    const operator = withModelInterval(resultWindows, earliest);
    const named = queuedTask({ model: 'seedance_1_5_pro_480p' });
    const other = queuedTask({ id: 'other' });
    const elsewhere = queuedTask({ provider: 'elsewhere' });
    const run = (...tasks: (typeof named)[]) =>
      lastValueFrom(of(...tasks).pipe(operator, toArray()), { defaultValue: [] });
    expect((await run(named, queuedTask(), other)).map((task) => task.pollAfter)).toEqual([10_000, 10_000, 30_000]);
    expect((await run(named, elsewhere)).map((task) => task.pollAfter)).toEqual([10_000, 30_000]);
    expect((await run(queuedTask())).map((task) => task.pollAfter)).toEqual([30_000]);
  });

  test('a hint holds until a model is named; flex holds throughout', async () => {
    const models = ['', 'seedance_1_5_pro_480p', ''];
    expect(await waits(resultWindows, { ...earliest, hint: 'seedance_2_0' }, ...models)).toEqual([
      20_000, 10_000, 10_000,
    ]);
    expect(await waits(resultWindows, { ...earliest, hint: 'flex' }, ...models)).toEqual([60_000, 60_000, 60_000]);
  });

  test('exact name, else longest prefix, else *, else 30 to 60 s', async () => {
    const windows = {
      ab: { min: 1, max: 1 },
      'a*': { min: 2, max: 2 },
      'ab*': { min: 3, max: 3 },
      '*': { min: 4, max: 4 },
    };
    expect(await waits(windows, {}, 'ab', 'ac', 'abc', 'x', '__proto__')).toEqual([1, 2, 3, 4, 4]);
    expect(await waits({}, earliest, 'x')).toEqual([30_000]);
  });

  test('min <= wait <= max, a whole number and never below the floor, for every model and every random', () => {
    const model = fc.oneof(
      fc.constantFrom(...Object.keys(resultWindows)),
      fc.constantFrom(...Object.keys(resultWindows)).map((name) => name.replace('*', '_x')),
      fc.string(),
      fc.constant(undefined),
    );
    const drawn = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.double());
    fc.assert(
      fc.property(fc.constantFrom(resultWindows, generationsWindows), model, drawn, (windows, name, random) => {
        const task = queuedTask(name === undefined ? {} : { model: name });
        let pollAfter: number | undefined;
        listen(of(task).pipe(withModelInterval(windows, { cadence: 'uniform', random: () => random })), (paced) => {
          pollAfter = paced.pollAfter;
        });
        const { min, max, floor = 10_000 } = windowOf(windows, name);
        expect(pollAfter).toBeGreaterThanOrEqual(Math.max(min, floor));
        expect(pollAfter).toBeLessThanOrEqual(max);
        expect(Number.isInteger(pollAfter)).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });

  test(
    'random that throws ends tracking with an error',
    marbles((m) => {
      const options = {
        random: () => {
          throw new Error('oops');
        },
      };
      const query = m.cold('-q|', letters);
      m.expect(answering(query).pipe(withModelInterval(resultWindows, options))).toBeObservable(
        '-#',
        {},
        new Error('oops'),
      );
      m.expect(query).toHaveSubscriptions('^!');
    }),
  );

  test('raw comes along', () => {
    const task = Object.defineProperty(letters.s, 'raw', { value: '{"status":"completed"}' });
    listen(of(task).pipe(withModelInterval()), (paced) => {
      expect(paced.raw).toBe('{"status":"completed"}');
      expect(Object.keys(paced)).not.toContain('raw');
    });
    expect.assertions(2);
  });

  test('refuses windows that cannot be meant', () => {
    const refused = [
      [{ x: { min: 0, max: 5 } }, 'windows["x"]: min 0, max 5; write 0 < min <= max, in ms'],
      [{ x: { min: 6, max: 5 } }, 'windows["x"]: min 6, max 5'],
      [{ x: { min: NaN, max: 5 } }, 'windows["x"]: min NaN'],
      [{ x: { min: 1, max: Infinity } }, 'windows["x"]: min 1, max Infinity'],
      [{ x: { min: 1, max: 2 ** 31 } }, 'windows["x"]: min 1, max 2147483648'],
    ] as const;
    for (const [windows, message] of refused) {
      expect(() => withModelInterval(windows)).toThrow(RangeError);
      expect(() => withModelInterval(windows)).toThrow(message);
    }
    expect(() => withModelInterval({}, { random: 1 as never })).toThrow('random: 1 is not usable; write a function');
    const weekly = () => withModelInterval({}, { cadence: 'weekly' as never });
    expect(weekly).toThrow(TypeError);
    expect(weekly).toThrow(`cadence: "weekly" is not usable; write 'uniform', 'window' or 'economical'`);
    expect(() => withModelInterval({}, { cadence: null as never })).toThrow('cadence: null is not usable; write');
  });
});

function windowWait(text: string): number {
  return Number.parseInt(text, 10) * 1000;
}
