import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

test('the notices name every package that is bundled, with its version and licence', async () => {
  const pkg = JSON.parse(read('package.json')) as Record<'dependencies' | 'peerDependencies' | 'exports', object>;
  const subpaths = Object.keys(pkg.exports).filter((subpath) => subpath !== './package.json');
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: [
      ...subpaths.map((subpath) => `src/${subpath === '.' ? 'index' : subpath.slice(2)}.ts`),
      'src/cli/main.ts',
    ],
    external: ['rx-video-tasks', ...Object.keys(pkg.dependencies), ...Object.keys(pkg.peerDependencies)],
    bundle: true,
    metafile: true,
    write: false,
    outdir: 'dist',
    format: 'esm',
    platform: 'node',
    logLevel: 'silent',
  });
  const used = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0),
  );
  const folders = new Set(
    used.flatMap(([input]) => /.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input.replaceAll('\\', '/')) ?? []),
  );
  expect(folders.size).toBeGreaterThan(3);

  const notices = read('dist/THIRD-PARTY-NOTICES.txt').split(`\n${'-'.repeat(80)}\n\n`);
  expect(notices).toHaveLength(folders.size);
  for (const folder of folders) {
    const { name, version } = JSON.parse(read(`${folder}/package.json`)) as Record<string, string>;
    const notice = notices.find((text) => text.includes(`${name} ${version}\n\n`));
    expect(notice, folder).toMatch(/copyright.*permission (is hereby granted|to use)/is);
  }
});
