import { defineConfig } from 'vitest/config';
import { resolve } from './vitest.config.js';

// What Stryker runs against each mutant: a folder of `src` is judged by the tests in the folder of the same name. `loads`
// detects a mutant that fails at import, which Stryker would count as one that survives. Long random runs, floods,
// child processes and long time limits would cost more time than they find mutants.
const folder = process.env['MUTATED'] ?? '{wire,poll,operators,gate,transport}';

export default defineConfig({
  resolve,
  test: {
    include: ['test/loads.test.ts', `test/${folder}/*.test.ts`],
    exclude: ['test/transport/{exit,memory}.integration.test.ts', 'test/wire/properties.test.ts'],
    testTimeout: 5_000,
  },
});
