import 'zone.js/node';
import { provideZoneChangeDetection } from '@angular/core';
import { expect, test } from 'vitest';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { render } from './render.js';

test('under zone.js too, a server renders the first known state and does not wait for the end', async () => {
  const { transport } = scriptedTransport({ v: ['q', 'p', 's'] });
  const rendered = await render(transport, provideZoneChangeDetection());
  expect(rendered).toMatchObject({ text: 'queued queued', asks: 1, isClosed: true });
});
