import type { TaskStatus } from '../task.js';
import { firstMatch } from './fields.js';

/** A service's word in ours. A word that nobody documented is `unknown`: news, never an end. */
export function statusOf(word: string): TaskStatus {
  return firstMatch(WORDS, word.trim()) ?? 'unknown';
}

// Words of both wires and of the upstreams that shine through them, in any case.
const WORDS = {
  queued: /^(queued|pending|not_start|submitted)$/i,
  processing: /^(processing|running|in_progress)$/i,
  completed: /^(completed|succeeded|success|succeed)$/i,
  failed: /^(failed|failure|expired)$/i,
  cancelled: /^cancell?ed$/i,
} as const satisfies { readonly [Status in TaskStatus]?: RegExp };
