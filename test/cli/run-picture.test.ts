import fc from 'fast-check';
import { expect, test } from 'vitest';
import { drawRun } from '../../src/cli/run-picture.js';
import type { TaskHistory } from '../../src/cli/run-record.js';
import { repetitions } from '../repetitions.js';

const SECOND = 1_000;
const options = { elapsedMs: 60 * SECOND, speed: 1 };

const history = (fields: Partial<TaskHistory> = {}): TaskHistory => ({
  ...{ provider: 'alad', id: 'asyntask_1', polls: [], misses: [], transitions: [] },
  ...fields,
});
const run = history({
  polls: [0, 15, 30, 45].map((s) => s * SECOND),
  misses: [30 * SECOND],
  transitions: [
    { at: 0, status: 'queued' },
    { at: 15 * SECOND, status: 'processing' },
    { at: 45 * SECOND, status: 'processing' },
  ],
});

const lineOf = (picture: string) => picture.split('\n');
const textsOf = (picture: string) => [...picture.matchAll(/<text [^>]*>(.*?)<\/text>/g)].map(([, words = '']) => words);
/** The diagram without its legend, which stands last. */
const diagramOf = (picture: string) => picture.slice(0, picture.indexOf('>poll</text>'));
const marblesOf = (picture: string) =>
  [...diagramOf(picture).matchAll(/<circle class="(\w+)" cx="([\d.]+)" cy="\d+" r="8"\/>/g)].map(([, kind, x]) => [
    kind,
    Number(x),
  ]);

test('draws a marble for each change of status, a dot for other transitions, a tick for each poll, a cross for a miss', () => {
  const picture = drawRun([run], options);
  expect(marblesOf(picture)).toEqual([
    ['queued', 248],
    ['processing', 248 + 690 / 4],
  ]);
  expect(diagramOf(picture).match(/<circle class="processing" cx="765.5" cy="\d+" r="3"\/>/g)).toHaveLength(1);
  expect(/class="tick".* d="(.*?)"/.exec(picture)?.[1]?.match(/M\d+/g)).toEqual(['M248', 'M421', 'M593', 'M766']);
  expect(/class="miss".* d="(.*?)"/.exec(picture)?.[1]?.match(/M\d+/g)).toEqual(['M589']);
  expect(textsOf(picture)[0]).toBe('1 task, 4 polls (1 missed), 3 transitions');
});

test('the last line merges the transitions of all tasks', () => {
  const other = history({ id: 'asyntask_2', transitions: [{ at: 20 * SECOND, status: 'failed' }] });
  const merged = [...drawRun([run, other], options).matchAll(/<circle class="(\w+)" cx="([\d.]+)" cy="\d+" r="4"\/>/g)];
  expect(merged.map(([, kind]) => kind)).toEqual(['queued', 'processing', 'failed', 'processing']);
});

test('the line of a task ends with its end, that of a running one goes on', () => {
  const over = history({ transitions: [{ at: 30 * SECOND, status: 'completed' }] });
  const ends = [...drawRun([over, run], options).matchAll(/<path class="line" d="M248 \d+H([\d.]+)"/g)];
  expect(ends.map(([, x]) => Number(x))).toEqual([248 + 690 / 2, 248 + 690, 248 + 690]);
});

test.each([
  [900, '0 s', '0.9 s'],
  [8 * SECOND, '0 s', '8 s'],
  [60 * SECOND, '0 s', '60 s'],
  [3_600 * SECOND, '0:00', '1:00:00'],
  [86_400 * SECOND, '0:00', '24:00:00'],
])('an axis of %i ms has round marks, at most twelve and two more for the ends', (elapsedMs, first, last) => {
  const marks = textsOf(drawRun([run], { elapsedMs, speed: 1 })).filter((words) => /^[\d.:]+( s)?$/.test(words));
  expect(marks[0]).toBe(first);
  expect(marks.at(-1)).toBe(last);
  expect(marks.length).toBeGreaterThan(3);
  expect(marks.length).toBeLessThan(15);
});

test('says how much faster than real the run was', () => {
  expect(textsOf(drawRun([run], { ...options, speed: 60 }))).toContain('1 s is 60 s of a real service');
  expect(drawRun([run], options)).not.toContain('of a real service');
});

test('the picture of a day of polls is hardly larger than that of an hour', () => {
  const during = (elapsedMs: number) => {
    const times = Array.from({ length: elapsedMs / 15_000 }, (_, nth) => nth * 15_000);
    const transitions = times.map((at) => ({ at, status: 'processing' as const }));
    return drawRun([history({ polls: times, misses: times, transitions })], { elapsedMs, speed: 1 }).length;
  };
  expect(during(24 * 3_600_000)).toBeLessThan(6 * during(3_600_000));
  expect(during(240 * 3_600_000)).toBeLessThan(1.5 * during(24 * 3_600_000));
});

test('more than a hundred tasks: the others are counted, and merged', () => {
  const tasks = Array.from({ length: 130 }, (_, nth) =>
    history({ id: `asyntask_${nth}`, transitions: [{ at: nth * 100, status: 'queued' }] }),
  );
  const picture = drawRun(tasks, options);
  expect(marblesOf(picture)).toHaveLength(100);
  expect(picture.match(/r="4"/g)).toHaveLength(130);
  expect(textsOf(picture)).toContain('with 30 more tasks');
});

test('a picture of nothing is a picture', () => {
  expect(textsOf(drawRun([], { elapsedMs: 0, speed: 1 }))[0]).toBe('0 tasks, 0 polls, 0 transitions');
});

test('text from outside is escaped, and cannot break out of the picture', () => {
  const evil = `</text><script>alert(1)</script>&"'\u0000\u001b[2J\u202e\ufffe`;
  const picture = drawRun([history({ id: evil, model: evil, provider: evil, polls: [1] })], options);
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  expect(picture).not.toMatch(/<script|\u0000|\u001b|\u202e|\ufffe/);
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (id, model) => {
      const drawn = drawRun([history({ id, model, polls: [1] })], options);
      // eslint-disable-next-line no-control-regex -- what XML forbids
      expect(drawn).not.toMatch(/[\0-\x08\v\f\x0E-\x1F\uFFFE\uFFFF]/);
      for (const line of lineOf(drawn).filter((line) => line.startsWith('<text'))) {
        expect(line).toMatch(/^<text [^<>]*>(?:[^<>&]|&(?:amp|lt|gt|quot);)*<\/text>(?:<|$)/);
      }
    }),
    { numRuns: repetitions(200) },
  );
});
