// npm run bench [-- [--quick] [--write] [part ...]]
// Builds the benchmarks with the sources of the library, as tsup builds the package, and runs them.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { argv } from 'node:process';
import { build } from 'esbuild';

const HERE = import.meta.dirname;
const SRC = join(HERE, '../../src');
// Below node_modules, so that what is built finds the peers, and nothing else looks at it.
const BUILT = join(HERE, 'node_modules/.built');

rmSync(BUILT, { recursive: true, force: true });
await build({
  absWorkingDir: HERE,
  entryPoints: [
    'main',
    'server',
    'path/runner',
    'waiting/runner',
    'starting/runner',
    'starting/load',
    'fleet/runner',
  ].map((name) => `${name}.ts`),
  outdir: BUILT,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'es2022',
  packages: 'external',
  alias: {
    'rx-video-tasks': join(SRC, 'index.ts'),
    'rx-video-tasks/node': join(SRC, 'node.ts'),
    'rx-video-tasks/bullmq': join(SRC, 'bullmq.ts'),
    'rx-video-tasks/testing': join(SRC, 'testing.ts'),
  },
  logLevel: 'warning',
});
const { main } = await import(join(BUILT, 'main.js'));
await main(argv.slice(2), join(HERE, '../../docs'));
