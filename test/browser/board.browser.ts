import { readFileSync, readdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildPage } from '../../docs/examples/react/start.mjs';
import { startBoard } from '../../docs/examples/relay/board.mjs';
import { launch } from './chromium.js';

const folder = (name: string) => fileURLToPath(new URL(`../../docs/examples/${name}`, import.meta.url));

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
  await buildPage();
});
afterAll(async () => {
  await browser.close();
});

/** Opens a board in the browser, and records what the page was sent and what it showed. */
async function open(name: string) {
  const board = await startBoard(folder(name), { speed: 20 });
  const sent: string[] = [];
  const streams = new Set<ServerResponse>();
  let asked = 0;
  board.server.prependListener('connection', (socket: Socket) => {
    const write = socket.write.bind(socket) as (...args: unknown[]) => boolean;
    socket.write = (chunk: Uint8Array | string, ...rest: unknown[]) => {
      sent.push(Buffer.from(chunk as string).toString('latin1'));
      return write(chunk, ...rest);
    };
  });
  board.server.prependListener('request', ({ url }: IncomingMessage, response: ServerResponse) => {
    if (!url?.startsWith('/tasks?')) return;
    asked++;
    streams.add(response);
    response.on('close', () => streams.delete(response));
  });
  const page = await browser.newPage({ viewport: { width: 1000, height: 460 } });
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('console', (message) => {
    if (/content security|trusted/i.test(message.text())) problems.push(message.text());
  });
  // What each card showed, in order.
  await page.addInitScript(() => {
    const shown: Record<string, string[]> = {};
    Object.assign(globalThis, { shown });
    const note = () => {
      for (const { id, dataset } of document.querySelectorAll('li')) {
        const states = (shown[id] ??= []);
        if (dataset.status && states.at(-1) !== dataset.status) states.push(dataset.status);
      }
    };
    new MutationObserver(note).observe(document, { subtree: true, childList: true, attributes: true });
  });
  await page.goto(board.url);
  return {
    ...board,
    page,
    problems,
    streams,
    asked: () => asked,
    sent: () => sent.join(''),
    close: async () => {
      await page.close();
      await board.close();
    },
  };
}

const shown = (page: Page) => page.evaluate(() => (globalThis as unknown as { shown: Record<string, string[]> }).shown);

/** The states of a task in the order in which they may come. */
const ORDER = ['queued', 'processing', 'completed', 'failed'];

describe.each([
  ['plain-page', 'plain-page'],
  ['angular', 'angular/dist'],
  ['react', 'react/dist'],
])('docs/examples/%s', (name, path) => {
  test('states in order, a cut connection survived, videos that play, no key in any byte', async () => {
    const board = await open(path);
    const { page } = board;
    await page.waitForSelector('li[data-status=processing]');
    board.server.closeAllConnections();
    await page.waitForSelector('#clip-4[data-status=failed]', { timeout: 60_000 });
    for (const id of ['clip-1', 'clip-2', 'clip-3']) {
      await page.waitForSelector(`#${id}[data-status=completed] video`, { timeout: 60_000 });
    }
    expect(board.asked()).toBeGreaterThanOrEqual(2);

    const states = await shown(page);
    expect(Object.keys(states).sort()).toEqual(['clip-1', 'clip-2', 'clip-3', 'clip-4']);
    for (const [id, seen] of Object.entries(states)) {
      expect(seen, id).toEqual(ORDER.filter((state) => seen.includes(state)));
      expect(seen.at(-1)).toBe(id === 'clip-4' ? 'failed' : 'completed');
      expect(seen.length, id).toBeGreaterThan(1);
    }
    expect(await page.textContent('#clip-4')).toContain('the prompt was refused');
    await page.waitForFunction(() =>
      [...document.querySelectorAll('video')].every(({ currentTime }) => currentTime > 0),
    );
    expect(await page.locator('progress').count()).toBe(0);
    await expect.poll(() => board.streams.size).toBe(0);

    if (process.env['SCREENSHOT']) await page.screenshot({ path: folder(`../pictures/examples/${name}.png`) });
    expect(board.problems).toEqual([]);
    const bytes = board.sent();
    const events = bytes.match(/^data: .*$/gm) ?? [];
    expect(events.length).toBeGreaterThan(8);
    // The URLs of the sandbox's videos name the service's ids; nothing else does.
    const received = events.join('\n').replaceAll(/"url":".*?"/g, '');
    expect(/Bearer|asyntask_|video_|rawStatus|requestId|usage/.exec(received)).toBeNull();
    // Not even eight characters of a key.
    const keys = Object.values(board.sandbox.keys);
    const parts = keys.flatMap((key) => Array.from({ length: key.length - 10 }, (_, at) => key.slice(3 + at, 11 + at)));
    expect(parts.filter((part) => bytes.includes(part))).toEqual([]);
    await board.close();
  });

  test('leaving the page closes the stream', async () => {
    const board = await open(path);
    await board.page.waitForSelector('li[data-status]');
    expect(board.streams.size).toBe(1);
    if (name === 'angular') {
      await board.page.click('button');
      await expect.poll(() => board.streams.size).toBe(0);
      await board.page.click('button');
      await expect.poll(() => board.streams.size).toBe(1);
    }
    await board.page.goto('about:blank');
    await expect.poll(() => board.streams.size).toBe(0);
    await board.close();
  });
});

test('the bundle of the Angular example has neither undici nor anything of Node in it', () => {
  const scripts = readdirSync(folder('angular/dist')).filter((file) => file.endsWith('.js'));
  expect(scripts.length).toBeGreaterThan(0);
  const text = scripts.map((file) => readFileSync(folder(`angular/dist/${file}`), 'utf8')).join('');
  expect(text.includes('text/event-stream')).toBe(true);
  expect(/.{20}(undici|"node:|v1\/video\/generations)/.exec(text)?.[0]).toBeUndefined();
});
