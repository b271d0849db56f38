export {
  relayHandler,
  type RelayAuthorize,
  type RelayCors,
  type RelayGrant,
  type RelayHandler,
  type RelayOptions,
} from './relay/relay-handler.js';
export { incomingOf, nodeRelay, type NodeRelayListener } from './relay/node-relay.js';
export type { RelayedTask, RelayVideoUrl } from './relay/relayed-task.js';
