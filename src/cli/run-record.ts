import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { QueryTraceMessage, TrackedTask } from 'rx-video-tasks';
import { keyOf } from './view.js';

/** What happened to one task. Times are ms since the run began. */
export interface TaskHistory {
  readonly provider: string;
  readonly id: string;
  /** When its queries were sent. */
  readonly polls: number[];
  /** When queries ended without a usable answer. */
  readonly misses: number[];
  readonly transitions: { readonly at: number; readonly status: TrackedTask['status'] }[];
  /** As the answers name it. */
  model?: string | undefined;
}

export interface RunRecord {
  /** In the order in which they were first polled. */
  readonly tasks: Iterable<TaskHistory>;
  /** ms since the run began. */
  readonly now: () => number;
  readonly addTransition: (task: TrackedTask) => void;
  readonly close: () => void;
}

/** Records the queries of this process from Node's diagnostics channels, and the transitions that are passed in. */
export function recordRun(): RunRecord {
  const since = performance.now();
  const now = () => performance.now() - since;
  const tasks = new Map<string, TaskHistory>();
  const historyOf = ({ provider, id }: { readonly provider: string; readonly id: string }): TaskHistory => {
    const key = keyOf({ provider, id });
    let history = tasks.get(key);
    if (!history) tasks.set(key, (history = { provider, id, polls: [], misses: [], transitions: [] }));
    return history;
  };
  const onStart = (message: unknown) => {
    historyOf(message as QueryTraceMessage).polls.push(now());
  };
  const onEnd = (message: unknown) => {
    const { kind, ...task } = message as QueryTraceMessage;
    if (kind !== 'answer' && kind !== 'aborted') historyOf(task).misses.push(now());
  };
  subscribe('tracing:rx-video-tasks:query:start', onStart);
  subscribe('tracing:rx-video-tasks:query:asyncEnd', onEnd);
  return {
    tasks: { [Symbol.iterator]: () => tasks.values() },
    now,
    addTransition(task) {
      const history = historyOf(task);
      history.transitions.push({ at: now(), status: task.status });
      if (task.status !== 'lost') history.model = task.model ?? history.model;
    },
    close() {
      unsubscribe('tracing:rx-video-tasks:query:start', onStart);
      unsubscribe('tracing:rx-video-tasks:query:asyncEnd', onEnd);
    },
  };
}
