// The relay in Fastify.
//
//   npm ci && npm run build && node docs/examples/relay/fastify.mjs

import { fastify } from 'fastify';
import { nodeRelay } from 'rx-video-tasks/relay';
import { announce, port, relay } from './relay.mjs';

const listener = nodeRelay(relay);
const app = fastify({ forceCloseConnections: true });
app.get('/tasks', (request, reply) => {
  reply.hijack();
  listener(request.raw, reply.raw);
});
await app.listen({ port, host: '127.0.0.1' });
announce(app.server.address());
