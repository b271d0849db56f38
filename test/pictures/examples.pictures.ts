import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runProgramOnTerminal } from '../cli/terminal.js';
import { drawTerminal, frameOf, type Frame } from './draw-terminal.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const COLUMNS = 110;
const MOST_ROWS = 14;

const PORT = 18_080;
const RELAY = `node docs/examples/relay/express.mjs & sleep 2
  timeout 5 curl -sN -H 'authorization: Bearer secret-of-ann' 'http://127.0.0.1:${PORT}/tasks?id=clip-1'; kill $!`;

// The end of what each example prints on a terminal.
test.each([
  ['one-task', 'node docs/examples/one-task.mjs'],
  ['hundred-tasks', 'node docs/examples/hundred-tasks.mjs'],
  ['own-pipeline', 'node docs/examples/own-pipeline.mjs'],
  ['throw-on-failure', 'node docs/examples/throw-on-failure.mjs'],
  ['opentelemetry', 'node docs/examples/run.mjs docs/examples/opentelemetry-spans.ts'],
  ['express-postgres', 'node docs/examples/express-postgres/demo.mjs'],
  ['relay', 'node docs/examples/relay/express.mjs', RELAY],
  ['fleet', 'npm run demo:fleet', 'node docs/examples/fleet/demo.mjs'],
])('docs/pictures/examples/%s.svg', async (name, title, command = title) => {
  let frame: Frame = [];
  let rows = 0;
  await runProgramOnTerminal(['sh', '-c', command], {
    columns: COLUMNS,
    rows: MOST_ROWS,
    env: { PORT: String(PORT) },
    onScreen: (text, { buffer }) => {
      const used = buffer.baseY + buffer.cursorY + (buffer.cursorX > 0 ? 1 : 0);
      if (text === '' || used === 0) return;
      rows = Math.min(MOST_ROWS, used);
      frame = frameOf(buffer, rows, used - rows);
    },
  });
  expect(frame.length).toBeGreaterThan(5);
  const picture = drawTerminal(title, [frame], { columns: COLUMNS, rows });
  writeFileSync(`${ROOT}docs/pictures/examples/${name}.svg`, picture);
});
