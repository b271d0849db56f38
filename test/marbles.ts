import { configure } from 'rxjs-marbles';
import { defer, type Observable } from 'rxjs';
import { expect } from 'vitest';

type RunContext = Parameters<Parameters<ReturnType<typeof configure>['marbles']>[0]>[0];

const configured = configure({
  run: true,
  frameworkMatcher: true,
  assertDeepEqual: (actual, expected) => {
    expect(actual).toStrictEqual(expected);
  },
});

/**
 * A test in virtual time that ends: polls that never end are cut after two days. Errors in diagrams are compared by
 * name and message only; materialize() to see their fields.
 */
export function marbles(body: (m: RunContext) => unknown): () => void {
  return configured.marbles((m) => {
    m.scheduler.maxFrames = 172_800_000;
    const result = body(m);
    if (result instanceof Promise) throw new TypeError('a marble test is synchronous: its assertions would be lost');
  }) as () => void;
}

export type { RunContext };

/** A query whose n-th subscription is the n-th of these; the last one repeats. */
export function answering<T>(...answers: readonly Observable<T>[]): Observable<T> {
  let asked = 0;
  return defer(() => answers[Math.min(asked++, answers.length - 1)] as Observable<T>);
}
