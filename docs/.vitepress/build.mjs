// npm run docs: builds the site of docs/*.md and of the API reference into docs/site.

import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { build } from 'vitepress';
import { ROOT_PAGES } from './links.mjs';
import { writeReference } from './reference.mjs';

const DOCS = join(import.meta.dirname, '..');
const ROOT = join(DOCS, '..');

/** What VitePress reads: a copy of the pages, with the reference beside them. config.mjs names it too. */
const STAGE = join(ROOT, 'node_modules/.cache/site');

rmSync(STAGE, { recursive: true, force: true });
mkdirSync(STAGE, { recursive: true });
cpSync(DOCS, STAGE, {
  recursive: true,
  filter: (path) => !/^(\.vitepress|site)|^examples.(?!README\.md$)/.test(relative(DOCS, path)),
});
for (const page of ROOT_PAGES) {
  cpSync(join(ROOT, page), join(STAGE, page.toLowerCase()));
}
// Examples are served as they are.
cpSync(join(DOCS, 'examples'), join(STAGE, 'public/examples'), {
  recursive: true,
  filter: (path) => !/^(node_modules|dist|\.angular|package-lock\.json|.*\.md)$/.test(basename(path)),
});

await writeReference(ROOT, join(STAGE, 'api'));
await build(DOCS);
if (!existsSync(join(DOCS, 'site/index.html'))) throw new Error('docs/site/index.html was not written');
console.log('The site is in docs/site: npx --yes serve docs/site, or any server of static files.');
