import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Limit of one command, in ms: a tool that hangs fails its case instead of the whole run. */
const LIMIT = 240_000;

/**
 * A fresh project in a temporary directory, with the packed library as a dependency.
 *
 * @param {string} name
 * @param {Record<string, string>} dependencies
 * @param {Record<string, string>} files
 * @param {object} [fields] further fields of package.json
 */
export async function createProject(name, dependencies, files, fields = {}) {
  const directory = mkdtempSync(join(tmpdir(), `rvt-${name.replace(/\W+/g, '-')}-`));
  const write = (/** @type {string} */ path, /** @type {string} */ content) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  };
  write(
    'package.json',
    JSON.stringify({ name: 'fresh', private: true, type: 'module', dependencies, ...fields }, null, 2),
  );
  for (const [path, content] of Object.entries(files)) write(path, content);
  const project = {
    directory,
    write,
    /** @param {string} command @param {Record<string, string>} [env] */
    run: (command, env) => run(command, directory, env),
  };
  await project.run('npm install --no-audit --no-fund --loglevel=error');
  return project;
}

/**
 * Runs a command in a shell; rejects with its output where it fails.
 *
 * @param {string} command
 * @param {string} cwd
 * @param {Record<string, string>} [env]
 * @returns {Promise<string>} what it printed
 */
export function run(command, cwd, env = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn('bash', ['-c', command], {
      cwd,
      env: { ...process.env, CI: '1', NEXT_TELEMETRY_DISABLED: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT,
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (output += String(data)));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command}\n${output.trim().split('\n').slice(-30).join('\n')}`));
    });
  });
}
