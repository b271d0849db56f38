/**
 * Who may import whom. A part is a file or a folder directly below `src`; the parts of one file at the top (task, errors,
 * windows, ...) serve all others. A new part or edge is written here first. `docs/pictures/architecture.svg` is drawn
 * from this table.
 */
export const LAW: Record<string, readonly string[]> = {
  task: [],
  windows: ['options'],
  fields: [],
  durations: [],
  options: ['durations'],
  'public-id': [],
  redact: ['task', 'fields'],
  errors: ['task', 'redact', 'fields'],
  'tracking-error': ['task', 'errors', 'redact'],
  'tracked-task': ['task', 'errors', 'tracking-error', 'fields'],
  'to-stream': ['options', 'rxjs'],
  'track-many': ['tracked-task', 'fields', 'options', 'to-stream', 'rxjs'],
  clock: ['rxjs'],
  diagnostics: ['task', 'errors'],
  'query-trace': ['task', 'errors', 'diagnostics', 'rxjs'],
  queue: [],
  wire: ['task', 'errors', 'options', 'fields', 'zod/mini'],
  providers: ['errors', 'redact', 'options', 'durations', 'wire', 'windows', 'rxjs'],
  transport: ['errors', 'queue', 'options', 'durations', 'rxjs'],
  gate: ['errors', 'clock', 'queue', 'options', 'durations', 'rxjs'],
  query: [
    ...['task', 'errors', 'options', 'clock', 'redact', 'diagnostics', 'query-trace'],
    ...['providers', 'transport', 'gate', 'rxjs'],
  ],
  poll: [
    ...['task', 'tracked-task', 'windows', 'errors', 'tracking-error', 'fields'],
    ...['options', 'to-stream', 'durations', 'clock', 'queue', 'rxjs'],
  ],
  operators: ['poll', 'task', 'tracked-task', 'windows', 'errors', 'options', 'to-stream', 'durations', 'rxjs'],
  journal: ['task', 'tracked-task', 'errors', 'tracking-error', 'redact', 'fields', 'durations', 'rxjs'],
  'task-plan': ['windows', 'options', 'diagnostics', 'providers', 'poll'],
  tracker: [
    ...['task', 'tracked-task', 'errors', 'options', 'durations', 'queue', 'diagnostics', 'gate'],
    ...['query', 'poll', 'journal', 'task-plan', 'to-stream', 'track-many', 'rxjs'],
  ],
  fleet: [
    ...['task', 'tracked-task', 'tracking-error', 'errors', 'redact', 'durations', 'options', 'gate', 'query'],
    ...['poll', 'providers', 'task-plan', 'to-stream', 'track-many', 'rxjs', 'bullmq', 'ioredis', 'node:*'],
  ],
  node: [
    ...['task', 'tracked-task', 'errors', 'redact', 'durations', 'diagnostics', 'providers', 'transport', 'query'],
    ...['journal', 'options'],
    ...['rxjs', 'zod/mini', 'ipaddr.js', 'node:*'],
  ],
  testing: ['task', 'tracked-task', 'errors', 'options', 'windows', 'transport', 'query', 'rxjs'],
  sandbox: ['task', 'options', 'durations', 'windows', 'providers', 'zod/mini', 'node:*'],
  'relay-client': [
    ...['task', 'tracked-task', 'errors', 'tracking-error', 'track-many', 'redact', 'fields', 'options', 'durations'],
    'public-id',
    'rxjs',
    'eventsource-parser',
  ],
  relay: ['task', 'errors', 'redact', 'options', 'public-id', 'query', 'tracker', 'rxjs', 'node:*'],
  angular: ['tracked-task', 'errors', 'options', 'query', 'tracker', 'transport', 'rxjs', '@angular/*'],
  cli: ['rx-video-tasks', 'rx-video-tasks/*', 'rxjs', 'string-width', 'node:*'],
};

/** A root file of `src` whose name is a subpath of the package. It re-exports names, and nothing imports it. */
export const ENTRIES = ['index', 'node', 'testing', 'sandbox', 'relay', 'angular', 'bullmq'];
/** The only files that may import a package which needs Node. */
export const NODE_ONLY: Record<string, readonly string[]> = {
  undici: ['transport/undici.ts', 'node/save/video-request.ts', 'node/save/save-options.ts'],
};
