// Packs the library and takes it into fresh projects of many kinds, as its users do.
//   node test/matrix/matrix.mjs            every case
//   node test/matrix/matrix.mjs --quick    what runs at every merge
//   node test/matrix/matrix.mjs Vite Next  the cases whose names begin so

import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CASES } from './cases.mjs';
import { run } from './project.mjs';

const ROOT = join(import.meta.dirname, '../..');
const wanted = process.argv.slice(2).filter((argument) => argument !== '--quick');
const isQuick = process.argv.includes('--quick');
const cases = CASES.filter(({ name, quick }) =>
  wanted.length > 0 ? wanted.some((word) => name.startsWith(word)) : !isQuick || quick,
);

const temporary = mkdtempSync(join(tmpdir(), 'rvt-matrix-'));
// The projects are made in it, so that one line removes them all.
process.env['TMPDIR'] = temporary;
let failures = 0;
try {
  // `prepare` builds it, as for everyone who packs a clone.
  await run(`npm pack --silent --pack-destination "${temporary}"`, ROOT);
  const tarball = join(temporary, readdirSync(temporary).find((file) => file.endsWith('.tgz')) ?? '');
  for (const { name, run: runCase } of cases) {
    const start = performance.now();
    try {
      await runCase(`file:${tarball}`);
      console.log(`ok    ${name} (${((performance.now() - start) / 1000).toFixed(0)} s)`);
    } catch (error) {
      failures += 1;
      console.log(`FAIL  ${name}\n${String(error)}`);
    }
  }
} finally {
  rmSync(temporary, { recursive: true, force: true });
}
console.log(`${cases.length - failures} passed, ${failures} failed`);
process.exitCode = failures === 0 ? 0 : 1;
