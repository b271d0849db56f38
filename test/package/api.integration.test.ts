import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { apiReports } from './api-report.js';

const ROOT = join(import.meta.dirname, '../..');
const { exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  exports: Record<string, unknown>;
};
const entries = Object.keys(exports)
  .filter((subpath) => subpath !== './package.json')
  .map((subpath) => (subpath === '.' ? 'index' : subpath.slice(2)));

const reports = await apiReports(entries);

// A change of a public name or type is read in the diff of these files: `-u` writes them.
test.each(entries)('%s has the public names of its report', async (entry) => {
  await expect(reports.get(entry)).toMatchFileSnapshot(`api/${entry}.md`);
});

test('each report belongs to an entry', () => {
  expect(readdirSync(join(import.meta.dirname, 'api')).sort()).toEqual(entries.map((entry) => `${entry}.md`).sort());
});
