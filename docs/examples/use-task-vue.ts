import { shallowRef, toValue, watchEffect, type MaybeRefOrGetter, type ShallowRef } from 'vue';
import type { TrackedTask, Tracker } from 'rx-video-tasks';

/** The last transition of a task; undefined before the first. */
export function useTask(
  tracker: Pick<Tracker, 'trackAll'>,
  id: MaybeRefOrGetter<string>,
): ShallowRef<TrackedTask | undefined> {
  const task = shallowRef<TrackedTask>();
  watchEffect((onCleanup) => {
    task.value = undefined;
    const subscription = tracker.trackAll([toValue(id)]).subscribe((next) => (task.value = next));
    onCleanup(() => subscription.unsubscribe());
  });
  return task;
}
