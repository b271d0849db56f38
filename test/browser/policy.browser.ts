import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { launch } from './chromium.js';

// A page with the strictest Content Security Policy that scripts can run under, and a tracker in it, behind a proxy that
// adds the key. The readers of replies must not even try `new Function`: a try that is caught is a report all the same.

const POLICY =
  "default-src 'none'; script-src 'self'; connect-src 'self'; base-uri 'none'; " +
  "require-trusted-types-for 'script'; trusted-types 'none'";

const TRACKER = `
  import { alad, createTracker, mingyan } from 'rx-video-tasks';
  const provider = [alad, mingyan].map((service) => service({ apiKey: null, baseUrl: '/api' }));
  const seen = [];
  createTracker({ provider })
    .trackAll([{ id: 'asyntask_1', provider: 'alad' }, { id: 'video_1', provider: 'mingyan' }])
    .subscribe({
      next: ({ id, status }) => seen.push(id + ' ' + status),
      complete: () => (document.title = seen.sort().join(', ')),
    });
`;

const REPLIES: Readonly<Record<string, object>> = {
  '/api/v1/video/generations/asyntask_1': {
    code: 'success',
    data: { task_id: 'asyntask_1', status: 'SUCCESS', progress: '100%', result_url: 'https://cdn.example.com/v.mp4' },
  },
  '/api/v1/result/video_1': { id: 'video_1', status: 'completed', video_url: 'https://cdn.example.com/v.mp4' },
};

let browser: Browser;
beforeAll(async () => {
  browser = await launch();
});
afterAll(() => browser.close());

/** Opens a page that runs this script, built as an application builds it from the package. */
async function open(script: string): Promise<{ readonly page: Page; readonly reports: () => Promise<string[]> }> {
  const { outputFiles } = await build({
    stdin: { contents: script, resolveDir: import.meta.dirname },
    ...{ bundle: true, format: 'esm', platform: 'browser', write: false },
  });
  const server = createServer(({ url = '/' }, response) => {
    response.setHeader('content-security-policy', POLICY);
    const reply = REPLIES[url];
    if (reply) response.end(JSON.stringify(reply));
    else if (url === '/page.js') response.setHeader('content-type', 'text/javascript').end(outputFiles[0]?.text);
    else if (url === '/') {
      response
        .setHeader('content-type', 'text/html')
        .end('<!doctype html><script type="module" src="page.js"></script>');
    } else response.writeHead(404).end();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const page = await browser.newPage();
  onTestFinished(async () => {
    await page.close();
    server.closeAllConnections();
    server.close();
  });
  await page.addInitScript(() => {
    const reports: string[] = [];
    Object.assign(globalThis, { reports });
    document.addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sample }) => {
      reports.push(`${violatedDirective} ${blockedURI} ${sample}`);
    });
  });
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return { page, reports: () => page.evaluate(() => (globalThis as unknown as { reports: string[] }).reports) };
}

test('a tracker reads replies of both wires under a strict Content Security Policy, without a report', async () => {
  const { page, reports } = await open(TRACKER);
  await expect.poll(() => page.title()).toBe('asyntask_1 completed, video_1 completed');
  expect(await reports()).toEqual([]);
});

test('the page does report a script that tries to compile another one, and catches the error', async () => {
  const probe = "try { new Function(''); } catch {} document.title = 'tried';";
  const { page, reports } = await open(probe);
  await expect.poll(() => page.title()).toBe('tried');
  await expect.poll(async () => (await reports()).join()).toContain('Function');
});
