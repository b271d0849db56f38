import {
  assertInInjectionContext,
  computed,
  DestroyRef,
  effect,
  inject,
  Injector,
  NgZone,
  PendingTasks,
  PLATFORM_ID,
  runInInjectionContext,
  signal,
  untracked,
  type Signal,
} from '@angular/core';
import { finalize, of, take, takeUntil, tap, timer, type Subscription } from 'rxjs';
import type { TrackedTask } from '../tracked-task.js';
import type { TaskRef } from '../query.js';
import { injectTracker } from './provide-video-tasks.js';

export interface InjectTaskOptions {
  /** Where to inject from, and with what to end. @default the current injection context */
  readonly injector?: Injector;
}

/** How long a server's rendering waits for a task's first state, in ms. */
const FIRST_STATE = 2000;

/**
 * The last transition of a task, as a signal: `undefined` until there is one. What is tracked ends with the component.
 *
 * A ref that is a signal, or any function of signals, is followed: when it names another task, that one is tracked
 * instead, and the signal says `undefined` at once. It may give `undefined`: then nothing is tracked. A task that cannot
 * be tracked any more is a value too, with `status: 'lost'`; reading never throws.
 *
 * Subscribes outside the zone, so that a waiting task keeps no application from being stable. Rendering on a server takes
 * the first known state and leaves; it waits 2 s for it at most, never for the task's end.
 *
 * @example
 * readonly id = input.required<string>();
 * readonly task = injectTask(this.id);
 */
export function injectTask(
  ref: TaskRef | (() => TaskRef | undefined),
  options: InjectTaskOptions = {},
): Signal<TrackedTask | undefined> {
  if (!options.injector) assertInInjectionContext(injectTask);
  const injector = options.injector ?? inject(Injector);
  return runInInjectionContext(injector, () => {
    const tracker = injectTracker();
    const zone = inject(NgZone);
    const pending = inject(PendingTasks);
    // The value of isPlatformServer, whose package need not be there.
    const isServer = inject(PLATFORM_ID) === ('server' as unknown as object);
    const refNow = typeof ref === 'function' ? computed(ref, { equal: isSameRef }) : () => ref;
    const state = signal<{ readonly ref: TaskRef; readonly task: TrackedTask } | undefined>(undefined);

    const follow = (current: TaskRef): Subscription => {
      // What a signal gives wrongly is a lost task; what stands in the code throws.
      const transitions = tracker.trackAll(typeof ref === 'function' ? of(current) : [current]).pipe(
        tap((task) => {
          state.set({ ref: current, task });
        }),
      );
      if (!isServer) return transitions.subscribe();
      const done = pending.add();
      return transitions.pipe(take(1), takeUntil(timer(FIRST_STATE)), finalize(done)).subscribe();
    };
    const followOutside = (current: TaskRef | undefined) =>
      current === undefined ? undefined : zone.runOutsideAngular(() => untracked(() => follow(current)));

    if (typeof ref === 'function') {
      effect((onCleanup) => {
        const subscription = followOutside(refNow());
        onCleanup(() => subscription?.unsubscribe());
      });
    } else {
      const subscription = followOutside(ref);
      inject(DestroyRef).onDestroy(() => subscription?.unsubscribe());
    }
    // Between a new ref and its effect, the old task's state is nobody's.
    return computed(() => {
      const [current, last] = [refNow(), state()];
      return last && isSameRef(last.ref, current) ? last.task : undefined;
    });
  });
}

function isSameRef(one: TaskRef | undefined, other: TaskRef | undefined): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined) return false;
  const [a, b] = [one, other].map((ref) => (typeof ref === 'string' ? { id: ref } : ref));
  return a?.id === b?.id && a?.provider === b?.provider;
}
