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
  type ObservableInput,
} from 'rxjs';
import { isTrackingError, TrackingError } from '../errors.js';
import type { LostTask, TrackedTask } from '../tracked-task.js';
import { brief } from '../redact.js';
import { assignDefined } from '../fields.js';
import type { Journal, Resumed } from '../journal/index.js';
import {
  createAsk,
  refResolver,
  toArray,
  type Query,
  type QueryOptions,
  type ResolvedRef,
  type TaskRef,
  type TaskRefFields,
} from '../query.js';
import { waitAfter } from '../poll/cadence.js';
import { taskKey, type Task } from '../task.js';
import { pacesOf, type Pace, type PaceOptions } from './poll-plan.js';
import { Tracked, type TrackedHome } from './shared-poll.js';

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
   * subscribes; completes when that is durable, errors where it cannot be: the journal fails, or the tracker is closed.
   * @throws TypeError at call time without a journal.
   */
  ack(task: TrackedTask): Observable<never>;
  /**
   * Ends the streams of a task and drops all memory of it, the journal's too. Already under way, whoever subscribes;
   * completes when that is durable, errors where it cannot be.
   * @throws TypeError or RangeError at call time for a ref that names no task.
   */
  forget(ref: TaskRef): Observable<never>;
  /** Completes every stream, stops every poll and lets go of the journal. */
  close(): void;
}

const MAX_REMEMBERED = 10_000;
const DAY = 86_400_000;

/**
 * Tracks many tasks of one or several providers: each becomes an Observable of its transitions.
 *
 * Its tasks share timers, so functions that it is given (`apiKey`, `onMiss`, a transport) run in the async context of any
 * subscriber: what they need must not come from `AsyncLocalStorage`.
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
  /** By id: those who are followed, and the last idle ones, for they still know when they asked. */
  const tracked = new Map([...paces.keys()].map((service) => [service, new Map<string, Tracked>()]));
  const idle = new Set<Tracked>();
  const terminals = new Map<string, Task>();
  const journal = options.journal?.open();
  let isClosed = false;

  const home: TrackedHome = {
    ask(ref, context) {
      const query = ask(ref, context);
      return journal?.record(ref, query) ?? query;
    },
    onDelivered: (ref, heard) => journal?.delivered(taskKey(ref), heard),
    onTerminal: ({ ref }, task) => {
      idsOf(ref).delete(ref.id);
      terminals.set(taskKey(ref), task);
      trim(terminals);
    },
    onIdle: (one) => {
      idle.add(one);
      for (const { ref } of trim(idle)) idsOf(ref).delete(ref.id);
    },
  };

  const idsOf = ({ service }: ResolvedRef) => tracked.get(service) as Map<string, Tracked>;

  const trackedOf = (ref: ResolvedRef): Tracked => {
    const ids = idsOf(ref);
    let one = ids.get(ref.id);
    if (!one) ids.set(ref.id, (one = new Tracked(ref, paces.get(ref.service) as Pace, home)));
    idle.delete(one);
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

  /** For refs that arrive one by one: a bad one must not end the others. */
  const resolveOrLose = (ref: TaskRef): ResolvedRef | LostTask => {
    try {
      return resolve(ref);
    } catch (error) {
      const named = typeof ref === 'string' ? { id: ref } : (Object(ref) as Partial<TaskRefFields>);
      const { id, provider = '(unknown)' } = named;
      return lost({ id: String(id).slice(0, 256), provider: String(provider) }, error);
    }
  };

  const follow = (ref: ResolvedRef, { ack }: TrackOptions = {}): Observable<Task> =>
    new Observable((subscriber) => {
      const key = taskKey(ref);
      if (ack === 'manual') journal?.hold(key);
      const terminal = remembered(key);
      if (terminal) subscriber.next(terminal);
      if (terminal || isClosed) subscriber.complete();
      else trackedOf(ref).join(subscriber);
    });

  const followOrLose = (one: ResolvedRef | LostTask, how?: TrackOptions): Observable<TrackedTask> =>
    'status' in one ? of(one) : follow(one, how).pipe(catchError((error: unknown) => of(lost(one, error))));

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
        : from(refs).pipe(map(resolveOrLose));
      return from(found).pipe(
        distinct((one) => ('status' in one ? one : taskKey(one))),
        mergeMap((one) => followOrLose(one, how)),
      );
    },

    resume(how) {
      refuseIfClosed();
      const begin = (ref: TaskRef): Resumed => {
        const one = resolveOrLose(ref);
        const pace = 'status' in one ? undefined : paces.get(one.service);
        const wait = pace ? waitAfter(pace.windowOf(one as ResolvedRef), 'uniform', pace.random) : 0;
        return { stream: followOrLose(one, how), wait };
      };
      return theJournal().resume(begin, how?.ack === 'manual');
    },

    ack: (task) => theJournal().ack(task),

    forget(ref) {
      const one = resolve(ref);
      const ids = idsOf(one);
      const followed = ids.get(one.id);
      terminals.delete(taskKey(one));
      ids.delete(one.id);
      if (followed) idle.delete(followed);
      followed?.close();
      return journal?.forget(one) ?? EMPTY;
    },

    close() {
      isClosed = true;
      for (const ids of tracked.values()) {
        const open = [...ids.values()];
        ids.clear();
        for (const one of open) one.close();
      }
      idle.clear();
      journal?.close();
    },
  };
}

function lost({ provider, id }: { readonly provider: string; readonly id: string }, cause: unknown): LostTask {
  // Else it is of the caller's own: a bad ref's, a notifier's, or what onMiss threw.
  const message = `${provider} task ${id} is not tracked any more: ${brief(String(cause))}`;
  const error = isTrackingError(cause)
    ? cause
    : new TrackingError('query', message, { provider, id, misses: 0, cause });
  const task: LostTask = { status: 'lost', id, provider, observedAt: asyncScheduler.now(), error };
  return assignDefined(task, { last: error.last });
}

/** Drops the oldest entries beyond what is remembered; gives their keys. */
function trim<Key>(entries: Set<Key> | Map<Key, unknown>): Key[] {
  const excess: Key[] = [];
  for (const key of entries.keys()) {
    if (entries.size <= MAX_REMEMBERED) break;
    entries.delete(key);
    excess.push(key);
  }
  return excess;
}
