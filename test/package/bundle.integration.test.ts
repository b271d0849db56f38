import { gzipSync } from 'node:zlib';
import { join } from 'node:path';
import { build, transform } from 'esbuild';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');

/** Bundles what a browser app would, from the built package; gives the inputs and the gzipped size. */
async function bundle(code: string): Promise<{ inputs: string[]; text: string; kilobytes: number }> {
  const { metafile, outputFiles } = await build({
    stdin: { contents: code, resolveDir: ROOT },
    bundle: true,
    write: false,
    metafile: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    external: ['rxjs'],
    logLevel: 'silent',
    // Without the paths of the project's own, which lead to `src`.
    tsconfigRaw: '{}',
  });
  // Once more, as TypeScript: names of RxJS which nothing uses go too, as they do where RxJS is bundled.
  const { code: text } = await transform(outputFiles[0]?.text ?? '', { loader: 'ts', format: 'esm', minify: true });
  return { inputs: Object.keys(metafile.inputs), text, kilobytes: gzipSync(text, { level: 9 }).length / 1000 };
}

test('a browser gets the whole of "." without any Node module and without undici', async () => {
  const { inputs } = await bundle(`export * from 'rx-video-tasks';`);
  expect(inputs.length).toBeGreaterThan(3);
  expect(inputs.filter((input) => !/^(dist|node_modules)\/|^<stdin>$/.test(input))).toEqual([]);
  expect(inputs.filter((input) => /node:|undici/.test(input))).toEqual([]);
});

test('a browser that imports a Node entry fails to build', async () => {
  await expect(bundle(`export * from 'rx-video-tasks/node';`)).rejects.toThrow();
});

test('an app that asks the services itself does not carry the relay, and the other way round', async () => {
  const direct = await bundle(`export { createTracker, alad } from 'rx-video-tasks';`);
  const relayed = await bundle(`export { relayTracker } from 'rx-video-tasks';`);
  expect([direct.text.includes('text/event-stream'), direct.text.includes('/v1/video/generations')]).toEqual([
    false,
    true,
  ]);
  expect([relayed.text.includes('text/event-stream'), relayed.text.includes('/v1/video/generations')]).toEqual([
    true,
    false,
  ]);
});

// Gzipped, minified, RxJS not counted: docs/decisions/0005.
test.each([
  [
    'createTracker with all five providers',
    28.25,
    'createTracker, xingchaoyiqing, mingyan, globalaiopc, anyfast, alad',
  ],
  ['relayTracker alone', 7, 'relayTracker'],
  ['the three operators alone', 6.7, 'pollUntilTerminal, withModelInterval, dedupeStatus'],
])('%s: at most %f kB', async (what, most, names) => {
  const { kilobytes } = await bundle(`export { ${names} } from 'rx-video-tasks';`);
  console.log(`${what}: ${kilobytes.toFixed(2)} kB gzipped`);
  expect(kilobytes).toBeLessThanOrEqual(most);
});
