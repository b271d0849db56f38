import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { expect, test } from 'vitest';
import { pages, readPage, ROOT } from './docs-blocks.js';

const all = [
  ...pages,
  'docs/examples/README.md',
  ...readdirSync(ROOT).filter((file) => file.endsWith('.md') && file !== 'README.md'),
];

const withoutCode = (text: string) => text.replaceAll(/^ *```.*?^ *```$/gms, '').replaceAll(/`[^`\n]*`/g, 'code');

/** The anchor of a heading on GitHub, and on the site (VitePress: @mdit-vue/shared, slugify). */
const SLUGS = [
  (heading: string) => heading.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-'),
  (heading: string) =>
    heading
      .replaceAll(/[\s~`!@#$%^&*()\-_+=[\]{}|\\;:"'<>,.?/]+/g, '-')
      .replaceAll(/^-|-$/g, '')
      .replace(/^\d/, '_$&'),
];

/** The anchors that a page has in both places. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.replaceAll(/^ *```.*?^ *```$/gms, '').matchAll(/^#+ (.*)$/gm)];
  const plain = headings.map(([, heading = '']) => heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase());
  const [github = [], site = []] = SLUGS.map((slug) => {
    const taken = new Set<string>();
    for (const heading of plain) {
      const anchor = slug(heading);
      let unique = anchor;
      for (let nth = 1; taken.has(unique); nth++) unique = `${anchor}-${nth}`;
      taken.add(unique);
    }
    return [...taken];
  });
  return new Set(github.filter((anchor) => site.includes(anchor)));
}

/** What is wrong with the relative links of a page: a file that is not there, an anchor that no heading has. */
function brokenLinks(page: string, text = readPage(page)): string[] {
  const links = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)|^\[[^\]]+\]: (\S+)/gm)];
  return links
    .map(([, inline, reference]) => inline ?? reference ?? '')
    .filter((link) => !/^[a-z]+:/i.test(link))
    .filter((link) => {
      const [path = '', anchor] = link.split('#');
      if (path === '') return !anchorsOf(text).has(anchor ?? '');
      const file = posix.join(dirname(page), path);
      if (!existsSync(join(ROOT, file))) return true;
      if (anchor === undefined) return false;
      return statSync(join(ROOT, file)).isDirectory() || !anchorsOf(readPage(file)).has(anchor);
    });
}

test.for(all)('the links of %s lead somewhere', (page) => {
  expect(brokenLinks(page)).toEqual([]);
});

test('the check finds a missing file and a missing heading', () => {
  const text = '# A page\n[a](missing.md) [b](#a-page) [c](#no-heading) [d](relay.md#the-server) [e](relay.md#none)\n';
  expect(brokenLinks('docs/page.md', text)).toEqual(['missing.md', '#no-heading', 'relay.md#none']);
});

test('the index lists every page', () => {
  const links = [...readPage('docs/index.md').matchAll(/^\d+\. \[[^\]]+\]\(([^)]+)\)/gm)].map(
    ([, link = '']) => `docs/${link}`,
  );
  expect(links.sort()).toEqual(pages.filter((page) => !['README.md', 'docs/index.md'].includes(page)));
});
