import { defer, filter, type MonoTypeOperatorFunction } from 'rxjs';
import type { TrackedTask } from '../tracked-task.js';
import { checkFunction } from '../poll/timer.js';
import { siftedBy, type NewsOf } from './sift.js';
import { isTerminal, newsOf, taskKey } from '../task.js';

export interface DedupeOptions<T extends TrackedTask = TrackedTask> {
  /**
   * What makes an answer news: `progress` is a change of status (for `unknown` ones, of the service's word) or of
   * progress, `status` a change of status alone; or a function whose result changes (compared with `===`).
   * @default 'progress'
   */
  readonly by?: 'progress' | 'status' | ((task: T) => unknown);
}

const MAX_TOMBSTONES = 10_000;

/**
 * Passes what is news about a task, and drops repetitions of what was said about it last.
 *
 * ```text
 * answers:  q--q--p--p--s|
 *           dedupeStatus()
 * result:   q-----p-----s|
 * ```
 *
 * Keyed by provider and id, so it is as right behind a merge of many tasks as before it (`distinctUntilChanged` is not).
 * Right behind `pollUntilTerminal` it remembers the one task that is polled.
 * A task's first and its terminal answer always pass, and so does `lost`. A step back among running states is news too.
 * After a task's terminal answer, whatever else comes about it is a late duplicate and is dropped (the last 10,000
 * finished tasks are remembered).
 */
export function dedupeStatus<T extends TrackedTask>(options: DedupeOptions<T> = {}): MonoTypeOperatorFunction<T> {
  const { by = 'progress' } = options;
  const rule = (typeof by === 'string' ? RULES[by] : by) as NewsOf<T>;
  checkFunction("by (neither 'progress' nor 'status')", rule);
  return (source) =>
    siftedBy(rule, source) ??
    defer(() => {
      const said = new Map<string, unknown>();
      const finished = new Set<string>();
      return source.pipe(
        filter((task) => {
          const key = taskKey(task);
          const isLost = task.status === 'lost';
          if (finished.has(key)) return isLost;
          if (isLost || isTerminal(task)) {
            said.delete(key);
            if (!isLost) finished.add(key);
            if (finished.size > MAX_TOMBSTONES) finished.delete(finished.keys().next().value as string);
            return true;
          }
          const news = rule(task);
          const isNews = !said.has(key) || said.get(key) !== news;
          said.set(key, news);
          return isNews;
        }),
      );
    });
}

const RULES = { progress: newsOf, status: ({ status }: TrackedTask) => status };
