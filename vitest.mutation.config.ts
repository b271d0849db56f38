import { defineConfig } from 'vitest/config';
import { resolve } from './vitest.config.js';

// What Stryker runs against each mutant: a folder of `src` is judged by the tests in the folder of the same name. `loads`
// detects a mutant that fails at import, which Stryker would count as one that survives. Long random runs, floods and
// child processes would cost more than they kill; so would patience with a mutant that hangs.
const folder = process.env['MUTATED'] ?? '{wire,poll,operators,gate,transport}';

export default defineConfig({
  resolve,
  test: {
    include: ['test/loads.test.ts', `test/${folder}/*.test.ts`],
    exclude: ['test/transport/{exit,memory}.integration.test.ts', 'test/wire/properties.test.ts'],
    testTimeout: 5_000,
  },
});
