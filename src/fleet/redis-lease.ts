import { randomUUID } from 'node:crypto';
import {
  catchError,
  defer,
  EMPTY,
  exhaustMap,
  finalize,
  ignoreElements,
  interval,
  mergeMap,
  takeUntil,
  tap,
  type Observable,
} from 'rxjs';
import type { RedisStore } from './redis-store.js';
import { retryStore } from './store-errors.js';

/** ms that a lease outlives its holder. */
const TERM = 30_000;

/** What is done under a lease. */
export interface LeasedWork<T> {
  readonly key: string;
  /** For the message where another process holds the lease. */
  readonly what: string;
  readonly work: () => Observable<T>;
  /** Called with what hinders Redis from giving the lease. */
  readonly onError: (error: Error) => void;
}

/**
 * Subscribes to `work` once the lease is held, and holds it as long as `work` runs; a process that dies loses it after
 * 30 s. Errors if another process holds it, or has taken it while this one was suspended.
 */
export function withLease<T>(store: RedisStore, { key, what, work, onError }: LeasedWork<T>): Observable<T> {
  return defer(() => {
    const owner = randomUUID();
    const lease = defer(() => store.lease(key, owner, TERM));
    const check = (isHeld: boolean): void => {
      if (isHeld) return;
      const remedy = `end it there, or wait ${TERM / 1000} s after the process has died`;
      throw new Error(`${what} is held by another process; ${remedy}`);
    };
    const renewals = interval(TERM / 3).pipe(
      // Redis may be away for as long as the term lasts.
      exhaustMap(() => lease.pipe(catchError(() => EMPTY))),
      tap(check),
      ignoreElements(),
    );
    return lease.pipe(
      retryStore(onError),
      tap(check),
      // What `check` throws at a renewal ends the work; otherwise renewals emit nothing.
      mergeMap(() => work().pipe(takeUntil(renewals))),
      finalize(() => {
        store.release(key, owner).catch(() => undefined);
      }),
    );
  });
}
