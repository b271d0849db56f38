import { defineConfig } from 'vitest/config';
import config from './vitest.config.js';

// What Stryker runs against each mutant: a folder of `src` is judged by the tests in the folder of the same name. `loads`
// tells of a mutant that fails at import, which Stryker takes for one that lives. Long random runs, floods and child
// processes would cost more than they kill; so would patience with a mutant that hangs.
const folder = process.env['MUTATED'] ?? '{wire,poll,operators,gate,transport}';

export default defineConfig({
  ...config,
  test: {
    ...config.test,
    globalSetup: [],
    include: ['test/loads.test.ts', `test/${folder}/*.test.ts`],
    exclude: ['test/transport/{exit,memory}.test.ts', 'test/wire/properties.test.ts'],
    testTimeout: 5_000,
  },
});
