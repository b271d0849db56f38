import { AsyncSubject, asyncScheduler, catchError, EMPTY, Observable, of, type ObservableInput } from 'rxjs';
import { DAY } from '../durations.js';
import type { GateStats } from '../gate/index.js';
import type { Journal, Resumed } from '../journal/index.js';
import { check, checkOptions } from '../options.js';
import { waitAfter } from '../poll/cadence.js';
import { POLL_OPTIONS } from '../poll/poll-config.js';
import { windowIn } from '../poll/policy.js';
import {
  createAsk,
  gateOf,
  providersOf,
  QUERY_OPTIONS,
  refResolver,
  toPlainRef,
  type Query,
  type QueryOptions,
  type ResolvedRef,
  type TaskRef,
} from '../query.js';
import { taskKey, type Task, type TaskStatus } from '../task.js';
import { PLAN_OPTIONS, taskPlans, type TaskPlan, type TaskPlanOptions } from '../task-plan.js';
import { lostTask, type TrackedTask } from '../tracked-task.js';
import { toStream } from '../to-stream.js';
import { checkTrackOptions, lostRef, trackMany } from '../track-many.js';
import { Activity } from './activity.js';
import { SharedPoll, type SharedPollHost } from './shared-poll.js';

/** What to track, and how; without poll options each provider's own document is followed. */
export interface TrackerOptions extends QueryOptions, TaskPlanOptions {
  /**
   * Remembers tasks and their transitions beyond the process: `fileJournal(path)` of `./node`, or `createJournal` over
   * a database of yours. A task is saved before its first poll, a transition before it is emitted.
   * @default none
   */
  readonly journal?: Journal;
  /**
   * Whether polls may start: while its last value is `false`, none does, and requests that wait at the gate are
   * withdrawn. Requests in flight are answered, and deadlines run on. After `true`, the polls that have become due are
   * spread over some seconds. For pages that are offline or hidden, and for maintenance. Subscribed to from
   * `createTracker` to `close`; its error errors the stream of every task.
   * @default always
   */
  readonly active?: ObservableInput<boolean>;
}

/** A tracker at one moment; plain JSON. */
export interface TrackerStats {
  /** Whether polls may start; see `active`. */
  readonly active: boolean;
  /** By the provider's name. */
  readonly providers: Readonly<Record<string, ProviderStats>>;
}

/** One provider at one moment: its tasks, and the requests of its key. */
export interface ProviderStats extends GateStats {
  /**
   * Number of tasks by the status of their last transition, `unanswered` before the first: those with subscribers, and
   * the terminal ones that are remembered.
   */
  readonly tasks: Readonly<Record<TaskStatus | 'unanswered', number>>;
}

/** How a task is tracked. */
export interface TrackOptions {
  /**
   * When a transition counts as delivered, so that it does not come again after a restart: `auto`, when every
   * subscriber's `next` has returned; `manual`, when `ack` was called, for work that goes on afterwards. Holds for the
   * task and all its subscribers. Without a journal it means nothing.
   * @default 'auto'
   */
  readonly ack?: 'auto' | 'manual';
}

/** Tracks tasks as Observables of their transitions; made by `createTracker`. */
export interface Tracker {
  /**
   * Asks about a task once; see `createQuery`. Still does after `close`, so that `saveVideo` can ask for a fresh URL.
   */
  readonly query: Query;
  /**
   * Emits the transitions of one task, up to its terminal one; then completes. One poll is shared by all subscribers: a
   * late one receives the last transition first, the last one to leave aborts the poll. A terminal task is remembered
   * until its video expires (else for 24 h), and not asked about until then.
   *
   * While a task is polled, the ref of the first subscriber holds. When polling begins again, a later ref adds its
   * fields to those of before, and wins where both have one. `forget` drops them.
   *
   * Errors with a TrackingError. A failed or cancelled task is a value.
   * @throws TypeError or RangeError at call time for a ref that names no task, for unknown options, and on a closed
   * tracker (then `code` is `closed`).
   */
  track(ref: TaskRef, options?: TrackOptions): Observable<Task>;
  /**
   * Emits the transitions of many tasks, merged. A task that cannot be tracked any more arrives as a `lost` value, and
   * the others go on. Refs of the same task are tracked once, those in an array with the fields of all of them; one
   * that arrives after the end of its task emits the end again. Errors only if `refs` does.
   * @throws TypeError or RangeError at call time for a bad ref in an array (from another source it arrives as `lost`),
   * for refs that are no stream, for unknown options, and on a closed tracker.
   */
  trackAll(refs: ObservableInput<TaskRef>, options?: TrackOptions): Observable<TrackedTask>;
  /**
   * Emits the transitions of everything in the journal that is open or was not acknowledged, merged like `trackAll`.
   * First asks are spread over each task's polling window. A transition that was acknowledged does not come again; a
   * completed task that was not is asked about once more, and so comes with a fresh URL. Errors if the journal cannot
   * be read.
   * @throws TypeError at call time without a journal, for unknown options, and on a closed tracker.
   */
  resume(options?: TrackOptions): Observable<TrackedTask>;
  /**
   * Acknowledges this transition and those before it; of a lost task, that it is lost. Begins at once, without a
   * subscriber; completes when that is durable, errors where it cannot be: the journal fails, or the tracker is closed.
   * @throws TypeError at call time without a journal, and for what is no task.
   */
  ack(task: TrackedTask): Observable<never>;
  /**
   * Completes the streams of a task and drops all memory of it, the journal's too. Begins at once, without a
   * subscriber; completes when that is durable, errors where it cannot be. The floor still holds for a task that is
   * tracked again.
   * @throws TypeError or RangeError at call time for a ref that names no task.
   */
  forget(ref: TaskRef): Observable<never>;
  /**
   * Returns how many tasks are in which state, and for each provider what waits at the gate, what is in flight and the
   * rate in effect: those of its key, which all trackers on that gate share.
   */
  stats(): TrackerStats;
  /** Completes every stream, stops every poll and releases the journal. */
  close(): void;
}

