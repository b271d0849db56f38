import { defineConfig } from 'vitest/config';
import { resolve } from '../../vitest.config.js';

export default defineConfig({
  resolve,
  test: {
    include: ['test/fleet/*.fleet.ts'],
    testTimeout: 120_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
