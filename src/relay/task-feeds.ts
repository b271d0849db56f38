import type { Observable } from 'rxjs';
import type { TaskRef } from '../query.js';
import type { Task } from '../task.js';
import { TaskFeed } from './task-feed.js';

/** How many feeds without a subscriber keep their last transitions. */
const MAX_IDLE = 1000;

/** The feeds of a relay: one for each task, whatever streams carry it. `source` is what `track` returns for the ref. */
export function taskFeeds(): (ref: TaskRef, source: Observable<Task>) => TaskFeed {
  const feeds = new Map<string, TaskFeed>();
  const idle = new Set<string>();
  let position = 0;

  const onIdle = (key: string) => {
    idle.add(key);
    if (idle.size <= MAX_IDLE) return;
    const oldest = idle.values().next().value as string;
    idle.delete(oldest);
    feeds.delete(oldest);
  };

  return (ref, source) => {
    const key = refKey(ref);
    let feed = feeds.get(key);
    if (feed) feed.source = source;
    else {
      feed = new TaskFeed(source, {
        nextPosition: () => ++position,
        onIdle: () => {
          onIdle(key);
        },
      });
      feeds.set(key, feed);
    }
    idle.delete(key);
    return feed;
  };
}

/** Equal for refs of the same task, whatever else they hold. */
export function refKey(ref: TaskRef | undefined): string {
  const { id, provider = '' } = typeof ref === 'string' ? { id: ref } : (ref ?? { id: '' });
  return `${provider}\n${id}`;
}
