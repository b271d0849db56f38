import type { TaskStatus } from '../task.js';

// Words of both wires and of the upstreams that shine through them; lower case, trimmed.
const WORDS = {
  queued: 'queued',
  pending: 'queued',
  not_start: 'queued',
  submitted: 'queued',
  processing: 'processing',
  running: 'processing',
  in_progress: 'processing',
  completed: 'completed',
  succeeded: 'completed',
  success: 'completed',
  succeed: 'completed',
  failed: 'failed',
  failure: 'failed',
  expired: 'failed',
  cancelled: 'cancelled',
  canceled: 'cancelled',
} as const satisfies Record<string, TaskStatus>;

/** A service's word in ours. A word that nobody documented is `unknown`: news, never an end. */
export function statusOf(word: string): TaskStatus {
  const key = word.trim().toLowerCase();
  return Object.hasOwn(WORDS, key) ? WORDS[key as keyof typeof WORDS] : 'unknown';
}
