import { randomUUID } from 'node:crypto';
import { Observable } from 'rxjs';
import type { RedisStore } from './redis-store.js';

/** ms that a lease outlives its holder. */
const TERM = 30_000;

/**
 * Subscribes to `work` once the lease is held, and holds it as long as `work` runs; a process that dies loses it after
 * 30 s. Errors if another process holds it, or has taken it while this one was suspended.
 */
export function withLease<T>(store: RedisStore, key: string, what: string, work: () => Observable<T>): Observable<T> {
  return new Observable((subscriber) => {
    const owner = randomUUID();
    const renew = (isFirst: boolean) => {
      store.lease(key, owner, TERM).then(
        (isHeld) => {
          if (!isHeld) {
            const remedy = `end it there, or wait ${TERM / 1000} s after the process has died`;
            subscriber.error(new Error(`${what} is held by another process; ${remedy}`));
          } else if (isFirst) subscriber.add(work().subscribe(subscriber));
        },
        (error: unknown) => {
          // Later on Redis may be away for as long as the term lasts.
          if (isFirst) subscriber.error(error);
        },
      );
    };
    const timer = setInterval(renew, TERM / 3, false);
    renew(true);
    return () => {
      clearInterval(timer);
      store.release(key, owner).catch(() => undefined);
    };
  });
}
