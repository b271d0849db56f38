// Runs an example that is written in TypeScript, on Node 20 too:
//
//   npm ci && npm run build && node docs/examples/run.mjs docs/examples/opentelemetry-spans.ts

import { basename, dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const [source = ''] = process.argv.slice(2);
const outfile = join(dirname(source), 'dist', basename(source).replace(/\.ts$/, '.mjs'));
// `tsconfigRaw`: that of this repository reads the package from its sources; an example uses what was built.
const options = /** @type {const} */ ({ bundle: true, packages: 'external', platform: 'node', format: 'esm' });
await build({ entryPoints: [source], outfile, tsconfigRaw: {}, ...options });
await import(pathToFileURL(outfile).href);
