import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { drawDiagram } from './draw-diagram.js';
import { diagrams, type Diagram } from './marbles.js';

const ROOT = join(import.meta.dirname, '../..');
const all: [string, Diagram][] = Object.entries(diagrams);

// After a change of a diagram: npx vitest run test/pictures -u
test.each(all)('the picture of %s shows the strings that its marble test runs', async (name, diagram) => {
  await expect(drawDiagram(diagram)).toMatchFileSnapshot(`../../docs/pictures/${name}.svg`);
});

test.each(all)('the docstring of %s shows the same strings', (name, { sources, operator, result }) => {
  const source = readFileSync(join(ROOT, `src/operators/${name}.ts`), 'utf8');
  const block = /```text\n(.*?)```/s.exec(source)?.[1] ?? '';
  for (const line of [...sources.map(({ marbles }) => marbles), operator, result]) expect(block).toContain(line);
});

test.each(all)('the page of %s shows its picture', (name) => {
  const page = readFileSync(join(ROOT, `docs/operators/${name}.md`), 'utf8');
  expect(page).toContain(`](../pictures/${name}.svg)`);
});
