import {
  asyncScheduler,
  catchError,
  distinct,
  from,
  map,
  mergeMap,
  Observable,
  of,
  Subscription,
  type ObservableInput,
  type Subscriber,
} from 'rxjs';
import { isTrackingError, TrackingError } from '../errors.js';
import type { LostTask, TrackedTask } from '../tracked-task.js';
import { isTerminal, type Task } from '../task.js';
import { line, type LineOptions } from './relay-connection.js';
import { readTold } from './parse-event.js';

export type RelayHeaders = Readonly<Record<string, string>>;

export interface RelayTrackerOptions {
  /** Where the relay is, such as `/tasks`. */
  readonly url: string;
  /** Sent with each request; a function is asked before each, so that a token may be renewed. @default none */
  readonly headers?: RelayHeaders | (() => RelayHeaders | PromiseLike<RelayHeaders>);
  /** Whether cookies go along, as `fetch` has it. @default 'same-origin' */
  readonly credentials?: RequestCredentials;
  /** How long a page may be hidden before its stream is put down, in ms; when it is shown it catches up. @default 60_000 */
  readonly hiddenAfter?: number;
  /** How long a stream may say nothing before it is taken for dead, in ms: three of the relay's heartbeats. @default 45_000 */
  readonly silence?: number;
  /** Another `fetch`. @default globalThis.fetch, looked up at each request */
  readonly fetch?: typeof globalThis.fetch;
  /** 0..1: what spreads those who come back. @default Math.random */
  readonly random?: () => number;
}

/** A public id, as the relay's `authorize` knows it. What else a tracker's ref may have is passed over. */
export type RelayRef = string | { readonly id: string; readonly provider?: string };

/** What a tracker does, fed by a relay. */
export interface RelayTracker {
  /**
   * The transitions of one task, up to its terminal one; then completes. A late subscriber gets the last one first; when
   * the last one leaves, the stream is closed. Errors with a TrackingError: the relay's, or `query` where it refuses.
   * @throws TypeError at call time for a ref that names no task.
   */
  track(ref: RelayRef): Observable<Task>;
  /**
   * The transitions of many tasks, merged, over one stream for each 200 of them. A task that is lost arrives as a `lost`
   * value, and the others go on. Errors only if `refs` does.
   * @throws TypeError at call time for a bad ref in an array; from another source it arrives as `lost`.
   */
  trackAll(refs: ObservableInput<RelayRef>): Observable<TrackedTask>;
  /** Completes every stream and closes every connection. */
  close(): void;
}

/** One task that is followed here. */
interface Followed {
  readonly followers: Set<Subscriber<Task>>;
  last?: Task;
}

/** The tasks of one connection. */
interface Line {
  readonly ids: Set<string>;
  connection: Subscription;
}

/** As many as a relay takes by default. */
const MOST_IDS = 200;
/** Servers take URLs of 8 kB and more. */
const LONGEST_QUERY = 6000;

/**
 * A tracker in the browser, fed by a relay (`rx-video-tasks/relay`) that keeps the provider's key on the server: the same
 * `track` and `trackAll`, with public ids for refs.
 *
 * A cut connection is taken up again where it was; nobody is told of it. A completed task whose URL the relay does not
 * give away has an empty `video.url`; `rawStatus` is the status.
 *
 * @throws TypeError or RangeError at call time for options that cannot be meant, saying what to write instead.
 *
 * @example
 * const tracker = relayTracker({ url: '/tasks' });
 * tracker.track('clip-1').subscribe(({ status, progress }) => console.log(status, progress));
 */
