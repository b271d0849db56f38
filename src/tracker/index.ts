export { createTracker, type Tracker, type TrackerOptions, type TrackOptions } from './tracker.js';
