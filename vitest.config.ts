import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const src = (file: string) => fileURLToPath(new URL(`./src/${file}`, import.meta.url));

// Tests import the public names. They run against `src`; with BUILT=1 the same tests run against `dist`, through the package's own `exports`.
const alias = process.env['BUILT']
  ? []
  : [
      { find: /^rx-video-tasks$/, replacement: src('index.ts') },
      { find: /^rx-video-tasks\/(\w+)$/, replacement: src('$1.ts') },
    ];

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/**/*.test.ts'],
    // The fault table and the model tests run on their own: `npm run test:reliability`.
    exclude: process.env['RELIABILITY'] ? [] : ['test/faults/**', 'test/models/**', '**/node_modules/**'],
    testTimeout: 20_000,
  },
});
