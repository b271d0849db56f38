import { useEffect, useState } from 'react';
import type { TrackedTask, Tracker } from 'rx-video-tasks';

/** The last transition of a task; undefined before the first. */
export function useTask(tracker: Pick<Tracker, 'trackAll'>, id: string): TrackedTask | undefined {
  const [task, setTask] = useState<TrackedTask>();
  useEffect(() => {
    const subscription = tracker.trackAll([id]).subscribe(setTask);
    return () => subscription.unsubscribe();
  }, [tracker, id]);
  return task?.id === id ? task : undefined;
}
