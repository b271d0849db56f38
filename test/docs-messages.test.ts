import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readPage, ROOT } from './docs-blocks.js';

/** All source, its texts as a reader of messages sees them: in one piece, without backslashes. */
const source = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => readFileSync(join(ROOT, 'src', file), 'utf8'))
  .join('\n')
  .replaceAll(/[`'] \+\n\s*[`']/g, '')
  .replaceAll(/\\'/g, "'");

const messages = [...readPage('docs/troubleshooting.md').matchAll(/^```text\n(.*)\n```$/gm)].map(
  ([, text = '']) => text,
);

test.for(messages)('a message of the library: %s', (message) => {
  // Messages are put together at colons and semicolons.
  const parts = message.split(/…|[:;] /).map((part) => part.trim());
  expect(parts.filter((part) => !source.includes(part))).toEqual([]);
});

test('messages are found', () => {
  expect(messages.length).toBeGreaterThan(20);
});
