import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, extname, join, posix } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { launch } from './chromium.js';

// The built documentation (`npm run docs`). With SITE_SCREENSHOTS=DIR its first pages are drawn into that directory.

const SITE = join(import.meta.dirname, '../../docs/site');
const files = readdirSync(SITE, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'));
const pages = files.filter((file) => file.endsWith('.html') && file !== '404.html');
const read = (file: string) => readFileSync(join(SITE, file), 'utf8');

let browser: Browser;
let server: Server;
let origin: string;

beforeAll(async () => {
  const types: Record<string, string> = {
    '.html': 'text/html',
    '.js': 'text/javascript',
    '.css': 'text/css',
    '.svg': 'image/svg+xml',
  };
  server = createServer(({ url = '/' }, response) => {
    const path = new URL(url, 'http://site').pathname.slice(1) || 'index.html';
    const isFound = files.includes(path);
    response.writeHead(isFound ? 200 : 404, { 'content-type': types[extname(path)] ?? 'application/octet-stream' });
    response.end(isFound ? readFileSync(join(SITE, path)) : undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  browser = await launch();
});

afterAll(async () => {
  await browser.close();
  server.close();
});

async function open(
  path: string,
  colorScheme: 'light' | 'dark' = 'light',
): Promise<{ page: Page; problems: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, colorScheme });
  const problems: string[] = [];
  const note = (problem: string) => problems.push(`${new URL(page.url()).pathname}: ${problem}`);
  page.on('pageerror', (error) => note(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') note(message.text());
  });
  page.on('response', (response) => {
    if (response.status() >= 400) note(`${response.status()} ${response.url()}`);
  });
  await page.goto(`${origin}/${path}`);
  return { page, problems };
}

async function screenshot(page: Page, name: string): Promise<void> {
  const { SITE_SCREENSHOTS } = process.env;
  if (SITE_SCREENSHOTS !== undefined) await page.screenshot({ path: join(SITE_SCREENSHOTS, `${name}.png`) });
}

test('every page of docs, every entry and the changelog are there', () => {
  expect(pages).toEqual(expect.arrayContaining(['index.html', 'relay.html', 'changelog.html', 'api/bullmq.html']));
  expect(pages.length).toBeGreaterThan(40);
});

test('every link of every page leads to a file of the site and to a heading of it', () => {
  const ids = new Map(
    pages.map((page) => [page, new Set([...read(page).matchAll(/ id="([^"]+)"/g)].map(([, id]) => id))]),
  );
  const broken: string[] = [];
  let count = 0;
  for (const page of pages) {
    const content = /<main[\s>].*<\/main>/s.exec(read(page))?.[0] ?? '';
    for (const [, href = ''] of content.matchAll(/<a [^>]*?href="([^"]+)"/g)) {
      if (/^[a-z]+:/i.test(href)) continue;
      count += 1;
      const [path = '', anchor] = href.replaceAll('&amp;', '&').split('#');
      const below = path.startsWith('/') ? path.slice(1) : posix.join(dirname(page), path);
      const file = path === '' ? page : below === '' || below.endsWith('/') ? `${below}index.html` : below;
      const isThere = anchor === undefined ? files.includes(file) : ids.get(file)?.has(decodeURIComponent(anchor));
      if (!isThere) broken.push(`${page}: ${href}`);
    }
  }
  expect(count).toBeGreaterThan(300);
  expect([...new Set(broken)]).toEqual([]);
});

test('each page of the sidebar opens without an error, in the order of the index', async () => {
  const { page, problems } = await open('');
  const links = await page.locator('.VPSidebar a').evaluateAll((all) => all.map((a) => a.getAttribute('href') ?? ''));
  expect(links[0]).toBe('/getting-started.html');
  expect(links.length).toBeGreaterThan(40);
  for (const link of links) {
    await page.goto(origin + link);
    expect(await page.locator('main h1').count(), link).toBe(1);
  }
  expect(problems).toEqual([]);
  await page.close();
});

test('the search finds a name and opens its page', async () => {
  const { page, problems } = await open('');
  await page.getByRole('button', { name: 'Search' }).click();
  await page.getByRole('searchbox').fill('dedupeStatus');
  await page.locator('.VPLocalSearchBox .result').first().waitFor();
  await page.keyboard.press('Enter');
  await page.waitForURL(/dedupe|api/);
  expect(problems).toEqual([]);
  await page.close();
});

test.each(['light', 'dark'] as const)('in the %s scheme, and the other one at a click', async (scheme) => {
  for (const path of ['', 'operators/poll-until-terminal.html', 'architecture.html', 'api/rx-video-tasks.html']) {
    const { page } = await open(path, scheme);
    expect(await page.locator('html.dark').count()).toBe(scheme === 'dark' ? 1 : 0);
    await screenshot(page, `${scheme}-${path.replace(/\W/g, '-') || 'index'}`);
    await page.locator('.VPNavBarAppearance button').click();
    expect(await page.locator('html.dark').count()).toBe(scheme === 'dark' ? 0 : 1);
    await page.close();
  }
});
