import { asyncScheduler, defer, of, type Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import type { Task } from 'rx-video-tasks';
import { mean } from '../figures.js';
import { answerAt, type Family, type Fate } from './tasks.js';

/** How a policy did with some tasks. */
export interface Score {
  readonly requests: number;
  /** From the end of a task to the ask that sees it, in ms. */
  readonly latency: number;
  /** The shortest and the longest time from ask to ask, in ms. */
  readonly gaps: readonly [least: number, most: number];
}

/** When the tasks are created. The service's own times are in seconds. */
const CREATED_AT = 1_760_000_000_000;

/** Follows tasks to their ends, each in a virtual time of its own. */
export function play(
  follow: (query: Observable<Task>) => Observable<Task>,
  family: Family,
  fates: readonly Fate[],
): Score {
  let requests = 0;
  let least = Infinity;
  let most = 0;
  const latencies = fates.map((fate) => {
    let lastAge = NaN;
    const query = defer(() => {
      const age = asyncScheduler.now() - CREATED_AT;
      requests++;
      const gap = age - lastAge;
      if (gap < least) least = gap;
      if (gap > most) most = gap;
      lastAge = age;
      return of(answerAt(age, fate, family, CREATED_AT));
    });
    const scheduler = new TestScheduler(() => undefined);
    scheduler.run(() => {
      scheduler.schedule(() => {
        follow(query).subscribe();
      }, CREATED_AT);
    });
    return lastAge - fate.endsAt;
  });
  return { requests: requests / fates.length, latency: mean(latencies), gaps: [least, most] };
}
