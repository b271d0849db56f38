import {
  catchError,
  connect,
  defer,
  EMPTY,
  filter,
  finalize,
  lastValueFrom,
  merge,
  mergeMap,
  Observable,
  throttleTime,
  type ObservableInput,
  type OperatorFunction,
} from 'rxjs';
import type { TrackedTask } from '../../tracked-task.js';
import { taskKey, type CompletedTask, type Task } from '../../task.js';
import { download, type Downloaded, type DownloadPlan } from './download.js';
import { fileSink } from './file-sink.js';
import { SaveError } from './save-error.js';
import type { VideoSink } from './video-sink.js';

/** Where to save videos, and how. */
export interface SaveVideoOptions {
  /** A directory that exists. Names are made of provider and id. Or a `sink`. */
  readonly directory?: string;
  /** A place of your own, such as an object store, instead of a directory. */
  readonly sink?: VideoSink;
  /** Asked once for a fresh URL when the one at hand has expired: `tracker.query`. @default none: expired is expired */
  readonly query?: (task: CompletedTask) => ObservableInput<Task>;
  /** Videos that are fetched at once; the others wait. @default 4 */
  readonly concurrency?: number;
  /** The largest video, in bytes. @default 4 GiB */
  readonly maxBytes?: number;
  /** For the next byte to come, in ms. @default 30_000 */
  readonly timeout?: number;
  /** Further attempts, and the back-off before the n-th of them: `random * min(maxDelay, delay * 2 ** n)` ms. @default 8, 1_000, 60_000 */
  readonly retry?: { readonly count?: number; readonly delay?: number; readonly maxDelay?: number };
  /** The shortest time between two reports of one video, in ms. @default 500 */
  readonly progressInterval?: number;
  /**
   * Hosts (`name` or `name:port`) that may be on this machine or a private network. All others must have public
   * addresses: else whoever makes up a URL could have this process fetch from inside. @default none
   */
  readonly allowHosts?: readonly string[];
  /** @default 'rx-video-tasks' */
  readonly userAgent?: string;
}

interface Save {
  readonly id: string;
  readonly provider: string;
  readonly task: CompletedTask;
}

/** A video is on its way. */
export interface SavingVideo extends Save {
  readonly status: 'saving';
  /** How many are here. */
  readonly bytes: number;
  /** How many there will be, where that is known. */
  readonly total?: number;
}

/** A video is saved, whole. */
export interface SavedVideo extends Save, Downloaded {
  readonly status: 'saved';
}

/** A video could not be saved. Others are not affected. */
export interface SaveFailure extends Save {
  readonly status: 'save-failed';
  readonly error: SaveError;
}

export type SaveProgress = SavingVideo | SavedVideo | SaveFailure;

/**
 * Passes every task on, and saves the video of each completed one: emits `saving` at times, then `saved` or
 * `save-failed`. Completes when the source has and every video is saved or failed.
 *
 * ```text
 * source:   q---s|
 *           saveVideo({ directory })
 * result:   q---s-b--b--(v|)         b: saving, v: saved
 * ```
 *
 * A download that was cut goes on where it was, also after a restart, if the server can tell that the bytes belong
 * together. A file has its name only when it is a whole MP4. What has its name already is not fetched again.
 * A task that comes again while its video is being saved, from a second stream, is saved once. Unsubscribing stops all
 * downloads and keeps what is there.
 *
 * With a journal, acknowledge by hand, or a crash in the middle of a download loses it:
 *
 * @throws TypeError or RangeError at call time for options that cannot be meant.
 *
 * @example
 * merge(tracker.resume({ ack: 'manual' }), tracker.trackAll(refs, { ack: 'manual' }))
 *   .pipe(saveVideo({ directory: './videos', query: tracker.query }))
 *   .subscribe((event) => event.status === 'saved' && tracker.ack(event.task));
 */
