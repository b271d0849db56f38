import { statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

/** @typedef {import('vitepress').MarkdownRenderer} MarkdownRenderer */
/** @typedef {Parameters<Parameters<MarkdownRenderer['core']['ruler']['push']>[1]>[0]} State */

const REFERENCE = 'api/';

/** The pages at the root of the repository that the site has, by their paths in it. */
export const ROOT_PAGES = ['CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md'];

/** The anchor of a heading as GitHub makes it, which the links of the pages are written for. */
export const slugify = (/** @type {string} */ heading) =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(/\s/g, '-');

/**
 * Makes the links of the repository's pages, and those of the reference, lead somewhere on the site.
 *
 * @param {string} stage the pages of the site
 * @param {string | undefined} repository the URL where the sources can be read
 */
export const siteLinks = (stage, repository) => (/** @type {MarkdownRenderer} */ markdown) => {
  markdown.core.ruler.before('anchor', 'site-links', (state) => {
    if (state.env.relativePath.startsWith(REFERENCE)) nameAnchors(state);
    else resolveLinks(state, (link) => targetOf(link, state.env.relativePath, stage, repository));
  });
};

/**
 * A link to what the site does not have becomes plain text.
 *
 * @param {State} state
 * @param {(link: string) => string | undefined} resolve
 */
function resolveLinks({ tokens }, resolve) {
  for (const { children } of tokens) {
    let isDropped = false;
    for (const token of children ?? []) {
      if (token.type === 'link_open') {
        const href = token.attrGet('href') ?? '';
        const target = /^([a-z]+:|#|\/)/i.test(href) ? href : resolve(href);
        isDropped = target === undefined;
        if (target !== undefined) token.attrSet('href', target);
      }
      if (isDropped && /^link_(open|close)$/.test(token.type)) {
        Object.assign(token, { type: 'text', tag: '', content: '', nesting: 0 });
      }
    }
  }
}

/**
 * Where a link of a page leads on the site, by its path in the repository; undefined where the site does not have it.
 *
 * @param {string} link
 * @param {string} page its path in the site
 * @param {string} stage
 * @param {string | undefined} repository
 */
function targetOf(link, page, stage, repository) {
  const [path = '', anchor] = link.split('#');
  const folder = ROOT_PAGES.some((name) => name.toLowerCase() === page) ? '' : `docs/${dirname(page)}`;
  const file = posix.normalize(posix.join(folder, path)).replace(/\/$/, '');
  const hash = anchor === undefined ? '' : `#${anchor}`;
  if (file === 'README.md') return '/';
  if (ROOT_PAGES.includes(file)) return `/${file.toLowerCase()}${hash}`;
  const below = file.replace(/^docs\//, '');
  if (below !== file && (below.endsWith('.md') || isFile(join(stage, 'public', below)))) return `/${below}${hash}`;
  return repository && `${repository}/blob/main/${file}${hash}`;
}

const isFile = (/** @type {string} */ path) => statSync(path, { throwIfNoEntry: false })?.isFile() === true;

/**
 * In the reference a name has its own anchor, whatever fields of that name come before it, and a field that of its name.
 * TypeDoc numbers repeated anchors in another order than VitePress does.
 *
 * @param {State} state
 */
function nameAnchors({ tokens }) {
  const anchors = new Set();
  let name = '';
  for (const [nth, token] of tokens.entries()) {
    if (token.type !== 'heading_open') continue;
    const slug = slugify(tokens[nth + 1]?.content ?? '');
    const isName = /^h[1-3]$/.test(token.tag);
    if (isName) name = slug;
    const anchor = isName ? name : `${name}.${slug}`;
    let unique = anchor;
    for (let count = 1; anchors.has(unique); count++) unique = `${anchor}-${count}`;
    anchors.add(unique);
    token.attrSet('id', unique);
  }
  for (const { children } of tokens) {
    for (const token of children ?? []) {
      const [path, anchor] = (token.type === 'link_open' && token.attrGet('href')?.split('#')) || [];
      if (anchor === undefined) continue;
      const slug = anchor.replace(/-\d+$/, '');
      const field = path === '' && !anchors.has(slug) && [...anchors].find((one) => one.endsWith(`.${slug}`));
      token.attrSet('href', `${path}#${field || slug}`);
    }
  }
}
