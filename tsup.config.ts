import { defineConfig, type Options } from 'tsup';

const shared: Options = {
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  external: ['rxjs', 'undici', /^zod/, /^@angular\//, /^node:/],
  // One import of RxJS for each chunk, and nothing that no entry needs.
  treeshake: true,
  sourcemap: true,
};

export default defineConfig([
  {
    ...shared,
    // One build for all entries: what they share (the gate's registry above all) lands in shared chunks and exists once.
    entry: ['src/index.ts', 'src/node.ts', 'src/testing.ts', 'src/sandbox.ts', 'src/relay.ts', 'src/angular.ts'],
    splitting: true,
    clean: true,
    // tsup passes `baseUrl` to the declaration build, which TypeScript 6 deprecates.
    dts: { compilerOptions: { ignoreDeprecations: '6.0' } },
  },
  {
    ...shared,
    // The command-line tool imports the library as any user does, and bundles what only it needs (the terminal board).
    entry: { cli: 'src/cli/main.ts' },
    platform: 'node',
    splitting: false,
    noExternal: ['listr2'],
    external: [...(shared.external ?? []), /^rx-video-tasks/],
    banner: { js: '#!/usr/bin/env node' },
  },
]);
