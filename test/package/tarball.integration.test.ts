import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { problemsOfTarball } from './tarball.mjs';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** The files that `npm publish` would send. `--ignore-scripts`: `prepare` would build anew, under the other tests. */
const { stdout } = await run('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: ROOT });
const [tarball] = JSON.parse(stdout) as [{ files: { path: string }[] }];
const packed = tarball.files.map(({ path }) => path);

test('the tarball holds the build and the docs with their examples, and no tool, lock file or site', () => {
  expect(problemsOfTarball(packed)).toEqual([]);
  expect(problemsOfTarball([...packed, 'docs/examples/angular/package-lock.json', 'docs/site/index.html'])).toEqual([
    'the tarball holds docs/examples/angular/package-lock.json; exclude it by "files" of package.json',
    'the tarball holds docs/site/index.html; exclude it by "files" of package.json',
  ]);
  expect(problemsOfTarball(packed.filter((file) => file !== 'LICENSE'))).toEqual([
    'the tarball lacks LICENSE; build, or add it to "files" of package.json',
  ]);
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
