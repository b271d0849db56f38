import {
  AsyncSubject,
  asyncScheduler,
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  finalize,
  ignoreElements,
  map,
  merge,
  mergeMap,
  of,
  skipWhile,
  takeUntil,
  tap,
  throwError,
  type Observable,
  type ObservableInput,
} from 'rxjs';
import { DAY } from '../durations.js';
import { isQueryError } from '../errors.js';
import { messageOf } from '../redact.js';
import { copyTask, isTerminal, taskKey, type Task } from '../task.js';
import { isSettled, type TrackedTask } from '../tracked-task.js';
import { trackingError } from '../tracking-error.js';
import {
  isOpen,
  isOver,
  knownTask,
  newEntry,
  reopened,
  undelivered,
  withAck,
  withAnswer,
  withLoss,
  withRef,
} from './entry.js';
import {
  isJournalLost,
  type JournalEntry,
  type JournalRef,
  type JournalSession,
  type JournalStore,
} from './journal.js';
import { spread } from './spread.js';

/** ms between two searches for tasks to remove: each looks at all of them. */
const SWEEP_INTERVAL = DAY / 24;

/** Longer messages are cut. A path has up to 4,096 characters, and may be what the reader has to delete. */
const LONGEST_MESSAGE = 5_000;

/**
 * Opens a store for one tracker.
 *
 * @param previousClosed completes when an earlier session has closed the store; loading waits for it.
 * @param onClose is called with the same for this session.
 */
