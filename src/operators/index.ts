export { completedFrom, type CompletedFromOptions } from './completed-from.js';
export { dedupeStatus, type DedupeOptions } from './dedupe-status.js';
export { expiryWarnings, type ExpiryWarning, type ExpiryWarningsOptions } from './expiry-warnings.js';
export { pollUntilTerminal } from './poll-until-terminal.js';
export type { Miss, PollConfig, RetryConfig } from '../poll/poll-config.js';
export { summarize, type Board } from './summarize.js';
export { throwOnFailure } from './throw-on-failure.js';
export type { Cadence } from '../poll/cadence.js';
export { withModelInterval, type ModelIntervalOptions } from './with-model-interval.js';
