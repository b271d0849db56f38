import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { linesOf, runProcess } from '../cli/run-cli.js';

const demo = fileURLToPath(new URL('../../docs/examples/fleet/demo.mjs', import.meta.url));

test('docs/examples/fleet: all tasks complete, though a worker is killed on the way', async () => {
  const { code, stdout, stderr } = await runProcess(process.execPath, [demo, '200']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = linesOf(stdout);
  expect(lines.filter((line) => line.endsWith(': the first worker is killed'))).toHaveLength(1);
  expect(stdout).toMatch(
    /^200 tasks in \d+ s: 200 completed, 0 failed, 0 lost; [1-9]\d* polls by the worker that was killed/m,
  );
});
