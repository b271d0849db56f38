export { generationsWire } from './generations.js';
export { resultWire } from './result.js';
export type { ReadContext, Reply, Wire } from './wire.js';
