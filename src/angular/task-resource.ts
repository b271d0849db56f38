import {
  assertInInjectionContext,
  effect,
  inject,
  Injector,
  PendingTasks,
  resource,
  runInInjectionContext,
  signal,
  type Resource,
  type ResourceStreamItem,
  type Signal,
} from '@angular/core';
import type { Subscription } from 'rxjs';
import type { TrackedTask } from '../tracked-task.js';
import { checkTaskArguments, injectTaskSource, type InjectTaskOptions, type TaskRefInput } from './task-source.js';

/** A task as Angular's `Resource`. */
export interface TaskResource extends Resource<TrackedTask | undefined> {
  /**
   * Subscribes again: after `lost`, the task is tracked anew. The value stays until the next transition.
   * @returns false while it is loading, and where nothing is tracked
   */
  reload(): boolean;
}

/**
 * Returns the last transition of a task, as a `Resource`: `loading` until the first one, then `resolved` with each;
 * `idle` while the ref is `undefined`. Failed, cancelled and lost tasks are values; `status` is never `error` for them.
 *
 * The ref, zones and rendering on a server are as in `injectTask`. In a browser a task that is loading keeps no
 * application from being stable, unlike other resources.
 *
 * Angular's `Resource` is experimental up to version 21: its interface, and this function with it, may change with
 * Angular.
 * @experimental
 *
 * @throws TypeError or RangeError at call time for a ref that names no task (from a signal it is a lost task), and for
 * options that are unknown or not usable; Error outside an injection context.
 *
 * @example
 * readonly id = input.required<string>();
 * readonly task = taskResource(this.id);
 */
export function taskResource(ref: TaskRefInput, options: InjectTaskOptions = {}): TaskResource {
  checkTaskArguments('taskResource', ref, options);
  if (!options.injector) assertInInjectionContext(taskResource);
  const injector = options.injector ?? inject(Injector);
  return runInInjectionContext(injector, () => {
    const source = injectTaskSource(ref);
    // Throws for a bad ref: inside `stream` it would end as the state `error`.
    if (typeof ref !== 'function') void source.transitions(ref);
    // Angular aborts a stream for the next one, but not when the params become undefined:
    // https://github.com/angular/angular/blob/main/packages/core/src/resource/resource.ts (loadEffect)
    let current: Subscription | undefined;
    effect(() => {
      if (source.ref() === undefined) current?.unsubscribe();
    });
    return resource<TrackedTask | undefined, TaskRefInput | undefined>({
      injector: source.isServer ? injector : new WithoutPendingTasks(injector),
      params: source.ref,
      stream: ({ params, abortSignal }) =>
        new Promise<Signal<ResourceStreamItem<TrackedTask | undefined>>>((resolve, reject) => {
          const item = signal<ResourceStreamItem<TrackedTask | undefined>>({ value: undefined });
          const subscription = source.transitions(params as never).subscribe({
            next: (value) => {
              item.set({ value });
              resolve(item);
            },
            error: reject,
            // Without a value where the tracker is closed, or the server's time is up.
            complete: () => {
              resolve(item);
            },
          });
          current = subscription;
          abortSignal.addEventListener('abort', () => {
            subscription.unsubscribe();
          });
        }),
    });
  });
}

/**
 * A resource that is loading is a pending task, and the application is not stable until it has a value:
 * https://angular.dev/api/core/PendingTasks. The first transition of a task can be far away, so a browser does not
 * wait.
 */
class WithoutPendingTasks extends Injector {
  readonly #parent: Lookup;

  constructor(parent: Lookup) {
    super();
    this.#parent = parent;
  }

  override get(token: unknown, ...rest: unknown[]): never {
    return (token === PendingTasks ? NO_PENDING_TASKS : this.#parent.get(token, ...rest)) as never;
  }
}

const NO_PENDING_TASKS = { add: () => () => undefined };

interface Lookup {
  get(token: unknown, ...rest: unknown[]): unknown;
}
