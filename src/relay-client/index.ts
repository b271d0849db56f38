export { relayTracker, type RelayRef, type RelayTracker } from './relay-tracker.js';
export type { RelayHeaders, RelayTrackerOptions } from './relay-tracker-options.js';
export type { RelayConnectionState } from './relay-streams.js';
