// The relay in Hono: its requests are web-standard, so no adapter is needed.
//
//   npm ci && npm run build && node docs/examples/relay/hono.mjs

import { serve } from '@hono/node-server';
import { Hono } from 'hono';
import { announce, port, relay } from './relay.mjs';

const app = new Hono();
app.get('/tasks', (context) => relay(context.req.raw));
serve({ fetch: app.fetch, port, hostname: '127.0.0.1' }, announce);
