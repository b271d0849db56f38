// npm run release: checks what would be published, and stops before it is.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { problemsOf } from './release-checks.mjs';

const ROOT = join(import.meta.dirname, '../..');
const read = (/** @type {string} */ file) => readFileSync(join(ROOT, file), 'utf8');

/** @param {string} command @param {string[]} args */
const lines = (command, ...args) => {
  const output = execFileSync(command, args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 2] });
  return output.split('\n').filter(Boolean);
};
const remotes = lines('git', 'remote');

console.log('Building ...');
lines('npm', 'run', '--silent', 'build', '--', '--silent');
const [tarball] = JSON.parse(lines('npm', 'pack', '--dry-run', '--json', '--ignore-scripts').join('\n'));

const pkg = JSON.parse(read('package.json'));
const problems = problemsOf({
  pkg,
  lock: JSON.parse(read('package-lock.json')),
  changelog: read('CHANGELOG.md'),
  today: new Date().toISOString().slice(0, 10),
  npmVersion: lines('npm', '--version')[0] ?? '',
  changes: lines('git', 'status', '--porcelain'),
  branch: lines('git', 'branch', '--show-current')[0] ?? 'none (detached)',
  tags: lines('git', 'tag', '--list'),
  ...(remotes.includes('origin') && { remote: lines('git', 'remote', 'get-url', 'origin')[0] }),
  files: tarball.files.map((/** @type {{ path: string }} */ { path }) => path),
});

if (problems.length > 0) {
  console.error(`Not ready to publish ${pkg.name} ${pkg.version}:`);
  for (const problem of problems) console.error(`- ${problem}`);
  process.exitCode = 1;
} else {
  const { version } = pkg;
  const tag = /-([a-z]+)/i.exec(version)?.[1];
  console.log(`${pkg.name} ${version} is ready: ${tarball.files.length} files, ${tarball.size} bytes packed.

Nothing is published yet. When .ci/run has passed on this commit:
  git tag v${version} && git push origin main v${version}
Then, in a workflow of the repository with "id-token: write", whose identity the provenance states:
  npm publish${tag === undefined ? '' : ` --tag ${tag}`}`);
}
