export { relayHandler, type RelayHandler } from './relay/relay-handler.js';
export type { RelayAuthorize, RelayGrant, RelayOptions } from './relay/relay-options.js';
export type { RelayCors } from './relay/cors.js';
export { GrantError, isGrantError } from './relay/grant-error.js';
export { incomingOf, nodeRelay, type NodeRelayListener } from './relay/node-relay.js';
export type { RelayedTask, RelayVideoUrl } from './relay/relayed-task.js';
