import type { TaskStatus } from '../task.js';

/**
 * Returns the status that a service's word stands for, whatever its case and whether blanks, `-` or `_` separate its
 * parts. A word that is not documented is `unknown`, never an end.
 */
export function statusOf(word: string): TaskStatus {
  return WORDS.get(word) ?? WORDS.get(spelling(word)) ?? 'unknown';
}

/** Whether the word denies that there is such a task. */
export function isMissing(word: string): boolean {
  return /^(task)?not(found|exists?)$/.test(spelling(word));
}

function spelling(word: string): string {
  return String(word)
    .toLowerCase()
    .replace(/[\s_-]+/g, '');
}

// The documented words of both paths, those of new-api's source (relay/common, model/task.go: SUBMITTED, UNKNOWN), and
// those that upstreams' own words shine through with.
const WORDS: ReadonlyMap<string, TaskStatus> = /* @__PURE__ */ tableOf({
  queued: 'queued queueing queuing pending submitted notstart notstarted',
  processing: 'processing running inprogress generating',
  completed: 'completed complete succeeded succeed success done',
  failed: 'failed fail failure error errored timeout timedout expired refunded',
  cancelled: 'cancelled canceled',
});

function tableOf(words: { readonly [Status in TaskStatus]?: string }): Map<string, TaskStatus> {
  const rows = Object.entries(words) as [TaskStatus, string][];
  return new Map(rows.flatMap(([status, list]) => list.split(' ').map((word) => [word, status] as const)));
}
