import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

// The language of this library is plain technical English: what a machine does is not "said", "heard" or "told", and a
// caller is a caller. Words that once stood for many things may not come back.

const DIALECT = /\b(?:un)?told\b|\b(?:heard|hears|said|news|newsOf|whoever|somebody|forgiven|minded|wishes)\b/gi;

/** Of prose, in characters; tables and code have their own width. */
const LONGEST_LINE = 120;

const ROOT = join(import.meta.dirname, '..');

/** What is clean. A folder stands for all that is in it. */
const CLEAN = [
  ...['angular', 'cli', 'gate', 'node', 'providers', 'transport', 'wire'].map((folder) => `src/${folder}`),
  ...['command-line'].map((page) => `docs/${page}.md`),
];

const files = CLEAN.flatMap((path) =>
  statSync(join(ROOT, path)).isDirectory()
    ? readdirSync(join(ROOT, path), { recursive: true, encoding: 'utf8' }).map((file) => join(path, file))
    : [path],
).filter((file) => /\.(ts|md)$/.test(file));

test.for(files)('%s is in plain words', (file) => {
  const text = readFileSync(join(ROOT, file), 'utf8');
  expect([...text.matchAll(DIALECT)].map(([word]) => word)).toEqual([]);
});

test.for(files.filter((file) => file.endsWith('.md')))('%s wraps its prose', (file) => {
  const prose = readFileSync(join(ROOT, file), 'utf8').replace(/^```.*?^```$|^\|.*$/gms, '');
  expect(prose.split('\n').filter((line) => line.length > LONGEST_LINE)).toEqual([]);
});
