import {
  assertInInjectionContext,
  computed,
  DestroyRef,
  effect,
  inject,
  Injector,
  PendingTasks,
  runInInjectionContext,
  signal,
  type Signal,
} from '@angular/core';
import { finalize, tap } from 'rxjs';
import type { TaskRef } from '../query.js';
import type { TrackedTask } from '../tracked-task.js';
import {
  checkTaskArguments,
  injectTaskSource,
  isSameRef,
  type InjectTaskOptions,
  type TaskRefInput,
} from './task-source.js';

/**
 * Returns the last transition of a task, as a signal: `undefined` until there is one. Tracking ends with the component.
 *
 * Where the ref is a signal, or any function of signals, the signal changes to the task that it names; at once, it is
 * `undefined` until that task's first transition. While the ref is `undefined`, nothing is tracked. A task that is lost
 * is a value too, with `status: 'lost'`; reading never throws.
 *
 * It subscribes outside the zone. Rendering on a server waits for the first state, 2 s at most, and never for the end.
 *
 * @throws TypeError or RangeError at call time for a ref that names no task (from a signal it is a lost task), and for
 * options that are unknown or not usable; Error outside an injection context.
 *
 * @example
 * readonly id = input.required<string>();
 * readonly task = injectTask(this.id);
 */
export function injectTask(ref: TaskRefInput, options: InjectTaskOptions = {}): Signal<TrackedTask | undefined> {
  checkTaskArguments('injectTask', ref, options);
  if (!options.injector) assertInInjectionContext(injectTask);
  return runInInjectionContext(options.injector ?? inject(Injector), () => {
    const source = injectTaskSource(ref);
    const pending = inject(PendingTasks);
    const state = signal<{ readonly ref: TaskRef; readonly task: TrackedTask } | undefined>(undefined);

    const watch = (current: TaskRef | undefined) => {
      if (current === undefined) return undefined;
      const transitions = source.transitions(current);
      const done = source.isServer ? pending.add() : () => undefined;
      const keep = (task: TrackedTask) => {
        state.set({ ref: current, task });
      };
      return transitions.pipe(tap(keep), finalize(done)).subscribe();
    };
    if (typeof ref === 'function') {
      effect((onCleanup) => {
        const subscription = watch(source.ref());
        onCleanup(() => subscription?.unsubscribe());
      });
    } else {
      const subscription = watch(ref);
      inject(DestroyRef).onDestroy(() => subscription?.unsubscribe());
    }
    // Between a new ref and its effect, the state is still that of the task before.
    return computed(() => {
      const [current, last] = [source.ref(), state()];
      return last && isSameRef(last.ref, current) ? last.task : undefined;
    });
  });
}
