import { Observable } from 'rxjs';
import { channelOf, type QueryTraceMessage } from './diagnostics.js';
import type { QueryError } from './errors.js';
import type { Task } from './task.js';

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const;

type TraceEvent = (typeof EVENTS)[number];

// Under the names that Node gives to the channels of `tracingChannel('rx-video-tasks:query')`.
const channelFor = (event: TraceEvent) => channelOf(`tracing:rx-video-tasks:query:${event}`);

const CHANNELS = /* @__PURE__ */ EVENTS.map(channelFor);

/** Whether anything subscribes to the queries. */
export function isTraced(): boolean {
  return CHANNELS.some((channel) => channel?.hasSubscribers);
}

/**
 * Publishes a query as Node's tracing channels publish a call with a callback: `start` and `end` around sending it,
 * `asyncStart` and `asyncEnd` when it has ended, however it ended, `error` before them if it failed. `message` is the
 * one object of all events.
 */
export function traced(message: QueryTraceMessage, query: Observable<Task>): Observable<Task> {
  const publish = (event: TraceEvent) => channelFor(event)?.publish(message);

  return new Observable((subscriber) => {
    const startedAt = performance.now();
    let isOpen = true;
    const end = (outcome: Partial<QueryTraceMessage>) => {
      if (!isOpen) return;
      isOpen = false;
      Object.assign(message, { durationMs: Math.round(performance.now() - startedAt) }, outcome);
      if (message.error) publish('error');
      publish('asyncStart');
      publish('asyncEnd');
    };
    subscriber.add(() => {
      end({ kind: 'aborted' });
    });
    const send = () =>
      query.subscribe({
        next(task) {
          end({ kind: 'answer', status: task.status });
          subscriber.next(task);
        },
        error(error: unknown) {
          const failure = error as QueryError;
          end({ kind: failure.kind, error: failure });
          subscriber.error(error);
        },
        complete: () => {
          end({ kind: 'malformed' });
          subscriber.complete();
        },
      });
    const start = channelFor('start');
    // What is sent inside, such as a span of the transport's own, belongs to the context of the subscribers to `start`.
    subscriber.add(start ? start.runStores(message, send) : send());
    publish('end');
  });
}
