import { DestroyRef, inject, InjectionToken, makeEnvironmentProviders, type EnvironmentProviders } from '@angular/core';
import { check } from '../options.js';
import type { Tracker } from '../tracker/index.js';

/** What an app tracks with: a tracker, or one that is fed by a relay. */
export type TaskTracker = Pick<Tracker, 'track' | 'trackAll' | 'close'>;

const TRACKER = /* @__PURE__ */ new InjectionToken<TaskTracker>('the tracker of provideVideoTasks');

/**
 * Provides the tracker that `injectTracker` and `injectTask` use. It is made when it is first asked for, in an
 * injection context, and closed with the injector that it belongs to: the application's, or a route's.
 *
 * @throws TypeError at call time for what is no function, and where the tracker is injected if it returned none.
 *
 * @example
 * bootstrapApplication(App, { providers: [provideVideoTasks(() => relayTracker({ url: '/tasks' }))] });
 */
export function provideVideoTasks(create: () => TaskTracker): EnvironmentProviders {
  const remedy = "a function that returns a tracker, such as () => relayTracker({ url: '/tasks' })";
  check('provideVideoTasks', create, typeof create === 'function', remedy);
  const useFactory = () => {
    const tracker = create();
    check('provideVideoTasks: what the function returned', tracker, typeof tracker?.trackAll === 'function', remedy);
    inject(DestroyRef).onDestroy(() => {
      tracker.close();
    });
    return tracker;
  };
  return makeEnvironmentProviders([{ provide: TRACKER, useFactory }]);
}

/**
 * Returns the tracker that `provideVideoTasks` provides. To be called in an injection context.
 * @throws Error where none is provided
 */
export function injectTracker(): TaskTracker {
  const tracker = inject(TRACKER, { optional: true });
  if (tracker) return tracker;
  throw new Error(
    "no tracker is provided; write provideVideoTasks(() => relayTracker({ url: '/tasks' })) in the providers of the application",
  );
}
