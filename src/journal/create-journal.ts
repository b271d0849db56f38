import {
  AsyncSubject,
  asyncScheduler,
  catchError,
  concat,
  concatMap,
  defer,
  EMPTY,
  from,
  ignoreElements,
  map,
  mergeMap,
  of,
  skipWhile,
  takeUntil,
  throwError,
  timer,
  type Observable,
  type ObservableInput,
} from 'rxjs';
import { isQueryError, TrackingError } from '../errors.js';
import type { TrackedTask } from '../tracked-task.js';
import { brief } from '../redact.js';
import { copyTask, isTerminal, newsOf, taskKey, type RunningStatus, type RunningTask, type Task } from '../task.js';
import type {
  Journal,
  JournalEntry,
  JournalRef,
  JournalSession,
  JournalStore,
  JournalTransition,
  KnownTask,
  Resumed,
} from './journal.js';

const DAY = 86_400_000;

/** First asks of resumed tasks that are due within so many ms go together. */
const GRAIN = 20;

/** What lies before is the time of a virtual clock, and no ref takes it. Epoch ms. */
const EARLIEST = 1e12;

/**
 * A journal over a store of your own, such as a table of your database.
 *
 * @example
 * const journal = createJournal({
 *   load: () => db.query('select entry from tasks').then((rows) => rows.map(({ entry }) => entry)),
 *   save: (entry) => db.query('insert into tasks ... on conflict (provider, id) do update ...', [entry]),
 *   remove: ({ provider, id }) => db.query('delete from tasks where provider = $1 and id = $2', [provider, id]),
 *   close: () => [],
 * });
 */
export function createJournal(store: JournalStore): Journal {
  for (const method of ['load', 'save', 'remove', 'close'] as const) {
    if (typeof store?.[method] !== 'function') {
      throw new TypeError(`journal: the store has no ${method}(); write { load, save, remove, close }`);
    }
  }
  return { open: () => session(store) };
}

