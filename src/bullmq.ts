export {
  fleetTracker,
  type FleetStats,
  type FleetTracker,
  type FleetTrackerOptions,
  type FleetTrackOptions,
} from './fleet/fleet-tracker.js';
export { fleetWorker, type FleetWorkerOptions } from './fleet/fleet-worker.js';
export type { FleetEvent } from './fleet/fleet-event.js';
export type { NamespaceOptions } from './fleet/keys.js';
export type { FleetConnection } from './fleet/redis-connection.js';