export function openSession(
  store: JournalStore,
  previousClosed: Observable<never>,
  onClose: (closed: Observable<never>) => void,
): JournalSession {
  const entries = new Map<string, JournalEntry>();
  /** Tasks that are acknowledged by `ack` only. */
  const manual = new Set<string>();
  /** Tasks whose tracking begins or goes on as soon as the entries are loaded. */
  const adding = new Set<string>();
  /** The last write of each task that has one in progress. */
  const writes = new Map<string, Observable<never>>();
  /** Calls of `ack` and `forget` in progress. */
  const calls = new Set<Observable<never>>();
  let sweptAt = -Infinity;
  const closing = new AsyncSubject<void>();
  /** Emits when nothing needs the entries any more that are still being loaded. */
  const abandoned = new AsyncSubject<void>();
  let loading: Observable<never> | undefined;
  let isStoreOpen = false;
  let isClosed = false;

  const load = (): Observable<never> =>
    (loading ??= runOnce(
      concat(
        previousClosed,
        defer(() => {
          isStoreOpen = true;
          return store.load();
        }).pipe(
          map((all) => {
            for (const entry of all) entries.set(taskKey(entry), entry);
            sweep();
          }),
          takeUntil(abandoned),
        ),
      ),
    ));

  /** Removes tasks whose records every service has deleted. */
  const sweep = () => {
    const now = asyncScheduler.now();
    // The absolute value, since a clock that was ahead may be put right.
    if (Math.abs(now - sweptAt) < SWEEP_INTERVAL) return;
    sweptAt = now;
    for (const [key, entry] of entries) {
      if (!isOver(entry, now) || manual.has(key) || adding.has(key)) continue;
      // A write in progress may open the task again.
      void write(key, () => (isOver(entries.get(key) ?? entry, now) ? remove(key) : EMPTY));
    }
  };

  const remove = (key: string) => {
    const entry = entries.get(key);
    entries.delete(key);
    return entry ? store.remove({ provider: entry.provider, id: entry.id }) : EMPTY;
  };

  /** Writes of one task run one after the other, in the order of the calls. */
  const write = (key: string, work: () => ObservableInput<unknown>): Observable<never> => {
    const before = writes.get(key)?.pipe(ignoreError()) ?? EMPTY;
    const outcome = new AsyncSubject<never>();
    writes.set(key, outcome);
    const end = () => {
      if (writes.get(key) === outcome) writes.delete(key);
    };
    outcome.subscribe({ error: end, complete: end });
    concat(before, defer(work)).pipe(ignoreElements()).subscribe(outcome);
    return outcome;
  };

  const save = (entry: JournalEntry) =>
    defer(() => store.save(entry)).pipe(
      ignoreElements(),
      tap({
        complete: () => {
          entries.set(taskKey(entry), entry);
        },
      }),
    );

  /** Saves what `change` makes of an entry, if it makes something of it. */
  const update = (key: string, change: (entry: JournalEntry) => JournalEntry | undefined): Observable<never> =>
    write(key, () => {
      const before = entries.get(key);
      const after = before && change(before);
      return after ? save(after) : EMPTY;
    });

  const add = (ref: JournalRef): Observable<never> => {
    const key = taskKey(ref);
    const added = () => {
      const entry = entries.get(key);
      const now = asyncScheduler.now();
      if (!entry) return newEntry(ref, now);
      const open = reopened(entry, now);
      return withRef(open ?? entry, ref) ?? open;
    };
    // The write in progress may be its removal.
    if (!writes.has(key) && !added()) return EMPTY;
    return write(key, () => {
      const entry = added();
      return entry ? save(entry) : EMPTY;
    });
  };

  /** Stores an answer as the next transition, unless it repeats the last one; emits it with its number. */
  const storeAnswer = (key: string, task: Task): Observable<Task> => {
    const stored = update(key, (entry) => withAnswer(entry, task));
    const numbered = defer(() => {
      const seq = entries.get(key)?.seq;
      return of(seq === undefined ? task : copyTask(task, { seq }));
    });
    // A running transition that cannot be stored is emitted with the number of the one before it, so that the number of
    // a later one is not used up.
    const isFatal = (error: unknown) => isTerminal(task) || isJournalLost(error);
    return concat(
      stored.pipe(catchError((error: unknown) => (isFatal(error) ? throwError(() => error as Error) : EMPTY))),
      numbered,
    );
  };

  const acknowledgeDelivered = (key: string, seq: number) => {
    if (isClosed || manual.has(key)) return;
    // More may have been stored than delivered. A loss is delivered without a number.
    void update(key, (entry) => withAck(entry, entry.last?.status === 'lost' ? entry.seq : seq));
    sweep();
  };

  /** Runs at once, after loading; `close` waits for it. Errors if it cannot become durable. */
  const durable = (work: () => Observable<never>): Observable<never> => {
    if (isClosed) return throwError(() => new Error('the journal is closed; make a new tracker'));
    const outcome = runOnce(concat(load(), defer(work)));
    const end = () => void calls.delete(outcome);
    calls.add(outcome);
    outcome.subscribe({ error: end, complete: end });
    return outcome;
  };

  return {
    record(ref, query) {
      const key = taskKey(ref);
      const added = concat(
        defer(() => {
          adding.add(key);
          return load();
        }),
        defer(() => add(ref)),
      ).pipe(finalize(() => adding.delete(key)));
      const answers = query.pipe(
        concatMap((task) => storeAnswer(key, task).pipe(withJournalError(ref))),
        catchError((error: unknown) => {
          const isGone = isQueryError(error) && error.kind === 'expired';
          const stored = isGone ? update(key, (entry) => withLoss(entry, asyncScheduler.now())) : EMPTY;
          return concat(
            stored.pipe(ignoreError()),
            throwError(() => error as Error),
          );
        }),
      );
      return concat(added.pipe(withJournalError(ref)), answers);
    },

    tasks: () =>
      concat(
        defer(load),
        defer(() => of([...entries.values()].filter(isOpen).map(knownTask))),
      ).pipe(takeUntil(closing)),

    resume: (track, isManual) =>
      concat(
        defer(load),
        defer(() => {
          const open = [...entries.values()].filter(isOpen).map(knownTask);
          const resumed = open.flatMap((task) => {
            const tracked = track(task);
            return tracked ? [{ task, ...tracked }] : [];
          });
          return spread(resumed).pipe(
            mergeMap(({ task, stream }) => {
              const key = taskKey(task);
              // While it waited for its turn, it may have been forgotten or have changed.
              const entry = entries.get(key);
              if (!entry) return EMPTY;
              if (isManual) manual.add(key);
              const missed = undelivered(entry);
              const lastDeliveredSeq = missed ? entry.seq : entry.acked;
              // One that could not be stored has the number of the one before it, and was not delivered.
              const wasDelivered = (task: TrackedTask) =>
                task.status !== 'lost' && (task.seq ?? 0) <= lastDeliveredSeq && !withAnswer(entry, task);
              const fresh = stream.pipe(skipWhile(wasDelivered));
              if (!missed) return fresh;
              const acknowledged = defer(() => {
                acknowledgeDelivered(key, lastDeliveredSeq);
                return EMPTY;
              });
              return concat(of(missed), acknowledged, fresh);
            }),
          );
        }),
      ).pipe(takeUntil(closing)),

    isAnswered: (key) => (entries.get(key)?.last?.status ?? 'lost') !== 'lost',

    hold(key) {
      manual.add(key);
    },

    delivered: acknowledgeDelivered,

    ack(task) {
      const key = taskKey(task);
      if (isSettled(task)) manual.delete(key);
      return durable(() => {
        const acked = update(key, (entry) => {
          if (task.status !== 'lost') return withAck(entry, task.seq ?? 0);
          const loss = withLoss(entry, asyncScheduler.now()) ?? entry;
          return withAck(loss, loss.seq);
        });
        sweep();
        return acked;
      });
    },

    forget(task) {
      const key = taskKey(task);
      manual.delete(key);
      return durable(() => write(key, () => remove(key)));
    },

    close() {
      if (isClosed) return;
      isClosed = true;
      closing.next();
      closing.complete();
      if (calls.size === 0) {
        abandoned.next();
        abandoned.complete();
      }
      const begun = [loading ?? EMPTY, ...calls, ...writes.values()].map((work) => work.pipe(ignoreError()));
      const closed = concat(merge(...begun), defer(() => (isStoreOpen ? store.close() : EMPTY)).pipe(ignoreError()));
      onClose(loading ? runOnce(closed) : previousClosed);
    },
  };
}

/** Subscribes to the work now, and once; any number of subscribers receive its end. */
function runOnce(work: Observable<unknown>): Observable<never> {
  const outcome = new AsyncSubject<never>();
  work.pipe(ignoreElements()).subscribe(outcome);
  return outcome;
}

function ignoreError<T>() {
  return catchError<T, Observable<never>>(() => EMPTY);
}

/** Turns an error of the store into a TrackingError of the task that it was to make durable. */
function withJournalError<T>({ provider, id }: JournalRef) {
  return catchError<T, Observable<never>>((cause: unknown) => {
    const message = messageOf(cause)
      .replace(/(\w:\/\/[^\s?#]*)[?#]\S+/g, '$1?…')
      .slice(0, LONGEST_MESSAGE);
    const detail = `the journal could not store it: ${message}`;
    return throwError(() => trackingError('journal', { provider, id, cause, detail }));
  });
}
