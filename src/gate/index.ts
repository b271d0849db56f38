export { createGate, sharedGate, type Gate, type GateOptions, type GateTicket } from './gate.js';
export type { GateStats } from './key-limiter.js';
