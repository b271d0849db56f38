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
    // Most files wait for sockets, timers or children for most of their time.
    maxWorkers: 2,
    testTimeout: 20_000,
  },
});
