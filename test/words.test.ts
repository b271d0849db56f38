import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

// The language of this library is plain technical English: code receives, emits, stores and rejects; it does not hear,
// tell or know. A caller is a caller. Words that once stood for many things may not come back.

const DIALECT =
  /\b(?:(?:un)?told|heard|hears|said|news(?:Of)?|whoever|whomever|somebody|nobody|anybody|forgiven|minded|wish(?:es)?|(?:is|un)fit)\b/gi;

/** Of prose and comments, in characters; tables and code have their own width. */
const LONGEST_LINE = 120;

const ROOT = join(import.meta.dirname, '..');

/** All source, pages, decisions and examples. */
const files = [
  'README.md',
  ...['src', 'docs'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  ),
].filter((file) => /\.(ts|mjs|md)$/.test(file) && !file.includes('node_modules'));

test.for(files)('%s is in plain words', (file) => {
  const text = readFileSync(join(ROOT, file), 'utf8');
  expect([...text.matchAll(DIALECT)].map(([word]) => word)).toEqual([]);
});

test.for(files.filter((file) => file.endsWith('.md')))('%s wraps its prose', (file) => {
  const prose = readFileSync(join(ROOT, file), 'utf8').replace(/^ *```.*?^ *```$|^\|.*$/gms, '');
  expect(prose.split('\n').filter((line) => line.length > LONGEST_LINE)).toEqual([]);
});

test.for(files.filter((file) => file.endsWith('.ts')))('%s wraps its comments', (file) => {
  const comments = readFileSync(join(ROOT, file), 'utf8').match(/^ *(?:\*|\/\*\*|\/\/) .*$/gm) ?? [];
  expect(comments.filter((line) => line.length > LONGEST_LINE && !/eslint-disable|https:/.test(line))).toEqual([]);
});

test.for(files.filter((file) => file.startsWith('docs/decisions/')))('%s has the form of a decision', (file) => {
  const headings = readFileSync(join(ROOT, file), 'utf8').match(/^#+ .*$/gm) ?? [];
  expect(headings.map((heading) => heading.replace(/^# \d+\. .*/, '# title'))).toEqual([
    ...['# title', '## Context', '## Decision', '## Consequences'],
  ]);
});

test.for(files.filter((file) => file.startsWith('src')))('%s has one style of privacy, #', (file) => {
  expect(readFileSync(join(ROOT, file), 'utf8').match(/^ *private (?!constructor).*$/gm)).toBeNull();
});

test('the check finds a word of the dialect, and only whole words', () => {
  expect('Whoever was told the news'.match(DIALECT)).toEqual(['Whoever', 'told', 'news']);
  expect('withholds, saidan, newsletter'.match(DIALECT)).toBeNull();
});
