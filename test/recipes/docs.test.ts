import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const DOCS = join(import.meta.dirname, '../../docs');
const read = (file: string) => readFileSync(join(DOCS, 'examples', file), 'utf8');
/** What a reader copies exports something; programs are run. */
const recipes = readdirSync(join(DOCS, 'examples')).filter(
  (file) => file.endsWith('.ts') && /^export /m.test(read(file)),
);
const pages = ['observability.md', 'recipes.md'].map((page) => readFileSync(join(DOCS, page), 'utf8')).join('');

test.each(recipes)('the documents show %s as it is tested', (file) => {
  expect(pages).toContain(`\`\`\`ts\n${read(file)}\`\`\``);
});
