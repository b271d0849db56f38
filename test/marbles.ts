import { configure } from 'rxjs-marbles';
import { defer, type Observable, type OperatorFunction } from 'rxjs';
import { expect } from 'vitest';
import type { Diagram } from './pictures/marbles.js';

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

interface DiagramValues<T> {
  readonly values: Readonly<Record<string, T>>;
  /** The values of the result. @default values */
  readonly emitted?: Readonly<Record<string, unknown>>;
  readonly error?: unknown;
}

/** Runs the strings that a picture is drawn from: each source is the answer to one subscription of the operator. */
export function expectDiagram<T>(
  m: RunContext,
  { sources, result }: Diagram,
  operator: OperatorFunction<T, unknown>,
  { values, emitted = values, error }: DiagramValues<T>,
): void {
  const colds = sources.map(({ marbles }) => m.cold(marbles, { ...values }));
  m.expect(answering<T>(...colds).pipe(operator)).toBeObservable(result, { ...emitted }, error);
  colds.forEach((cold, nth) => {
    m.expect(cold).toHaveSubscriptions(sources[nth]?.subscription ?? []);
  });
}

/** A query whose n-th subscription is the n-th of these; the last one repeats. */
export function answering<T>(...answers: readonly Observable<T>[]): Observable<T> {
  let asked = 0;
  return defer(() => answers[Math.min(asked++, answers.length - 1)] as Observable<T>);
}
