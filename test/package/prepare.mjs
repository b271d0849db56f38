// npm runs this as `prepare`: before it packs or publishes, and where a project installs a clone.
//
// `npm ci` in the clone itself builds nothing: what needs a build (`npm run demo`, `npm test`) makes its own.

import { execFileSync } from 'node:child_process';
import { existsSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');
const { npm_command: command = '', npm_config_local_prefix: project = ROOT } = process.env;

/** @param {string[]} args */
function npm(...args) {
  // npm reports on standard output (`npm pack --json`): nothing else may appear there.
  execFileSync('npm', args, { cwd: ROOT, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' });
}

const isOwnInstall = ['ci', 'install'].includes(command) && realpathSync(project) === realpathSync(ROOT);
if (!isOwnInstall) {
  // A fresh clone: npm installs what a linked folder depends on, but not what builds it. The options of the outer
  // command reach the inner one by the environment, and some of them would keep it from installing.
  if (!existsSync(join(ROOT, 'node_modules/tsup'))) {
    const options = ['--include=dev', '--dry-run=false', '--global=false', '--no-audit', '--no-fund'];
    npm('ci', '--ignore-scripts', '--prefix', ROOT, ...options);
  }
  npm('run', '--silent', 'build', '--', '--silent');
}
