// The relay on Node's own server.
//
//   npm ci && npm run build && node docs/examples/relay/node.mjs

import { createServer } from 'node:http';
import { nodeRelay } from 'rx-video-tasks/relay';
import { announce, port, relay } from './relay.mjs';

const server = createServer(nodeRelay(relay)).listen(port, '127.0.0.1', () => announce(server.address()));
