// Builds the page with esbuild, and serves it with the relay at /tasks.
//
//   npm ci && npm run build && node docs/examples/react/start.mjs

import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { startBoard } from '../relay/board.mjs';

const here = import.meta.dirname;

/** Builds the page, and returns the folder that holds it. */
export async function buildPage() {
  const outdir = join(here, 'dist');
  await build({
    entryPoints: [join(here, 'main.tsx')],
    ...{ outdir, bundle: true, minify: true, format: 'esm', jsx: 'automatic', tsconfigRaw: {} },
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  await copyFile(join(here, 'index.html'), join(outdir, 'index.html'));
  await copyFile(join(here, '../plain-page/board.css'), join(outdir, 'board.css'));
  return outdir;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const { url } = await startBoard(await buildPage(), { port: 8080 });
  console.log(`the board is at ${url}`);
}
