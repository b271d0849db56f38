import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';

// The guard that vitest.config.ts sets over the output of every run.

/** The exit code of a run of one test that passes, and what it printed. */
function run(print: string): Promise<[code: unknown, output: string]> {
  const command = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'test/fixtures/prints/vitest.config.ts'];
  const env = { ...process.env, PRINT: print };
  return new Promise((resolve) => {
    execFile(process.execPath, command, { env, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve([error?.code ?? 0, stdout + stderr]);
    });
  });
}

test.for(['nothing', 'a word that is part of a key'])('F36 a run that shows %s passes', async (print) => {
  const [code, output] = await run(print);
  expect(output).toContain('video_abc');
  expect(output).not.toContain('shows a secret');
  expect(code).toBe(0);
});

test.for([
  'eight characters on the console',
  'a key in two pieces',
  'a key in a warning',
  'a presigned query',
  'a key from a child process',
])('F36 a run that shows %s fails, though its tests pass', async (print) => {
  const [code, output] = await run(print);
  expect(output).toMatch(/Tests .*1 passed/s);
  expect(output).toContain('F36: the output of this run shows a secret');
  expect(code).toBe(1);
});
