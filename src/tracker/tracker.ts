import {
  asyncScheduler,
  catchError,
  distinct,
  EMPTY,
  from,
  map,
  mergeMap,
  Observable,
  of,
  tap,
  type ObservableInput,
  type Subscriber,
} from 'rxjs';
import { brief, isTrackingError, TrackingError, type LostTask, type TrackedTask } from '../errors.js';
import type { Journal } from '../journal/index.js';
import {
  createAsk,
  refResolver,
  toArray,
  type Query,
  type QueryOptions,
  type ResolvedRef,
  type TaskRef,
} from '../query.js';
import { beginningOf } from '../operators/cadence.js';
import type { Due } from '../operators/time.js';
import { taskKey, type Task } from '../task.js';
import { pacesOf, type Pace, type PaceOptions } from './pace.js';
import { Tracked } from './tracked.js';

/** What to track, and how; without poll options each provider's own document is followed. */
export interface TrackerOptions extends QueryOptions, PaceOptions {
  /**
   * Remembers tasks and their transitions beyond the process: `fileJournal(path)` of `./node`, or `createJournal` over a
   * database of yours. A task is saved before its first poll, a transition before it is emitted. @default none
   */
  readonly journal?: Journal;
}

export interface TrackOptions {
  /**
   * When a transition counts as heard, so that it does not come again after a restart: `auto`, when every subscriber's
   * `next` has returned; `manual`, when `ack` was called, for work that goes on afterwards. Holds for the task, whoever
   * else tracks it. Without a journal it means nothing.
   * @default 'auto'
   */
  readonly ack?: 'auto' | 'manual';
}

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
  track(ref: TaskRef, options?: TrackOptions): Observable<Task>;
  /**
   * The transitions of many tasks, merged. A task that cannot be tracked any more arrives as a `lost` value, and the
   * others go on. Equal refs are tracked once. Errors only if `refs` does.
   * @throws TypeError or RangeError at call time for a bad ref in an array; from another source it arrives as `lost`.
   */
  trackAll(refs: ObservableInput<TaskRef>, options?: TrackOptions): Observable<TrackedTask>;
  /**
   * Everything in the journal that is open or was not acknowledged, merged like `trackAll`. First asks are spread over
   * each task's polling window. A transition that was acknowledged does not come again; a completed task that was not
   * is asked about once more, and so comes with a fresh URL. Errors if the journal cannot be read.
   * @throws TypeError at call time without a journal.
   */
  resume(options?: TrackOptions): Observable<TrackedTask>;
  /**
   * Acknowledges this transition and those before it; of a lost task, that it is lost. Already under way, whoever
   * subscribes; completes when that is durable. @throws TypeError at call time without a journal.
   */
  ack(task: TrackedTask): Observable<never>;
  /**
   * Ends the streams of a task and drops all memory of it, the journal's too. Already under way, whoever subscribes;
   * completes when that is durable. @throws TypeError or RangeError at call time for a ref that names no task.
   */
  forget(ref: TaskRef): Observable<never>;
  /** Completes every stream, stops every poll and lets go of the journal. */
  close(): void;
}

/** First asks that are due within so many ms go together. */
const GRAIN = 20;
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
  const [{ wait }] = paces.values() as unknown as readonly [Pace];
  /** Those who are followed, and the last idle ones: they still know when they asked. */
  const tracked = new Map<string, Tracked>();
  const idle = new Set<string>();
  const terminals = new Map<string, Task>();
  /** Who resumes what is not due yet. */
  const waiting = new Set<Subscriber<unknown>>();
  const journal = options.journal?.open();
  let isClosed = false;

  const events = {
    onDelivered: (key: string) => journal?.delivered(key),
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
      const from = ref.createdAt ?? asyncScheduler.now();
      let last: Task | undefined;
      let began: number | undefined;
      const query = ask(ref, () => pace.urgency(ref, last, began ?? from)).pipe(
        tap((task) => {
          began = beginningOf(task, began, asyncScheduler.now(), from);
          last = task;
        }),
        pace.withWaits(ref),
      );
      one = new Tracked(key, ref, pace, journal?.record(ref, query) ?? query, events);
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

  const follow = (ref: ResolvedRef, { ack }: TrackOptions = {}): Observable<Task> => {
    const key = taskKey(ref);
    return new Observable((subscriber) => {
      if (ack === 'manual') journal?.hold(key);
      const terminal = remembered(key);
      if (terminal) subscriber.next(terminal);
      if (terminal || isClosed) subscriber.complete();
      else trackedOf(ref, key).join(subscriber);
    });
  };

  const followOrLose = (ref: ResolvedRef, how?: TrackOptions): Observable<TrackedTask> =>
    follow(ref, how).pipe(catchError((error: unknown) => of(lost(ref, error))));

  /** Emits what there is for each, one after the other over about the wait that is usual for them. */
  const spread = (all: readonly (ResolvedRef | LostTask)[], how?: TrackOptions): Observable<Observable<TrackedTask>> =>
    new Observable((subscriber) => {
      let nth = 0;
      const due: Due = {
        run: () => {
          let ms = 0;
          while (nth < all.length && ms < GRAIN && !subscriber.closed) {
            const one = all[nth++] as ResolvedRef | LostTask;
            if (!('status' in one)) ms += (paces.get(one.service) as Pace).interval(one) / all.length;
            subscriber.next('status' in one ? of(one) : followOrLose(one, how));
          }
          if (nth < all.length) wait(due, ms);
          else subscriber.complete();
        },
      };
      waiting.add(subscriber);
      subscriber.add(() => {
        waiting.delete(subscriber);
        due.wait?.unsubscribe();
      });
      due.run();
    });

  const theJournal = () => {
    if (journal) return journal;
    throw new TypeError('journal: there is none; write createTracker({ journal })');
  };

  const refuseIfClosed = () => {
    if (isClosed) throw new TypeError('the tracker is closed; make another one with createTracker');
  };

  return {
    query: (ref) => ask(resolve(ref)),

    track(ref, how) {
      refuseIfClosed();
      return follow(resolve(ref), how);
    },

    trackAll(refs, how) {
      refuseIfClosed();
      if (typeof refs === 'string')
        throw new TypeError('refs: a string is one ref; write track(ref), or trackAll([ref])');
      const found: ObservableInput<ResolvedRef | LostTask> = Array.isArray(refs)
        ? (refs as TaskRef[]).map(resolve)
        : from(refs).pipe(map(resolveOrLose(resolve)));
      return from(found).pipe(
        distinct((one) => ('status' in one ? one : taskKey(one))),
        mergeMap((one) => ('status' in one ? of(one) : followOrLose(one, how))),
      );
    },

    resume(how) {
      refuseIfClosed();
      const begin = (refs: readonly TaskRef[]) => spread(refs.map(resolveOrLose(resolve)), how);
      return theJournal().resume(begin, how?.ack === 'manual');
    },

    ack: (task) => theJournal().ack(task),

    forget(ref) {
      const one = resolve(ref);
      const key = taskKey(one);
      terminals.delete(key);
      idle.delete(key);
      tracked.get(key)?.close();
      tracked.delete(key);
      return journal?.forget(one) ?? EMPTY;
    },

    close() {
      isClosed = true;
      const open = [...tracked.values()];
      tracked.clear();
      idle.clear();
      for (const one of open) one.close();
      for (const one of waiting) one.complete();
      journal?.close();
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