function session(store: JournalStore): JournalSession {
  const entries = new Map<string, JournalEntry>();
  const held = new Set<string>();
  /** The last write of each task that has one under way. */
  const writes = new Map<string, Observable<never>>();
  /** What is settled and acknowledged, oldest first, and since when: kept for as long as a service could still be asked. */
  const done = new Map<string, number>();
  let loading: Observable<never> | undefined;
  const closing = new AsyncSubject<void>();
  let isClosed = false;

  /** Runs at once, and only once, whoever listens. */
  const run = (work: Observable<unknown>): Observable<never> => {
    const outcome = new AsyncSubject<never>();
    work.pipe(ignoreElements()).subscribe(outcome);
    return outcome;
  };

  const loaded = (): Observable<never> =>
    (loading ??= run(
      defer(() => store.load()).pipe(
        map((all) => {
          for (const entry of all) remember(entry);
          sweep();
        }),
      ),
    ));

  const remember = (entry: JournalEntry) => {
    const key = taskKey(entry);
    entries.set(key, entry);
    if (isOpen(entry)) return;
    done.delete(key);
    done.set(key, entry.last?.at ?? entry.trackedAt);
  };

  /** Drops what no service knows any more. */
  const sweep = () => {
    const now = asyncScheduler.now();
    for (const [key, at] of done) {
      if (now - at < DAY) break;
      void write(key, () => drop(key));
    }
  };

  const drop = (key: string) => {
    const entry = entries.get(key);
    entries.delete(key);
    done.delete(key);
    return entry ? store.remove({ provider: entry.provider, id: entry.id }) : EMPTY;
  };

  /** Writes of one task go one after the other, in the order in which they were asked for. */
  const write = (key: string, work: () => ObservableInput<unknown>): Observable<never> => {
    if (isClosed) return EMPTY;
    const before = writes.get(key)?.pipe(catchError(() => EMPTY)) ?? EMPTY;
    const outcome = new AsyncSubject<never>();
    writes.set(key, outcome);
    const end = () => {
      if (writes.get(key) === outcome) writes.delete(key);
    };
    outcome.subscribe({ error: end, complete: end });
    concat(before, defer(work)).pipe(ignoreElements()).subscribe(outcome);
    return outcome;
  };

  /** Saves what `change` makes of an entry; nothing if it makes nothing of it. */
  const update = (key: string, change: (entry: JournalEntry) => JournalEntry | undefined): Observable<never> =>
    write(key, () => {
      const before = entries.get(key);
      const after = before && change(before);
      return after ? save(after) : EMPTY;
    });

  const save = (entry: JournalEntry) =>
    concat(
      defer(() => store.save(entry)).pipe(ignoreElements()),
      defer(() => {
        remember(entry);
        return EMPTY;
      }),
    );

  const begin = (ref: JournalRef): Observable<never> => {
    const key = taskKey(ref);
    // What is being written may be that it is forgotten.
    if (entries.has(key) && !writes.has(key)) return EMPTY;
    return write(key, () => {
      if (entries.has(key)) return EMPTY;
      const { provider, id, model, hint, createdAt } = ref;
      return save({
        provider,
        id,
        ...defined({ model, hint, createdAt }),
        trackedAt: asyncScheduler.now(),
        seq: 0,
        acked: 0,
      });
    });
  };

  /** An answer as the next transition, or as a repetition of the last one. */
  const note = (key: string, task: Task): Observable<Task> => {
    const transition = transitionOf(task);
    const numbered = defer(() => {
      const seq = entries.get(key)?.seq;
      return of(seq === undefined ? task : copyTask(task, { seq }));
    });
    const saved = update(key, (entry) => {
      if (entry.last && newsOf(entry.last) === newsOf(transition)) return undefined;
      const learned = defined({ model: task.model ?? entry.model, createdAt: entry.createdAt ?? task.createdAt });
      return { ...entry, ...learned, seq: entry.seq + 1, last: transition };
    });
    // What cannot be saved keeps the number of the one before: no later transition is taken for one that was heard.
    return concat(isTerminal(task) ? saved : saved.pipe(catchError(() => EMPTY)), numbered);
  };

  const settle = (key: string, change: (entry: JournalEntry) => Partial<JournalEntry>): Observable<never> =>
    update(key, (entry) => {
      const after = { ...entry, ...change(entry) };
      return after.acked > entry.acked || after.seq > entry.seq ? after : undefined;
    });

  const delivered = (key: string, heard: number) => {
    if (held.has(key)) return;
    // More may have been saved than anybody heard. Of a loss there is no number.
    void settle(key, ({ seq, last }) => ({ acked: last?.status === 'lost' ? seq : Math.min(heard, seq) }));
    sweep();
  };

  /** Already under way; errors where it can never be durable. */
  const kept = (work: () => Observable<never>): Observable<never> =>
    run(isClosed ? throwError(() => new Error('the journal is closed')) : concat(loaded(), defer(work)));

  const lost = (entry: JournalEntry): JournalEntry =>
    entry.last?.status === 'lost'
      ? entry
      : { ...entry, seq: entry.seq + 1, last: { status: 'lost', at: asyncScheduler.now() } };

  return {
    record(ref, query) {
      const key = taskKey(ref);
      const unkept = <T>(work: Observable<T>): Observable<T> =>
        work.pipe(catchError((error: unknown) => throwError(() => unkeptError(ref, error))));
      const answers = query.pipe(
        concatMap((task) => unkept(note(key, task))),
        catchError((error: unknown) => {
          const isGone = isQueryError(error) && error.kind === 'expired';
          const told = isGone ? settle(key, lost).pipe(catchError(() => EMPTY)) : EMPTY;
          return concat(
            told,
            throwError(() => error as Error),
          );
        }),
      );
      return concat(
        unkept(
          concat(
            defer(loaded),
            defer(() => begin(ref)),
          ),
        ),
        answers,
      );
    },

    resume: (begin, isManual) =>
      concat(
        defer(loaded),
        defer(() => {
          const open = [...entries.values()].filter(isOpen);
          return spread(open.map((entry) => ({ entry, ...begin(known(entry)) }))).pipe(
            mergeMap(({ entry: { provider, id }, stream }) => {
              const key = taskKey({ provider, id });
              // It waited for its turn, and may have been forgotten or gone on since.
              const entry = entries.get(key);
              if (!entry) return EMPTY;
              if (isManual) held.add(key);
              const told = untold(entry);
              const heard = told ? entry.seq : entry.acked;
              const fresh = stream.pipe(skipWhile(({ status, seq = 0 }) => status !== 'lost' && seq <= heard));
              if (!told) return fresh;
              const delivery = defer(() => {
                delivered(key, heard);
                return EMPTY;
              });
              return concat(of(told), delivery, fresh);
            }),
          );
        }),
      ).pipe(takeUntil(closing)),

    hold(key) {
      held.add(key);
    },

    delivered,

    ack(task: TrackedTask) {
      const key = taskKey(task);
      if (isTerminal(task)) held.delete(key);
      return kept(() => {
        const acked = settle(key, (entry) => {
          if (task.status !== 'lost') return { acked: Math.max(entry.acked, Math.min(task.seq ?? 0, entry.seq)) };
          const told = lost(entry);
          return { ...told, acked: told.seq };
        });
        sweep();
        return acked;
      });
    },

    forget(task) {
      const key = taskKey(task);
      held.delete(key);
      return kept(() => write(key, () => drop(key)));
    },

    close() {
      if (isClosed) return;
      isClosed = true;
      closing.next();
      closing.complete();
      const begun = [loading ?? EMPTY, ...writes.values()].map((work) => work.pipe(catchError(() => EMPTY)));
      const end = concat(
        ...begun,
        defer(() => store.close()),
      );
      if (loading) void run(end);
    },
  };
}

