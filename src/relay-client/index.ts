export {
  relayTracker,
  type RelayHeaders,
  type RelayRef,
  type RelayTracker,
  type RelayTrackerOptions,
} from './relay-tracker.js';
