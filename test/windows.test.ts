import { withModelInterval, type PollWindow } from 'rx-video-tasks';
import { expect, test } from 'vitest';

const LONGEST = 2 ** 31 - 1;
const use = (window: PollWindow) => () => withModelInterval({ '*': window });

test.each<PollWindow>([
  { min: 1, max: 1 },
  { min: 1, max: LONGEST },
  { min: LONGEST, max: LONGEST, floor: LONGEST },
  { min: 1, max: 2, floor: 0 },
  { min: 1, max: 2, generation: [1, 1] },
  { min: 1, max: 2, generation: [0.5, LONGEST] },
  { min: 1, max: 2, interval: 1 },
  { min: 1, max: 2, interval: 2 },
])('F34 a window of %j is taken', (window) => {
  expect(use(window)).not.toThrow();
});

test.each<PollWindow>([
  { min: 0, max: 1 },
  { min: -1, max: 1 },
  { min: 2, max: 1 },
  { min: NaN, max: 1 },
  { min: 1, max: LONGEST + 1 },
  { min: 1, max: Infinity },
  { min: 1, max: 2, floor: -1 },
  { min: 1, max: 2, floor: NaN },
  { min: 1, max: 2, floor: LONGEST + 1 },
  { min: 1, max: 2, interval: 0.5 },
  { min: 1, max: 2, interval: 2.5 },
  { min: 1, max: 2, interval: NaN },
  { min: 1, max: 2, generation: [0, 1] },
  { min: 1, max: 2, generation: [2, 1] },
  { min: 1, max: 2, generation: [NaN, 1] },
  { min: 1, max: 2, generation: [1, NaN] },
  { min: 1, max: 2, generation: [1, LONGEST + 1] },
])('F34 a window of %j is refused', (window) => {
  expect(use(window)).toThrow(RangeError);
});