/** Emits each when its time has come: one after the other, over about the wait that is usual for them. */
function spread<T extends Resumed>(all: readonly T[]): Observable<T> {
  const groups = new Map<number, T[]>();
  let due = 0;
  for (const one of all) {
    const at = due - (due % GRAIN);
    const group = groups.get(at);
    if (group) group.push(one);
    else groups.set(at, [one]);
    due += one.wait / all.length;
  }
  let now = 0;
  return from(groups).pipe(
    concatMap(([at, group]) => {
      const gap = at - now;
      now = at;
      return gap === 0 ? group : timer(gap).pipe(mergeMap(() => group));
    }),
  );
}

/** Whether it is to be brought back after a restart. */
function isOpen({ last, seq, acked }: JournalEntry): boolean {
  return seq > acked || !last || !(last.status === 'lost' || isTerminal(last));
}

function known({ provider, id, model, hint, createdAt, trackedAt }: JournalEntry): KnownTask {
  const since = [createdAt, trackedAt].find((ms) => ms !== undefined && ms > EARLIEST);
  return { provider, id, ...defined({ model, hint, createdAt: since }) };
}

/** The last transition of a running task, if it was not acknowledged. */
function untold({ provider, id, model, createdAt, seq, acked, last }: JournalEntry): RunningTask | undefined {
  if (!last || seq <= acked || last.status === 'lost' || isTerminal(last)) return undefined;
  const { status, rawStatus = status, progress, at } = last as JournalTransition & { status: RunningStatus };
  return { provider, id, status, rawStatus, ...defined({ model, progress, createdAt }), observedAt: at, seq };
}

function transitionOf(task: Task): JournalTransition {
  const { status, rawStatus, progress, observedAt } = task;
  const url = status === 'completed' ? bare(task.video.url) : undefined;
  return { status, rawStatus: brief(rawStatus), ...defined({ progress, url }), at: observedAt };
}

/** A URL without what makes it a credential. */
function bare(text: string): string {
  const { origin, pathname } = new URL(text);
  return origin + pathname;
}

function unkeptError({ provider, id }: JournalRef, cause: unknown): TrackingError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new TrackingError('journal', `the journal cannot keep it: ${brief(why)}`, { provider, id, misses: 0, cause });
}

/** The fields that have a value. */
function defined<T extends object>(fields: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [Name in keyof T]?: Exclude<T[Name], undefined>;
  };
}
