import { computed, inject, type Injector, NgZone, PLATFORM_ID, untracked } from '@angular/core';
import { Observable, of, take, takeUntil, timer } from 'rxjs';
import { check, checkOptions } from '../options.js';
import type { TaskRef } from '../query.js';
import type { TrackedTask } from '../tracked-task.js';
import { injectTracker } from './provide-video-tasks.js';

/** What a component watches: a ref, or a function of signals that returns one, or `undefined` for none. */
export type TaskRefInput = TaskRef | (() => TaskRef | undefined);

/** How `injectTask` and `taskResource` track a task. */
export interface InjectTaskOptions {
  /** Where to inject from; what is tracked ends with it. @default the current injection context */
  readonly injector?: Injector;
}

/** The part that `injectTask` and `taskResource` share. */
export interface TaskSource {
  readonly isServer: boolean;
  /** The ref of now; notifies when it names another task. */
  readonly ref: () => TaskRef | undefined;
  /**
   * The transitions of a task, subscribed outside the zone, so that a waiting task keeps no application from being
   * stable. On a server it ends with the first one, or after 2 s without.
   */
  transitions(ref: TaskRef): Observable<TrackedTask>;
}

/** ms that rendering on a server waits for the first state of a task. */
const FIRST_STATE = 2000;

/** @throws TypeError for a ref that is missing, and for options that are unknown or not usable. */
export function checkTaskArguments(caller: string, ref: TaskRefInput, options: InjectTaskOptions): void {
  check('ref', ref, ref !== undefined && ref !== null, 'an id, a ref, or a function of signals that returns one');
  checkOptions(caller, `${caller}(ref, { injector })`, options, ['injector']);
  const { injector } = options;
  check('injector', injector, !injector || 'get' in Object(injector), 'inject(Injector)');
}

/** To be called in an injection context. */
export function injectTaskSource(input: TaskRefInput): TaskSource {
  const tracker = injectTracker();
  const zone = inject(NgZone);
  // `isPlatformServer` compares with this value, but is in @angular/common, which is optional here:
  // https://github.com/angular/angular/blob/main/packages/common/src/platform_id.ts
  const isServer = inject(PLATFORM_ID) === ('server' as unknown as object);
  // A bad ref from a signal is a lost task; one that stands in the code throws.
  const trackAll = (ref: TaskRef) => tracker.trackAll(typeof input === 'function' ? of(ref) : [ref]);
  return {
    isServer,
    ref: typeof input === 'function' ? computed(input, { equal: isSameRef }) : () => input,
    transitions(ref) {
      const all = trackAll(ref);
      const source = isServer ? all.pipe(take(1), takeUntil(timer(FIRST_STATE))) : all;
      return new Observable((subscriber) =>
        zone.runOutsideAngular(() => untracked(() => source.subscribe(subscriber))),
      );
    },
  };
}

/** Whether both name the same task, whatever else they hold. */
export function isSameRef(a: TaskRef | undefined, b: TaskRef | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined) return false;
  const [one, other] = [a, b].map((ref) => (typeof ref === 'string' ? { id: ref } : ref));
  return one?.id === other?.id && one?.provider === other?.provider;
}
