import { asyncScheduler, catchError, distinct, from, map, mergeMap, Observable, of, type ObservableInput } from 'rxjs';
import { brief, isTrackingError, TrackingError, type LostTask, type TrackedTask } from '../errors.js';
import {
  createAsk,
  refResolver,
  toArray,
  type Query,
  type QueryOptions,
  type ResolvedRef,
  type TaskRef,
} from '../query.js';
import { taskKey, type Task } from '../task.js';
import { pacesOf, type Pace, type PaceOptions } from './pace.js';
import { Tracked } from './tracked.js';

/** What to track, and how; without poll options each provider's own document is followed. */
export interface TrackerOptions extends QueryOptions, PaceOptions {}

export interface Tracker {
  /** Asks once; see `createQuery`. */
  readonly query: Query;
  /**
   * The transitions of one task, up to its terminal one; then completes. One poll is shared by all who subscribe: a late
   * one gets the last transition first, the last one to leave aborts the poll. A terminal task is remembered until its
   * video expires (else for 24 h), and never asked about again.
   *
   * Errors with a TrackingError. A failed or cancelled task is a value.
   * @throws TypeError or RangeError at call time for a ref that names no task.
   */
  track(ref: TaskRef): Observable<Task>;
  /**
   * The transitions of many tasks, merged. A task that cannot be tracked any more arrives as a `lost` value, and the
   * others go on. Equal refs are tracked once. Errors only if `refs` does.
   * @throws TypeError or RangeError at call time for a bad ref in an array; from another source it arrives as `lost`.
   */
  trackAll(refs: ObservableInput<TaskRef>): Observable<TrackedTask>;
  /** Completes every stream and stops every poll. */
  close(): void;
}

const MAX_REMEMBERED = 10_000;
const DAY = 86_400_000;

/**
 * Tracks many tasks of one or several providers: each becomes an Observable of its transitions.
 *
 * @throws TypeError or RangeError at call time for options that cannot be meant, saying what to write instead.
 *
 * @example
 * const tracker = createTracker({ provider: [alad({ apiKey }), mingyan({ apiKey: other })] });
 * tracker.track({ id: 'asyntask_x', provider: 'alad' }).subscribe(console.log);
 */
export function createTracker(options: TrackerOptions): Tracker {
  const resolve = refResolver(options.provider);
  const ask = createAsk(options);
  const paces = pacesOf(toArray(options.provider), options);
  /** Those who are followed, and the last idle ones: they still know when they asked. */
  const tracked = new Map<string, Tracked>();
  const idle = new Set<string>();
  const terminals = new Map<string, Task>();
  let isClosed = false;

  const events = {
    onTerminal: (key: string, task: Task) => {
      tracked.delete(key);
      terminals.set(key, task);
      trim(terminals);
    },
    onIdle: (key: string) => {
      idle.add(key);
      for (const oldest of trim(idle)) tracked.delete(oldest);
    },
  };

  const trackedOf = (ref: ResolvedRef, key: string): Tracked => {
    let one = tracked.get(key);
    if (!one) {
      const pace = paces.get(ref.service) as Pace;
      one = new Tracked(key, ref, pace, ask(ref).pipe(pace.withWaits(ref)), events);
      tracked.set(key, one);
    }
    idle.delete(key);
    return one;
  };

  const remembered = (key: string): Task | undefined => {
    const task = terminals.get(key);
    if (!task) return undefined;
    const until = (task.status === 'completed' ? task.video.expiresAt : undefined) ?? task.observedAt + DAY;
    if (asyncScheduler.now() < until) return task;
    terminals.delete(key);
    return undefined;
  };

  const follow = (ref: ResolvedRef): Observable<Task> => {
    const key = taskKey(ref);
    return new Observable((subscriber) => {
      const terminal = remembered(key);
      if (terminal) subscriber.next(terminal);
      if (terminal || isClosed) subscriber.complete();
      else trackedOf(ref, key).join(subscriber);
    });
  };

  const refuseIfClosed = () => {
    if (isClosed) throw new TypeError('the tracker is closed; make another one with createTracker');
  };

  return {
    query: (ref) => ask(resolve(ref)),

    track(ref) {
      refuseIfClosed();
      return follow(resolve(ref));
    },

    trackAll(refs) {
      refuseIfClosed();
      if (typeof refs === 'string')
        throw new TypeError('refs: a string is one ref; write track(ref), or trackAll([ref])');
      const found: ObservableInput<ResolvedRef | LostTask> = Array.isArray(refs)
        ? (refs as TaskRef[]).map(resolve)
        : from(refs).pipe(map(resolveOrLose(resolve)));
      return from(found).pipe(
        distinct((one) => ('status' in one ? one : taskKey(one))),
        mergeMap((one) =>
          'status' in one ? of(one) : follow(one).pipe(catchError((error: unknown) => of(lost(one, error)))),
        ),
      );
    },

    close() {
      isClosed = true;
      const open = [...tracked.values()];
      tracked.clear();
      idle.clear();
      for (const one of open) one.close();
    },
  };
}

/** For refs that arrive one by one: a bad one must not end the others. */
function resolveOrLose(resolve: (ref: TaskRef) => ResolvedRef): (ref: TaskRef) => ResolvedRef | LostTask {
  return (ref) => {
    try {
      return resolve(ref);
    } catch (error) {
      const { id, provider } = (typeof ref === 'string' ? { id: ref } : (ref ?? {})) as {
        id?: unknown;
        provider?: unknown;
      };
      const named = {
        id: String(id).slice(0, 256),
        provider: typeof provider === 'string' ? provider : '(unknown)',
      };
      return lostTask(
        named,
        new TrackingError('query', (error as Error).message, {
          ...named,
          misses: 0,
          cause: error,
        }),
      );
    }
  };
}

function lost(who: ResolvedRef, error: unknown): LostTask {
  if (isTrackingError(error)) return lostTask(who, error);
  // An error of the caller's own: a notifier's, or what onMiss threw.
  const message = `${who.provider} task ${who.id} is not tracked any more: ${brief(String(error))}`;
  return lostTask(
    who,
    new TrackingError('query', message, {
      provider: who.provider,
      id: who.id,
      misses: 0,
      cause: error,
    }),
  );
}

function lostTask({ provider, id }: { provider: string; id: string }, error: TrackingError): LostTask {
  const { last } = error;
  const observedAt = asyncScheduler.now();
  return {
    status: 'lost',
    id,
    provider,
    observedAt,
    error,
    ...(last === undefined ? {} : { last }),
  };
}

/** Drops the oldest entries beyond what is remembered; gives their keys. */
function trim(entries: Set<string> | Map<string, unknown>): string[] {
  const excess: string[] = [];
  for (const key of entries.keys()) {
    if (entries.size <= MAX_REMEMBERED) break;
    entries.delete(key);
    excess.push(key);
  }
  return excess;
}
