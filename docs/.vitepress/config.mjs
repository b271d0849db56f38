import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from 'vitepress';
import { siteLinks, slugify } from './links.mjs';

const ROOT = join(import.meta.dirname, '../..');
const STAGE = join(ROOT, 'node_modules/.cache/site');
// Examples are served as they are: VitePress takes a link to an unknown extension for one to a page.
process.env['VITE_EXTRA_EXTENSIONS'] = 'tsx';

const pkg = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** Absent until package.json names the repository. */
const repository = pkg.repository?.url.replace(/^git\+/, '').replace(/\.git$/, '');

/** The index of the documentation is also its order: each "## Section" with its list of links. */
function sidebarOf(/** @type {string} */ index) {
  const sections = index.split(/^## /m).slice(1);
  return sections.map((section) => ({
    text: section.split('\n')[0] ?? '',
    items: [...section.matchAll(/^(?:\d+\.|-) \[([^\]]+)\]\(([^)]+)\)/gm)].map(([, text = '', link = '']) => ({
      text: text.replaceAll('`', ''),
      link: `/${link.replace(/\.md$/, '')}`,
    })),
  }));
}

/** The entries, in the order of package.json: reference.mjs writes a page for each. */
const entries = Object.keys(pkg.exports).filter((subpath) => subpath !== './package.json');
const reference = {
  text: 'API reference',
  items: entries.map((subpath) => {
    const name = subpath === '.' ? pkg.name : subpath.slice(2);
    return { text: subpath === '.' ? name : `${pkg.name}/${name}`, link: `/api/${name}` };
  }),
};

export default defineConfig({
  title: pkg.name,
  description: pkg.description,
  srcDir: STAGE,
  outDir: join(ROOT, 'docs/site'),
  cacheDir: join(ROOT, 'node_modules/.cache/vitepress'),
  base: pkg.homepage === undefined ? '/' : new URL(pkg.homepage).pathname.replace(/\/?$/, '/'),
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  markdown: { config: siteLinks(STAGE, repository), anchor: { slugify } },
  // The page of an entry is large.
  vite: { build: { chunkSizeWarningLimit: 2_000 } },
  themeConfig: {
    nav: [
      { text: 'Guide', link: '/getting-started' },
      { text: 'API reference', link: '/api/' },
      { text: pkg.version, link: '/changelog' },
    ],
    sidebar: [
      ...sidebarOf(readFileSync(join(STAGE, 'index.md'), 'utf8')),
      reference,
      {
        text: 'Project',
        items: [
          { text: 'Changelog', link: '/changelog' },
          { text: 'Contributing', link: '/contributing' },
          { text: 'Security', link: '/security' },
        ],
      },
    ],
    outline: { level: [2, 3] },
    search: { provider: 'local' },
    ...(repository !== undefined && { socialLinks: [{ icon: 'github', link: repository }] }),
  },
});
