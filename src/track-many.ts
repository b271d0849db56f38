import { asyncScheduler, defer, EMPTY, finalize, from, mergeMap, of, takeUntil } from 'rxjs';
import type { Observable, ObservableInput } from 'rxjs';
import { assignDefined } from './fields.js';
import { check, checkOptions } from './options.js';
import { toStream } from './to-stream.js';
import { lostTask, type LostTask, type TrackedTask } from './tracked-task.js';

/** How a tracker tracks one of many tasks. */
export interface TaskSource<Ref, Resolved> {
  /** @throws for a ref that names no task. */
  readonly resolve: (ref: Ref) => Resolved;
  /** Equal for refs of the same task. */
  readonly keyOf: (resolved: Resolved) => string;
  /** The transitions of one task. They complete when the tracker is closed; a loss is a value, not an error. */
  readonly track: (resolved: Resolved) => Observable<TrackedTask>;
  /** Emits when the tracker is closed. */
  readonly closed: Observable<unknown>;
}

/**
 * The transitions of many tasks, merged: what every tracker's `trackAll` does. Refs of one task are tracked once: those
 * in an array as one ref; of another source the first one, until its task has ended. Completes when all tasks have, or
 * when the tracker is closed.
 *
 * @throws what `resolve` throws, at call time, for a bad ref in an array; from another source it arrives as `lost`.
 */
export function trackMany<Ref, Resolved extends object>(
  refs: ObservableInput<Ref>,
  { resolve, keyOf, track, closed }: TaskSource<Ref, Resolved>,
): Observable<TrackedTask> {
  if (typeof refs === 'string') {
    throw new TypeError('refs: a string is one ref; write track(ref), or trackAll([ref])');
  }
  if (Array.isArray(refs)) {
    const byKey = new Map<string, Resolved>();
    for (const resolved of (refs as Ref[]).map(resolve)) {
      const key = keyOf(resolved);
      byKey.set(key, mergeRefs(byKey.get(key), resolved));
    }
    return from([...byKey.values()]).pipe(mergeMap(track));
  }
  const source = toStream('refs', refs);
  return defer(() => {
    const open = new Set<string>();
    return source.pipe(
      // eslint-disable-next-line rxjs-x/no-unsafe-takeuntil -- the streams of the tasks complete by themselves
      takeUntil(closed),
      mergeMap((ref) => {
        let resolved: Resolved;
        try {
          resolved = resolve(ref);
        } catch (error) {
          return of(lostRef(ref, error));
        }
        const key = keyOf(resolved);
        if (open.has(key)) return EMPTY;
        open.add(key);
        return track(resolved).pipe(finalize(() => open.delete(key)));
      }),
    );
  });
}

/** Two refs of one task as one: the later one adds its fields, and wins where both have one. */
export function mergeRefs<Ref extends object>(first: Ref | undefined, later: Ref): Ref {
  return first ? assignDefined({ ...first }, later) : later;
}

/**
 * Checks the options of `track`, `trackAll` and `resume`.
 * @throws TypeError for an unknown option, and for an `ack` that is none.
 */
export function checkTrackOptions(options: { readonly ack?: 'auto' | 'manual' } = {}): void {
  checkOptions('track', "track(ref, { ack: 'manual' })", options, ['ack']);
  const { ack = 'auto' } = options;
  check('ack', ack, ['auto', 'manual'].includes(ack), "'auto' or 'manual'");
}

/** A ref that names no task, as a value that does not end the streams of the other tasks. */
export function lostRef(ref: unknown, error: unknown): LostTask {
  const { id, provider = '(unknown)' } = (typeof ref === 'string' ? { id: ref } : Object(ref)) as {
    readonly id?: unknown;
    readonly provider?: unknown;
  };
  return lostTask({ id: String(id ?? ref).slice(0, 256), provider: String(provider) }, error, asyncScheduler.now());
}
