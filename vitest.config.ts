import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const src = (file: string) => fileURLToPath(new URL(`./src/${file}`, import.meta.url));

// Tests import the public names. They run against `src`; with BUILT=1 the same tests run against `dist`, through the package's own `exports`.
const alias = process.env['BUILT']
  ? []
  : [
      { find: /^rx-video-tasks$/, replacement: src('index.ts') },
      { find: /^rx-video-tasks\/(\w+)$/, replacement: src('$1.ts') },
    ];

/** What takes longest begins first, or the others would be done long before it. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => /faults.(load|suspended|leaks)\.test/.test(moduleId);
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/**/*.test.ts'],
    // Fails a run whose output shows a secret.
    globalSetup: ['test/output.ts'],
    // Most files wait for sockets, timers or children for most of their time.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    testTimeout: 20_000,
  },
});
