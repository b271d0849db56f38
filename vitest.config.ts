import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const src = (file: string) => fileURLToPath(new URL(`./src/${file}`, import.meta.url));

// Tests import the public names. They run against `src`; with BUILT=1 the same tests run against `dist`, through the
// package's own `exports`.
export const resolve = {
  alias: process.env['BUILT']
    ? []
    : [
        { find: /^rx-video-tasks$/, replacement: src('index.ts') },
        { find: /^rx-video-tasks\/(\w+)$/, replacement: src('$1.ts') },
      ],
};

/** Needs a process of its own: opens sockets, starts processes, reads what was built, or sets globals of the process. */
const INTEGRATION = ['test/**/*.integration.test.ts'];

export default defineConfig({
  resolve,
  test: {
    // Fails a run whose output shows a secret.
    globalSetup: ['test/output.ts'],
    // No test depends on an idle machine: these are the limits of what hangs.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 60_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...INTEGRATION],
          setupFiles: ['test/no-io.ts'],
          isolate: false,
          maxWorkers: availableParallelism(),
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: INTEGRATION,
          // These wait for sockets, timers or processes for most of their time.
          maxWorkers: 2 * availableParallelism(),
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
