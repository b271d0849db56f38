import { asyncScheduler, type Subscription } from 'rxjs';
import { isTrackingError, TrackingError } from '../errors.js';
import { isTerminal, type Task } from '../task.js';
import type { Channel, Transition } from './task-feed.js';
import { cursorOf } from './cursor.js';
import type { EventStream } from './event-stream.js';
import { relayedLoss, relayedRefusal, relayedTask, type RelayedTask, type RelayVideoUrl } from './relayed-task.js';

export interface FeedOptions {
  /** By public id; without a channel where the application did not grant it. */
  readonly channels: ReadonlyMap<string, Channel | undefined>;
  /** The id of the last event that the client has seen, if it comes back. */
  readonly lastEventId: string | null;
  readonly secret: Uint8Array;
  readonly videoUrl: RelayVideoUrl;
  /** What is left when the stream closes. */
  readonly closing: Subscription;
}

/**
 * Sends a client the transitions of its tasks: first what it missed since its last event, or where each task stands,
 * then what comes; ends the stream when all are settled. Gives whether
 * the client had seen everything already.
 *
 * A stream of one task has the transition's `seq` for event id, one of several tasks a signed cursor. What is lost is no
 * transition, so it moves neither.
 */
export function openFeed(
  stream: EventStream,
  { channels, lastEventId, secret, videoUrl, closing }: FeedOptions,
): boolean {
  const publicIds = [...channels.keys()];
  const cursor = publicIds.length === 1 ? undefined : cursorOf(secret, publicIds);
  const open = new Set(publicIds);
  /** What is heard while the feed is put together: it is told in one go, in its order. */
  const losses: string[] = [];
  let isLive = false;

  const settle = (publicId: string) => {
    open.delete(publicId);
    if (isLive && open.size === 0) stream.end();
  };
  const eventOf = (publicId: string, { at, task }: Transition) => {
    const id = cursor ? cursor.write(at) : String(task.seq);
    return `id: ${id}\n${data(relayedTask(task, publicId, videoUrl))}`;
  };
  const lose = (publicId: string, loss: RelayedTask) => {
    if (isLive) stream.send(data(loss));
    else losses.push(data(loss));
    settle(publicId);
  };

  for (const [publicId, channel] of channels) {
    if (!channel) {
      lose(publicId, relayedRefusal(publicId, asyncScheduler.now()));
      continue;
    }
    closing.add(
      channel.join({
        next: (transition) => {
          if (!isLive) return;
          try {
            stream.send(eventOf(publicId, transition));
          } catch {
            // The application's videoUrl threw: others hear of it still. When this client comes back, the handler rejects.
            stream.drop();
            return;
          }
          if (isTerminal<Task>(transition.task)) settle(publicId);
        },
        error: (error: unknown) => {
          lose(publicId, relayedLoss(asTrackingError(error), publicId, asyncScheduler.now()));
        },
        complete: () => {
          if (channel.isSettled) settle(publicId);
          // The tracker was closed.
          else stream.end();
        },
      }),
    );
  }

  const missed = [...channels]
    .flatMap(([publicId, channel]) => {
      const at = cursor ? cursor.read(lastEventId ?? '') : channel?.atOf(lastEventId);
      return (channel?.after(at) ?? []).map((transition) => ({ publicId, transition }));
    })
    .sort((one, other) => one.transition.at - other.transition.at)
    .map(({ publicId, transition }) => eventOf(publicId, transition));
  stream.open([...missed, ...losses]);
  isLive = true;
  const isOver = open.size === 0 && missed.length === 0 && losses.length === 0;
  if (open.size === 0) stream.end();
  return isOver;
}

function data(task: RelayedTask): string {
  return `data: ${JSON.stringify(task)}\n\n`;
}

/** A stream of `track` can also end with an error of the application's own: of its notifier, or of its `onMiss`. */
function asTrackingError(error: unknown): TrackingError {
  if (isTrackingError(error)) return error;
  return new TrackingError('query', '', { id: '', provider: 'relay', misses: 0 });
}
