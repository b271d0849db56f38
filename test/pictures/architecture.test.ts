import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LAW } from '../package/import-law.js';
import { arrowsOf, boxesOf, drawArchitecture, PLACES, type Box, type Curve } from './architecture.js';

const SRC = join(import.meta.dirname, '../../src');

// After a change of the table: npx vitest run test/pictures -u
test('the picture shows the import law', async () => {
  await expect(drawArchitecture(LAW)).toMatchFileSnapshot('../../docs/pictures/architecture.svg');
});

test('every module has a place', () => {
  const folders = readdirSync(SRC, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(Object.keys(PLACES).sort()).toEqual([...folders.map(({ name }) => name), 'query'].sort());
});

test('no arrow crosses a box, and no box another', () => {
  const boxes = boxesOf(LAW);
  const crossed = arrowsOf(LAW).flatMap(({ from, to, curve }) =>
    boxes
      .filter((box) => pointsOf(curve).some((point) => isInside(box, point)))
      .map(({ module }) => `${from} -> ${to}: ${module}`),
  );
  expect(crossed).toEqual([]);
  const places = boxes.map(({ x, y }) => `${x} ${y}`);
  expect(new Set(places).size).toBe(places.length);
});

test('the check finds an arrow that skips a column and crosses a box', () => {
  const law = { wire: [], providers: [], query: [], node: ['transport'], transport: [], operators: ['wire'] };
  const boxes = boxesOf(law);
  const crossed = arrowsOf(law).map(({ from, curve }) => [
    from,
    boxes.some((box) => pointsOf(curve).some((point) => isInside(box, point))),
  ]);
  expect(crossed).toContainEqual(['node', true]);
});

function pointsOf([start, one, two, end]: Curve): { x: number; y: number }[] {
  return Array.from({ length: 101 }, (_, step) => {
    const t = step / 100;
    const at = (a: number, b: number, c: number, d: number) =>
      (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t ** 2 * c + t ** 3 * d;
    return { x: at(start.x, one.x, two.x, end.x), y: at(start.y, one.y, two.y, end.y) };
  });
}

function isInside({ x, y, width, height }: Box, point: { x: number; y: number }): boolean {
  return point.x > x && point.x < x + width && point.y > y && point.y < y + height;
}