export function relayTracker(options: RelayTrackerOptions): RelayTracker {
  const lineOptions = checkOptions(options);
  const followed = new Map<string, Followed>();
  const lines: Line[] = [];
  let arranging: Subscription | undefined;
  let isClosed = false;

  const end = (id: string, tell: (follower: Subscriber<Task>) => void) => {
    const followers = followed.get(id)?.followers ?? [];
    followed.delete(id);
    for (const follower of [...followers]) tell(follower);
  };

  const hear = (at: Line, data: string) => {
    const told = readTold(data);
    const one = told && followed.get(told.id);
    if (!told || !one || !at.ids.has(told.id)) return;
    const { id, outcome } = told;
    if (isTrackingError(outcome)) {
      at.ids.delete(id);
      end(id, (follower) => {
        follower.error(outcome);
      });
      return;
    }
    if (!isNews(outcome, one.last)) return;
    one.last = outcome;
    for (const follower of [...one.followers]) follower.next(outcome);
    if (!isTerminal<Task>(outcome)) return;
    at.ids.delete(id);
    end(id, (follower) => {
      follower.complete();
    });
  };

  const connect = (at: Line) => {
    at.connection.unsubscribe();
    const url = lineOptions.url + (lineOptions.url.includes('?') ? '&' : '?') + queryOf(at.ids);
    at.connection = line({ ...lineOptions, url }).subscribe({
      next: ({ data }) => {
        if (data !== undefined) hear(at, data);
        if (at.ids.size === 0) arrange();
      },
      error: (error: unknown) => {
        lines.splice(lines.indexOf(at), 1);
        for (const id of at.ids) {
          const lost = lossOf(id, error as Error);
          end(id, (follower) => {
            follower.error(lost);
          });
        }
      },
    });
  };

  /** Who came and who left since the last time: new ones go to a line with room, and a line whose tasks changed connects anew. */
  const rearrange = () => {
    arranging = undefined;
    const changed = new Set<Line>();
    for (const one of lines) {
      for (const id of one.ids) if (!followed.has(id) && one.ids.delete(id)) changed.add(one);
    }
    const carried = new Set(lines.flatMap(({ ids }) => [...ids]));
    for (const id of followed.keys()) {
      if (carried.has(id)) continue;
      let free = lines.find(({ ids }) => ids.size < MOST_IDS && queryOf([...ids, id]).length <= LONGEST_QUERY);
      if (!free) lines.push((free = { ids: new Set(), connection: new Subscription() }));
      free.ids.add(id);
      changed.add(free);
    }
    for (const one of [...lines]) {
      if (one.ids.size > 0) {
        if (changed.has(one)) connect(one);
        continue;
      }
      one.connection.unsubscribe();
      lines.splice(lines.indexOf(one), 1);
    }
  };
  // In one go for all that come and go in the same turn.
  const arrange = () => {
    arranging ??= asyncScheduler.schedule(rearrange);
  };

  const follow = (id: string): Observable<Task> =>
    new Observable((subscriber) => {
      if (isClosed) {
        subscriber.complete();
        return;
      }
      let one = followed.get(id);
      if (!one) followed.set(id, (one = { followers: new Set() }));
      const { followers, last } = one;
      followers.add(subscriber);
      if (last) subscriber.next(last);
      arrange();
      subscriber.add(() => {
        followers.delete(subscriber);
        if (followers.size > 0 || followed.get(id)?.followers !== followers) return;
        followed.delete(id);
        arrange();
      });
    });

  const refuseIfClosed = () => {
    if (isClosed) throw new TypeError('the tracker is closed; make another one with relayTracker');
  };

  return {
    track(ref) {
      refuseIfClosed();
      return follow(idOf(ref));
    },

    trackAll(refs) {
      refuseIfClosed();
      if (typeof refs === 'string')
        throw new TypeError('refs: a string is one ref; write track(ref), or trackAll([ref])');
      const ids: ObservableInput<string | LostTask> = Array.isArray(refs)
        ? (refs as RelayRef[]).map(idOf)
        : from(refs).pipe(map(idOrLoss));
      return from(ids).pipe(
        distinct(),
        mergeMap((id) =>
          typeof id === 'string'
            ? follow(id).pipe(catchError((error: unknown) => of(lostTask(error as TrackingError))))
            : of(id),
        ),
      );
    },

    close() {
      isClosed = true;
      arranging?.unsubscribe();
      for (const { connection } of lines.splice(0)) connection.unsubscribe();
      for (const id of [...followed.keys()]) {
        end(id, (follower) => {
          follower.complete();
        });
      }
    },
  };
}

/** A relay tells where a task stands when it cannot tell what was missed: often that is known. */
function isNews(task: Task, last: Task | undefined): boolean {
  if (!last || isTerminal(task) || task.status !== last.status || task.progress !== last.progress) return true;
  return task.status === 'unknown' && task.seq !== last.seq;
}

function queryOf(ids: Iterable<string>): string {
  return [...ids].map((id) => `id=${encodeURIComponent(id)}`).join('&');
}

function lossOf(id: string, cause: Error): TrackingError {
  const message = `task ${id}: tracking ended [query]: ${cause.message}`;
  return new TrackingError('query', message, { id, provider: 'relay', misses: 0, cause });
}

function lostTask(error: TrackingError): LostTask {
  const { id, provider } = error;
  return { status: 'lost', id, provider, observedAt: asyncScheduler.now(), error };
}

function idOf(ref: RelayRef): string {
  const { id } = typeof ref === 'string' ? { id: ref } : (ref ?? { id: undefined });
  if (typeof id === 'string' && /^(?=.*\S)[^\p{Cc}\p{Surrogate}]{1,128}$/u.test(id)) return id;
  throw new TypeError(
    `id: ${JSON.stringify(id) ?? String(id)} is none; write the id that your relay knows, 128 characters at most`,
  );
}

/** For refs that arrive one by one: a bad one must not end the others. */
function idOrLoss(ref: RelayRef): string | LostTask {
  try {
    return idOf(ref);
  } catch (error) {
    return lostTask(lossOf(String((ref as { id?: unknown } | null)?.id ?? ref).slice(0, 128), error as Error));
  }
}

function checkOptions(options: RelayTrackerOptions): LineOptions {
  const { url, headers = {}, credentials = 'same-origin', fetch, random = Math.random } = options;
  const { hiddenAfter = 60_000, silence = 45_000 } = options;
  const page = (globalThis.document as Document | undefined)?.baseURI;
  if (typeof url !== 'string' || !URL.canParse(url, page) || !/^https?:$/.test(new URL(url, page).protocol)) {
    const remedy =
      page === undefined ? "the whole URL, such as 'https://app.example.com/tasks'" : "for example '/tasks'";
    throw new TypeError(`url: ${String(url)} is no place of a relay; write ${remedy}`);
  }
  for (const [name, ms] of Object.entries({ hiddenAfter, silence })) {
    if (!(ms > 0 && ms < 2 ** 31)) throw new RangeError(`${name}: ${String(ms)} is no duration; write ms above 0`);
  }
  const headersNow = typeof headers === 'function' ? headers : () => headers;
  return { url, headers: headersNow, credentials, fetch, hiddenAfter, silence, random };
}
