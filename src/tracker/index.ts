export {
  createTracker,
  type ProviderStats,
  type Tracker,
  type TrackerOptions,
  type TrackerStats,
  type TrackOptions,
} from './tracker.js';
