import { provideZonelessChangeDetection } from '@angular/core';
import { NEVER } from 'rxjs';
import { expect, test } from 'vitest';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { render } from './render.js';

test('the first known state is rendered; the end of the task is not waited for', async () => {
  const { transport } = scriptedTransport({ v: ['q', 'p', 's'] });
  const rendered = await render(transport, provideZonelessChangeDetection());
  expect(rendered).toMatchObject({ text: 'queued queued', asks: 1, isClosed: true });
});

test('a service that does not answer is waited for only so long', async () => {
  const rendered = await render(() => NEVER, provideZonelessChangeDetection());
  expect(rendered).toMatchObject({ text: 'not yet not yet', asks: 1, isClosed: true });
});

test('a page that will be hydrated holds what was rendered of the task, and nothing else of it', async () => {
  const url = 'https://cdn.test/v.mp4?X-Signature=Jf5Gc1Ws8Ue3Qa7Nz2';
  const { transport } = scriptedTransport({ v: [{ status: 'completed', video: { url } }] });
  const { text, html } = await render(transport, provideZonelessChangeDetection());
  expect(text).toBe('completed completed');
  // Hydration is on: Angular has left its marks in the page.
  expect(html).toMatch(/ ngh="|id="ng-state"/);
  expect(html).not.toContain('cdn.test');
  expect(html).not.toContain('Jf5Gc1Ws8');
});
