export { fileJournal } from './node/file-journal.js';
export { undiciTransport, type UndiciTransport, type UndiciTransportOptions } from './transport/undici.js';
