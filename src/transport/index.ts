export { fetchTransport, type FetchTransportOptions } from './fetch.js';
export { retryAfterOf, serverTime } from './transport.js';
export type { Transport, TransportLimits, TransportReply, TransportRequest } from './transport.js';