export function saveVideo<T extends TrackedTask>(options: SaveVideoOptions): OperatorFunction<T, T | SaveProgress> {
  const { concurrency, progressInterval, ...plan } = checkOptions(options);
  const saves = (task: CompletedTask): Observable<SaveProgress> =>
    reports(task, plan).pipe(
      // Everything but `saving` passes at once.
      connect((all) =>
        merge(
          all.pipe(
            filter(({ status }) => status === 'saving'),
            throttleTime(progressInterval),
          ),
          all.pipe(filter(({ status }) => status !== 'saving')),
        ),
      ),
    );
  return (source) =>
    defer(() => {
      /** What is being saved, or waits for it. */
      const open = new Set<string>();
      const isDue = (task: TrackedTask): task is CompletedTask => {
        if (task.status !== 'completed' || open.has(taskKey(task))) return false;
        open.add(taskKey(task));
        return true;
      };
      return source.pipe(
        connect((tasks) =>
          merge(
            tasks,
            tasks.pipe(
              filter(isDue),
              mergeMap((task) => saves(task).pipe(finalize(() => open.delete(taskKey(task)))), concurrency),
            ),
          ),
        ),
      );
    });
}

function reports(task: CompletedTask, plan: Omit<DownloadPlan, 'signal' | 'onProgress'>): Observable<SaveProgress> {
  const { id, provider } = task;
  return new Observable((subscriber) => {
    const abort = new AbortController();
    const onProgress = (bytes: number, total: number | undefined) => {
      subscriber.next({ status: 'saving', id, provider, bytes, ...(total === undefined ? {} : { total }), task });
    };
    download(task, { ...plan, signal: abort.signal, onProgress })
      .then(
        (saved) => {
          subscriber.next({ status: 'saved', id, provider, ...saved, task });
        },
        (cause: unknown) => {
          const error = cause instanceof SaveError ? cause : new SaveError('network', String(cause), { cause });
          subscriber.next({ status: 'save-failed', id, provider, error, task });
        },
      )
      .finally(() => {
        subscriber.complete();
      });
    return () => {
      abort.abort();
    };
  });
}

function checkOptions(options: SaveVideoOptions) {
  const { directory, sink, query, concurrency = 4, maxBytes = 4 * 1024 ** 3, timeout = 30_000 } = options;
  const { progressInterval = 500, allowHosts = [], userAgent = 'rx-video-tasks', retry = {} } = options;
  const { count = 8, delay = 1_000, maxDelay = 60_000 } = retry;
  if ((typeof directory === 'string' && directory !== '') === (sink !== undefined)) {
    throw new TypeError('saveVideo: write { directory: "./videos" }, or { sink }, one of the two');
  }
  const numbers = { concurrency, maxBytes, timeout, progressInterval, 'retry.count': count };
  for (const [name, value] of Object.entries({ ...numbers, 'retry.delay': delay, 'retry.maxDelay': maxDelay })) {
    const least = /^(concurrency|maxBytes|timeout)$/.test(name) ? 1 : 0;
    if (typeof value === 'number' && value >= least && (value < 2 ** 31 || name === 'maxBytes')) continue;
    throw new RangeError(`${name}: ${String(value)} is not usable; write a number of at least ${least}`);
  }
  if (!Array.isArray(allowHosts) || allowHosts.some((host) => typeof host !== 'string' || host.includes('/'))) {
    throw new TypeError('allowHosts: write host names, for example ["127.0.0.1:8080"]');
  }
  const refresh = async (task: CompletedTask): Promise<string | undefined> => {
    if (!query) return undefined;
    const answer = await lastValueFrom(defer(() => query(task)).pipe(catchError(() => EMPTY)), {
      defaultValue: undefined,
    });
    return answer?.status === 'completed' ? answer.video.url : undefined;
  };
  const place = sink ?? fileSink(directory as string);
  return {
    concurrency,
    progressInterval,
    sink: place,
    refresh,
    allowHosts,
    maxBytes,
    timeout,
    userAgent,
    retry: { count, delay, maxDelay },
  };
}
