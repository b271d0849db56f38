export { createGate, sharedGate, type Gate, type GateOptions, type GateTicket } from './gate.js';
