export { fetchTransport, type FetchTransportOptions } from './fetch.js';
export { retryAfterOf } from './transport.js';
export type { Transport, TransportLimits, TransportReply, TransportRequest } from './transport.js';
