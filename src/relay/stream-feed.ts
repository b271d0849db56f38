import { asyncScheduler, type Subscription } from 'rxjs';
import { isTrackingError, TrackingError } from '../errors.js';
import { isTerminal, type Task } from '../task.js';
import type { EventStream } from './event-stream.js';
import { relayedLoss, relayedRefusal, relayedTask, type RelayedTask, type RelayVideoUrl } from './relayed-task.js';
import { signedCursor } from './signed-cursor.js';
import type { TaskFeed, Transition } from './task-feed.js';

export interface StreamFeedOptions {
  /** By public id; undefined where the application did not grant the task. */
  readonly feeds: ReadonlyMap<string, TaskFeed | undefined>;
  /** The id of the last event that the client received, if it reconnects. */
  readonly lastEventId: string | null;
  readonly secret: Uint8Array;
  readonly videoUrl: RelayVideoUrl;
  /** Unsubscribed when the stream is closed. */
  readonly closing: Subscription;
}

/**
 * Sends a client the transitions of its tasks: first those after its last event, or each task's last one where these
 * are not known, then every further one. Ends the stream when all tasks are settled.
 *
 * Each transition's event has a signed cursor for id. The event of a lost task has none: no transition happened.
 *
 * @returns whether the client had received everything already: the stream is empty, and nothing more will come
 */
export function streamFeed(stream: EventStream, options: StreamFeedOptions): boolean {
  const { feeds, lastEventId, secret, videoUrl, closing } = options;
  const publicIds = [...feeds.keys()];
  const cursor = signedCursor(secret, publicIds);
  const unsettled = new Set(publicIds);
  // Subscribing can emit at once. Until all feeds are subscribed, losses are collected here, and transitions are kept
  // by the feeds: they are sent together, in order.
  const losses: string[] = [];
  let isLive = false;

  const settle = (publicId: string) => {
    unsettled.delete(publicId);
    if (isLive && unsettled.size === 0) stream.end();
  };
  const eventOf = (publicId: string, { position, task }: Transition) =>
    `id: ${cursor.write(position)}\n${dataOf(relayedTask(task, publicId, videoUrl))}`;
  const lose = (publicId: string, loss: RelayedTask) => {
    if (isLive) stream.send(dataOf(loss));
    else losses.push(dataOf(loss));
    settle(publicId);
  };

  for (const [publicId, feed] of feeds) {
    if (!feed) {
      lose(publicId, relayedRefusal(publicId, asyncScheduler.now()));
      continue;
    }
    const unsubscribe = feed.subscribe({
      next: (transition) => {
        if (!isLive) return;
        try {
          stream.send(eventOf(publicId, transition));
        } catch {
          // The application's videoUrl threw. That must not reach the other streams of the task; when this client
          // reconnects, the handler rejects with the same error.
          stream.drop();
          return;
        }
        if (isTerminal<Task>(transition.task)) settle(publicId);
      },
      error: (error: unknown) => {
        lose(publicId, relayedLoss(asTrackingError(error), publicId, asyncScheduler.now()));
      },
      complete: () => {
        if (feed.isSettled) settle(publicId);
        // The tracker was closed.
        else stream.end();
      },
    });
    closing.add(unsubscribe);
  }

  const position = cursor.read(lastEventId ?? '');
  const missed = [...feeds]
    .flatMap(([publicId, feed]) => (feed?.after(position) ?? []).map((transition) => ({ publicId, transition })))
    .sort((a, b) => a.transition.position - b.transition.position)
    .map(({ publicId, transition }) => eventOf(publicId, transition));
  stream.open([...missed, ...losses]);
  isLive = true;
  const hadEverything = unsettled.size === 0 && missed.length === 0 && losses.length === 0;
  if (unsettled.size === 0) stream.end();
  return hadEverything;
}

/** WHATWG HTML, 9.2.6: a field is a line, so data must hold no line end. `JSON.stringify` escapes them. */
function dataOf(task: RelayedTask): string {
  return `data: ${JSON.stringify(task)}\n\n`;
}

/** `track` can also error with what the application threw, from its notifier or its `onMiss`. */
function asTrackingError(error: unknown): TrackingError {
  if (isTrackingError(error)) return error;
  return new TrackingError('query', '', { id: '', provider: 'relay', misses: 0 });
}
