import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { repetitions } from '../repetitions.js';
import { generations, read, wires } from './reading.js';

// A slice of a string keeps the whole of it alive, so growth is measured, not lengths.
test('a finished task keeps at most 64 KiB of its reply', () => {
  const TASKS = repetitions(200);
  const REPLY = 1_000_000;
  const before = heap();
  const tasks = Array.from({ length: TASKS }, (_, nth) =>
    read(wires.generations, generations({ status: 'FAILURE', fail_reason: `${nth} ${'x'.repeat(REPLY)}` })),
  );
  const grown = heap() - before;
  expect(tasks).toHaveLength(TASKS);
  // 64 KiB of raw text and 4 KiB of the reason each; whole replies would be 1 MB each.
  expect(grown).toBeLessThan(TASKS * 80 * 1024);
  const [task] = tasks;
  if (task?.status !== 'failed') throw new Error('not failed');
  expect(task.failure.message).toHaveLength(4_096);
  expect(task.raw?.length).toBe(65_536);
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heap(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}
