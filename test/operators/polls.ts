import { catchError, throwError, type Observable, type Subscription } from 'rxjs';
import { isTrackingError, pollUntilTerminal, QueryError, type PollConfig, type QueryErrorKind } from 'rx-video-tasks';
import { marbleTasks } from 'rx-video-tasks/testing';
import { answering, type RunContext } from '../marbles.js';

/** One task at every status. */
export const letters = marbleTasks();

/** Polls in diagrams, one under the other: what the n-th query answers, when it is subscribed to, and what comes out. */
type Ruler = Readonly<Record<`ask${number}` | `sub${number}`, string>> & { readonly emit: string };

interface Around {
  readonly config?: PollConfig;
  /** What `#` stands for in the n-th query. */
  readonly errors?: readonly unknown[];
  /** What `#` stands for in `emit`: the outline of a TrackingError, or the error itself. */
  readonly error?: unknown;
  /** When the result is subscribed to and unsubscribed from. */
  readonly from?: string;
  readonly values?: Readonly<Record<string, unknown>>;
}

export function polls(m: RunContext, ruler: Ruler, { config, errors = [], error, from, values }: Around = {}): void {
  const colds: ReturnType<typeof m.cold<never>>[] = [];
  for (let n = 1; ruler[`ask${n}`] !== undefined; n++) {
    const diagram = ruler[`ask${n}`] as string;
    colds.push(m.cold(diagram, { ...letters, ...values } as never, errors[n - 1] ?? miss('server')));
    m.expect(colds[n - 1] as Observable<never>).toHaveSubscriptions(ruler[`sub${n}`] ?? []);
  }
  const result: Observable<unknown> = answering(...colds).pipe(pollUntilTerminal(config), outlined());
  m.expect(result, from).toBeObservable(ruler.emit, { ...letters, ...values }, error);
}

export function miss(kind: QueryErrorKind, fields: ConstructorParameters<typeof QueryError>[2] = {}): QueryError {
  return new QueryError(kind, `no answer: ${kind}`, fields);
}

/** A diagram compares errors by name and message only. This makes a TrackingError comparable by what it tells. */
export function outlined<T>() {
  return catchError<T, Observable<never>>((error: unknown) => {
    if (!isTrackingError(error)) return throwError(() => error as Error);
    const { reason, misses, last } = error;
    // eslint-disable-next-line rxjs-x/throw-error -- plain objects are compared whole
    return throwError(() => ({ reason, misses, last: last?.status }));
  });
}

/** Sure to ask at the earliest. */
export const prompt = { random: () => 0 } satisfies PollConfig;

/** Subscribes where only what happens around it is looked at. */
export function listen<T>(source: Observable<T>, next: (value: T) => void = () => undefined): Subscription {
  return source.subscribe({
    next,
    error: (error: unknown) => {
      throw error;
    },
  });
}
