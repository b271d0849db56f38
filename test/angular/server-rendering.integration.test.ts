import { provideZonelessChangeDetection } from '@angular/core';
import { NEVER } from 'rxjs';
import { expect, test } from 'vitest';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { render } from './render.js';

test('the first known state is rendered; the end of the task is not waited for', async () => {
  const { transport } = scriptedTransport({ v: ['q', 'p', 's'] });
  const rendered = await render(transport, provideZonelessChangeDetection());
  expect(rendered).toEqual({ said: 'queued', asks: 1, isClosed: true });
});

test('a service that does not answer is waited for only so long', async () => {
  const rendered = await render(() => NEVER, provideZonelessChangeDetection());
  expect(rendered).toEqual({ said: 'not yet', asks: 1, isClosed: true });
});
