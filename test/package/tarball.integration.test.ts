import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** The files that `npm publish` would send. `--ignore-scripts`: `prepare` would build anew, under the other tests. */
const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT });
const [tarball] = JSON.parse(stdout) as [{ files: { path: string }[] }];
const packed = tarball.files.map(({ path }) => path);

test('the tarball holds the build, the docs with their examples, and nothing else', () => {
  const kinds = [
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
    /^dist\/[\w-]+(\.js|\.js\.map|\.d\.ts)$/,
    /^dist\/NOTICES\.txt$/,
    /^docs\/([\w-]+\/)*[\w-]+\.(md|svg|png)$/,
    /^docs\/examples\/([\w-]+\/)*[\w-]+\.(mjs|ts|tsx|js|html|css|md|json)$/,
  ];
  expect(packed.filter((path) => !kinds.some((kind) => kind.test(path)))).toEqual([]);
});

test('it holds neither tools and pages of maintainers, nor lock files, nor the site', () => {
  const unwanted = /bench|mutation|package-lock|node_modules|^docs\/(site|api-report)\/|\.vitepress|\.test\./;
  expect(packed.filter((path) => unwanted.test(path))).toEqual([]);
});

test('it holds whatever package.json points at', () => {
  const pkg = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, unknown>;
  const targets = JSON.stringify([pkg['exports'], pkg['bin']]).match(/(?<="\.\/)[^"*]+\.(js|ts|json)(?=")/g) ?? [];
  expect(targets.length).toBeGreaterThan(10);
  expect(targets.filter((target) => !packed.includes(target))).toEqual([]);
});

test('a source map contains its sources: the tarball has no src', () => {
  const maps = packed.filter((path) => path.endsWith('.js.map'));
  expect(maps.length).toBeGreaterThan(5);
  for (const path of maps) {
    const map = JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as { sources: string[]; sourcesContent?: string[] };
    expect(map.sourcesContent ?? [], path).toHaveLength(map.sources.length);
  }
});