/** How many tasks without subscribers are remembered, terminal ones and others. */
const MAX_REMEMBERED = 10_000;

/**
 * Tracks many tasks of one or several providers: each becomes an Observable of its transitions.
 *
 * Its tasks share timers, so functions that it is given (`apiKey`, `onMiss`, a transport) run in the async context (and
 * zone) of any subscriber: what they need must not come from `AsyncLocalStorage`.
 *
 * @throws TypeError or RangeError at call time for options that are missing, unknown or not usable, with what to write
 * instead.
 *
 * @example
 * const tracker = createTracker({ provider: [alad({ apiKey }), mingyan({ apiKey: other })] });
 * tracker.track({ id: 'asyntask_x', provider: 'alad' }).subscribe(console.log);
 */
export function createTracker(options: TrackerOptions): Tracker {
  checkOptions('createTracker', 'createTracker({ provider })', options, [
    ...QUERY_OPTIONS,
    ...OPTIONS,
    ...PLAN_OPTIONS,
    ...POLL_OPTIONS,
  ]);
  const resolve = refResolver(options.provider);
  const gate = gateOf(options);
  const ask = createAsk(options, gate);
  const activity = options.active && new Activity();
  const plans = taskPlans(providersOf(options.provider), options);
  /** By id: tasks with subscribers, and those that are remembered. */
  const polls = new Map([...plans.keys()].map((provider) => [provider, new Map<string, SharedPoll>()]));
  // Those without subscribers, oldest first.
  const terminals = new Set<SharedPoll>();
  const idle = new Set<SharedPoll>();
  const remedy = 'fileJournal(path), or createJournal(store)';
  check('journal', options.journal, !options.journal || typeof options.journal.open === 'function', remedy);
  const active = toStream('active', options.active ?? EMPTY);
  const journal = options.journal?.open();
  const closed = new AsyncSubject<void>();
  let isClosed = false;
  /** What ended `active`. */
  let failure: { readonly error: unknown } | undefined;

  const allPolls = () => [...polls.values()].flatMap((ids) => [...ids.values()]);

  const pollsOf = ({ provider }: ResolvedRef) => polls.get(provider) as Map<string, SharedPoll>;

  const remember = (poll: SharedPoll, among: Set<SharedPoll>) => {
    among.add(poll);
    for (const oldest of among) {
      if (among.size <= MAX_REMEMBERED) break;
      among.delete(oldest);
      pollsOf(oldest.ref).delete(oldest.ref.id);
    }
  };

  const host: SharedPollHost = {
    activity,
    ask(ref, context) {
      const query = ask(ref, context);
      return journal?.record({ ...toPlainRef(ref), retention: ref.provider.retention }, query) ?? query;
    },
    isAnswered: (ref) => journal?.isAnswered(keyOf(ref)) ?? false,
    onDelivered: (ref, seq) => journal?.delivered(keyOf(ref), seq),
    onTerminal: (poll) => {
      remember(poll, terminals);
    },
    onIdle: (poll) => {
      if (!isClosed) remember(poll, idle);
    },
  };

  const pollOf = (ref: ResolvedRef): SharedPoll => {
    const ids = pollsOf(ref);
    let poll = ids.get(ref.id);
    if (!poll) ids.set(ref.id, (poll = new SharedPoll(ref, plans.get(ref.provider) as TaskPlan, host)));
    return poll;
  };

  const subscribeTo = (ref: ResolvedRef, { ack }: TrackOptions = {}): Observable<Task> =>
    new Observable((subscriber) => {
      if (isClosed) {
        subscriber.complete();
        return;
      }
      if (failure) {
        subscriber.error(failure.error);
        return;
      }
      if (ack === 'manual') journal?.hold(keyOf(ref));
      const poll = pollOf(ref);
      const { terminal } = poll;
      if (terminal && asyncScheduler.now() < expiryOf(terminal)) {
        subscriber.next(terminal);
        subscriber.complete();
        return;
      }
      terminals.delete(poll);
      idle.delete(poll);
      if (terminal) poll.reset();
      poll.subscribe(subscriber, ref);
    });

  /** A loss is a value. */
  const trackOrLose = (ref: ResolvedRef, how?: TrackOptions): Observable<TrackedTask> =>
    subscribeTo(ref, how).pipe(
      catchError((error: unknown) => of(lostTask(toPlainRef(ref), error, asyncScheduler.now()))),
    );

  const theJournal = () => {
    if (journal) return journal;
    throw new TypeError('journal: there is none; write createTracker({ journal })');
  };

  const refuseIfClosed = () => {
    const message = 'the tracker is closed; make another one with createTracker';
    if (isClosed) throw Object.assign(new TypeError(message), { code: 'closed' });
  };

  const activeSubscription = active.subscribe({
    next: (isActive) => activity?.set(isActive),
    error(error: unknown) {
      failure = { error };
      for (const poll of allPolls()) poll.end(error);
    },
  });

  return {
    query: (ref) => ask(resolve(ref)),

    track(ref, how) {
      refuseIfClosed();
      checkTrackOptions(how);
      return subscribeTo(resolve(ref), how);
    },

    trackAll(refs, how) {
      refuseIfClosed();
      checkTrackOptions(how);
      return trackMany(refs, { resolve, keyOf, track: (ref) => trackOrLose(ref, how), closed });
    },

    resume(how) {
      refuseIfClosed();
      checkTrackOptions(how);
      const begin = (ref: TaskRef): Resumed => {
        let one: ResolvedRef;
        try {
          one = resolve(ref);
        } catch (error) {
          // Its provider is none of this tracker's any more.
          return { stream: of(lostRef(ref, error)), wait: 0 };
        }
        const plan = plans.get(one.provider) as TaskPlan;
        const wait = waitAfter(windowIn(plan, one.hint ?? one.model), 'uniform', plan.random);
        return { stream: trackOrLose(one, how), wait };
      };
      return theJournal().resume(begin, how?.ack === 'manual');
    },

    ack(task) {
      const own = theJournal();
      check('task', task, typeof task?.id === 'string', 'a task as it was emitted');
      return own.ack(task);
    },

    forget(ref) {
      const resolved = resolve(ref);
      // First: the task may be tracked again when its streams complete.
      const forgotten = journal?.forget(toPlainRef(resolved)) ?? EMPTY;
      const { id, providerName, provider } = resolved;
      const poll = pollsOf(resolved).get(id);
      if (poll) {
        terminals.delete(poll);
        remember(poll, idle);
        poll.reset({ id, providerName, provider });
      }
      return forgotten;
    },

    stats() {
      const providers = [...polls].map(([{ name, origin, apiKey }, ids]): [string, ProviderStats] => {
        const tasks = { unanswered: 0, queued: 0, processing: 0, unknown: 0, completed: 0, failed: 0, cancelled: 0 };
        for (const { status } of ids.values()) if (status) tasks[status]++;
        const requests = gate().stats?.({ origin, key: apiKey() }) ?? { waiting: 0, inFlight: 0 };
        return [name, { tasks, ...requests }];
      });
      return { active: activity?.isActive ?? true, providers: Object.fromEntries(providers) };
    },

    close() {
      isClosed = true;
      activeSubscription.unsubscribe();
      closed.next();
      closed.complete();
      const all = allPolls();
      for (const ids of polls.values()) ids.clear();
      terminals.clear();
      idle.clear();
      for (const poll of all) poll.reset();
      journal?.close();
    },
  };
}

// Joined with the others at each call: a spread at the top level stays in every bundle.
const OPTIONS = ['journal', 'active'] as const satisfies readonly (keyof TrackerOptions)[];

/** Until when a terminal task is remembered: afterwards its URL is of no use. Epoch ms. */
function expiryOf(task: Task): number {
  return (task.status === 'completed' ? task.video.expiresAt : undefined) ?? task.observedAt + DAY;
}

function keyOf({ providerName, id }: ResolvedRef): string {
  return taskKey({ provider: providerName, id });
}
