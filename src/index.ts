export { createTracker, type Tracker, type TrackerOptions, type TrackOptions } from './tracker/index.js';
export {
  createJournal,
  memoryJournal,
  type Journal,
  type JournalEntry,
  type JournalSession,
  type JournalStore,
  type JournalTransition,
  type KnownTask,
  type MemoryJournal,
} from './journal/index.js';
export {
  relayTracker,
  type RelayConnectionState,
  type RelayHeaders,
  type RelayRef,
  type RelayTracker,
  type RelayTrackerOptions,
} from './relay-client/index.js';
export { createQuery, type Query, type QueryOptions, type TaskRef, type TaskRefFields } from './query.js';
export {
  dedupeStatus,
  expiryWarnings,
  learnGenerationTimes,
  pollUntilTerminal,
  summarize,
  throwOnFailure,
  withModelInterval,
  type Board,
  type Cadence,
  type DedupeOptions,
  type ExpiryWarning,
  type ExpiryWarningsOptions,
  type GenerationTime,
  type GenerationTimes,
  type LearnedTimes,
  type Miss,
  type ModelIntervalOptions,
  type PollConfig,
  type RetryConfig,
} from './operators/index.js';
export {
  createPollPolicy,
  type PollDecision,
  type PollOutcome,
  type PollPolicy,
  type PollPolicyOptions,
  type PollState,
  type PollStep,
} from './poll/policy.js';
export {
  alad,
  anyfast,
  defineProvider,
  globalaiopc,
  mingyan,
  xingchaoyiqing,
  type ApiKey,
  type Provider,
  type ProviderDefinition,
  type ProviderOptions,
} from './providers/index.js';
export { generationsWire, resultWire, type ReadContext, type Reply, type Wire } from './wire/index.js';
export { generationsWindows, resultWindows, windowOf, type PollWindow, type PollWindows } from './windows.js';
export { createGate, type Gate, type GateOptions, type GateTicket } from './gate/index.js';
export {
  fetchTransport,
  type FetchTransportOptions,
  type Transport,
  type TransportLimits,
  type TransportReply,
  type TransportRequest,
} from './transport/index.js';
export {
  isQueryError,
  isTaskFailedError,
  isTrackingError,
  QueryError,
  TaskFailedError,
  TrackingError,
  type QueryErrorFields,
  type QueryErrorKind,
  type TrackingErrorFields,
  type TrackingErrorReason,
} from './errors.js';
export { isSettled, type LostTask, type TrackedTask } from './tracked-task.js';
export {
  isTerminal,
  type CancelledTask,
  type CompletedTask,
  type FailedTask,
  type Failure,
  type ProcessingTask,
  type QueuedTask,
  type RunningStatus,
  type RunningTask,
  type Task,
  type TaskStatus,
  type TerminalStatus,
  type TerminalTask,
  type UnknownTask,
  type Usage,
  type Video,
} from './task.js';
