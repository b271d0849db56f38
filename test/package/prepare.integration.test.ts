import { execFile } from 'node:child_process';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

// What it does where a clone is packed is tested by the matrix, whose tarball it builds.
test.each(['ci', 'install'])(
  'npm %s in the clone itself builds nothing: the demo and the tests do',
  async (command) => {
    const builtAt = () => statSync(join(ROOT, 'dist/cli.js')).mtimeMs;
    const before = builtAt();
    const env = { ...process.env, npm_command: command, npm_config_local_prefix: ROOT };
    const { stdout, stderr } = await run(process.execPath, [join(ROOT, 'test/package/prepare.mjs')], { env });
    expect(stdout + stderr).toBe('');
    expect(builtAt()).toBe(before);
  },
);
