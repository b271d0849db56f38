import { asyncScheduler, defer, of, type Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import type { Task } from 'rx-video-tasks';
import { mean } from '../figures.js';
import { replyAt, type Family, type Fate } from './tasks.js';

/** How long to wait, in ms, after an answer at an age, in ms from when the task was last seen queued. */
export type Schedule = (age: number) => number;

/** Means over some tasks. */
export interface Score {
  readonly requests: number;
  /** From the end of a task to the ask that sees it, in ms. */
  readonly latency: number;
  /** The shortest and the longest time from ask to ask, in ms. */
  readonly gaps: readonly [least: number, most: number];
}

/** When the tasks are created (epoch ms). */
const CREATED_AT = 1_760_000_000_000;

/** Asks by a schedule from the creation on. */
export function walk(wait: Schedule, fates: readonly Fate[]): Score {
  let requests = 0;
  let least = Infinity;
  let most = 0;
  const latencies = fates.map(({ startsAt, endsAt }) => {
    let age = 0;
    let began = 0;
    for (requests++; age < endsAt; requests++) {
      if (age < startsAt) began = age;
      const gap = wait(age - began);
      least = Math.min(least, gap);
      most = Math.max(most, gap);
      age += gap;
    }
    return age - endsAt;
  });
  return { requests: requests / fates.length, latency: mean(latencies), gaps: [least, most] };
}

/** Polls tasks to their ends, each in a virtual time of its own. */
export function play(
  poll: (query: Observable<Task>) => Observable<Task>,
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
      return of(replyAt(age, fate, family, CREATED_AT));
    });
    const scheduler = new TestScheduler(() => undefined);
    scheduler.run(() => {
      scheduler.schedule(() => {
        poll(query).subscribe();
      }, CREATED_AT);
    });
    return lastAge - fate.endsAt;
  });
  return { requests: requests / fates.length, latency: mean(latencies), gaps: [least, most] };
}
