import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { defineConfig, type Options } from 'tsup';

const shared: Options = {
  format: 'esm',
  target: 'es2022',
  platform: 'neutral',
  external: ['rxjs', 'undici', 'bullmq', 'ioredis', /^@angular\//, /^node:/],
  // `import 'zod/mini'` loads all of its locales, which takes some 100 ms: the tenth of it that is used is bundled.
  noExternal: [/^zod/],
  // One import of RxJS for each chunk, and nothing that no entry needs.
  treeshake: true,
  sourcemap: true,
  onSuccess: () => {
    writeNotices();
    return Promise.resolve();
  },
};

/** Licences of bundled packages ask to be included: one file of them, by the sources that the source maps name. */
function writeNotices(): void {
  const maps = readdirSync('dist').filter((file) => file.endsWith('.js.map'));
  const sources = maps.flatMap((file) => {
    const text = readFileSync(`dist/${file}`, 'utf8');
    // The two builds run at the same time: a map that the other one is writing is read when that one has succeeded.
    return text.endsWith('}') ? (JSON.parse(text) as { sources: string[] }).sources : [];
  });
  const folders = sources.map((source) => /.*(node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(source)?.[1] ?? '');
  const notices = [...new Set(folders)]
    .filter(Boolean)
    .sort()
    .map((folder) => {
      const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8')) as Record<string, string>;
      const licence = readdirSync(folder).find((file) => /^licen[cs]e/i.test(file));
      if (licence === undefined) throw new Error(`${folder} has no licence file; leave it out of the bundle`);
      return `${name} ${version}\n\n${readFileSync(`${folder}/${licence}`, 'utf8').trim()}\n`;
    });
  writeFileSync(
    'dist/THIRD-PARTY-NOTICES.txt',
    `This package contains parts of the following ones.\n\n${notices.join(`\n${'-'.repeat(80)}\n\n`)}`,
  );
}

export default defineConfig([
  {
    ...shared,
    // One build for all entries: what they share (the gate's registry above all) lands in shared chunks and exists once.
    entry: [
      'src/index.ts',
      'src/node.ts',
      'src/testing.ts',
      'src/sandbox.ts',
      'src/relay.ts',
      'src/angular.ts',
      'src/bullmq.ts',
    ],
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
    noExternal: ['string-width'],
    external: [...(shared.external ?? []), /^rx-video-tasks/],
    banner: { js: '#!/usr/bin/env node' },
  },
]);
