import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runOnTerminal, type Terminal } from '../cli/terminal.js';
import { drawTerminal, frameOf, type Frame } from './draw-terminal.js';

const picture = (name: string) => fileURLToPath(new URL(`../../docs/pictures/${name}.svg`, import.meta.url));

/** How often the screen is recorded, in ms. */
const EVERY = 350;
const COLUMNS = 100;
/** Two lines of introduction, a dozen tasks and the summary. */
const ROWS = 15;

// One run gives both pictures: how the board moved, and what was polled.
test('docs/pictures/board.svg and run.svg show a run of the demo', async () => {
  const frames: Frame[] = [];
  let terminal: Terminal | undefined;
  let isOver = false;
  const record = () => {
    if (terminal) frames.push(frameOf(terminal.buffer, ROWS));
  };
  const recording = setInterval(record, EVERY);
  const { code } = await runOnTerminal(['demo', '--speed', '20', '--svg', picture('run')], {
    columns: COLUMNS,
    rows: 30,
    onScreen: (text, now) => {
      terminal = now;
      if (isOver || !text.includes('The videos are in')) return;
      isOver = true;
      clearInterval(recording);
      record();
    },
  });
  clearInterval(recording);
  expect(code).toBe(0);

  const board = drawTerminal('npm run demo', frames, { columns: COLUMNS, rows: ROWS, frameMs: EVERY });
  expect(board.length).toBeLessThan(150_000);
  writeFileSync(picture('board'), board);
  expect(readFileSync(picture('run'), 'utf8')).toContain('12 tasks');
});
