// The relay in Express.
//
//   npm ci && npm run build && node docs/examples/relay/express.mjs

import express from 'express';
import { nodeRelay } from 'rx-video-tasks/relay';
import { announce, port, relay } from './relay.mjs';

const app = express();
app.get('/tasks', nodeRelay(relay));
const server = app.listen(port, '127.0.0.1', () => announce(server.address()));
