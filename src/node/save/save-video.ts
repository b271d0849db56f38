import {
  AsyncSubject,
  catchError,
  concat,
  concatMap,
  connect,
  defer,
  EMPTY,
  filter,
  finalize,
  ignoreElements,
  merge,
  mergeMap,
  Observable,
  of,
  throttleTime,
  type OperatorFunction,
} from 'rxjs';
import { publish } from '../../diagnostics.js';
import { brief, messageOf } from '../../redact.js';
import { isTerminal, taskKey, type CompletedTask } from '../../task.js';
import type { TrackedTask } from '../../tracked-task.js';
import type { Downloaded } from './attempt.js';
import { download, type DownloadOptions } from './download.js';
import { SaveError } from './save-error.js';
import { planOf, type SaveVideoOptions } from './save-options.js';
import { Semaphore } from './semaphore.js';

interface SaveEvent {
  /** The id of the task. */
  readonly id: string;
  /** The name of the provider. */
  readonly provider: string;
  /** The completed task. */
  readonly task: CompletedTask;
}

/** A video is being downloaded. */
export interface SavingVideo extends SaveEvent {
  /** Distinguishes the events, also from the statuses of tasks. */
  readonly status: 'saving';
  /** Bytes that are stored, of this attempt and those before it. */
  readonly bytes: number;
  /** Bytes of the whole video, where the server has announced them. */
  readonly total?: number;
}

/** A video is stored, complete and checked. */
export interface SavedVideo extends SaveEvent, Downloaded {
  /** Distinguishes the events, also from the statuses of tasks. */
  readonly status: 'saved';
}

/** A video could not be saved. Others are not affected. */
export interface SaveFailure extends SaveEvent {
  /** Distinguishes the events, also from the statuses of tasks. */
  readonly status: 'save-failed';
  /** Why it could not be saved. */
  readonly error: SaveError;
}

/** What `saveVideo` emits besides the tasks. */
export type SaveProgress = SavingVideo | SavedVideo | SaveFailure;

/**
 * Passes every task on, and saves the video of each completed one: emits `saving` at intervals, then `saved` or
 * `save-failed`. Completes when the source has and every video is saved or has failed. Errors only if the source does,
 * or at subscription with a SaveError if `directory` cannot be made or written to.
 *
 * ```text
 * source:   q---s|
 *           saveVideo({ directory })
 * result:   q---s-b--b--(v|)         b: saving, v: saved
 * ```
 *
 * A download that was cut is resumed, also after a restart, if the server can prove that the bytes belong together. A
 * file gets its name only once it is a complete MP4, and is not downloaded again. A task that arrives again while its
 * video is being saved, from a second stream, is saved once. Unsubscribing aborts all downloads and keeps their parts.
 *
 * With a journal, pass `ack`, and track with `{ ack: 'manual' }`: else a completed task counts as delivered before its
 * video is saved, and a crash in between loses it.
 *
 * @throws TypeError or RangeError at call time for an unknown option or an invalid value, with what to write instead.
 *
 * @example
 * merge(tracker.resume({ ack: 'manual' }), tracker.trackAll(refs, { ack: 'manual' }))
 *   .pipe(saveVideo({ directory: './videos', query: tracker.query, ack: tracker.ack }))
 *   .subscribe((event) => console.log(event.id, event.status));
 */
export function saveVideo<T extends TrackedTask>(options: SaveVideoOptions): OperatorFunction<T, T | SaveProgress> {
  const { concurrency, progressInterval, ack, prepare, download: plan } = planOf(options);

  const acknowledge = (task: TrackedTask): Observable<never> =>
    ack === undefined ? EMPTY : defer(() => ack(task)).pipe(ignoreElements(), catchError(warnOf(task)));

  /** Emits, then acknowledges to the end, also where the subscriber leaves inside `next`. */
  const emitAndAcknowledge = <E>(event: E, task: TrackedTask): Observable<E> =>
    new Observable((subscriber) => {
      subscriber.next(event);
      const acknowledged = new AsyncSubject<never>();
      acknowledged.subscribe(subscriber);
      acknowledge(task).subscribe(acknowledged);
    });

  const save = (task: CompletedTask, downloads: Semaphore): Observable<SaveProgress> =>
    downloadEvents(task, plan, downloads).pipe(
      // `saving` at intervals, the end at once.
      connect((events) =>
        merge(
          events.pipe(
            filter(({ status }) => status === 'saving'),
            throttleTime(progressInterval),
          ),
          events.pipe(filter(({ status }) => status !== 'saving')),
        ),
      ),
      concatMap((event) => (event.status === 'saved' ? emitAndAcknowledge(event, task) : of(event))),
    );

  return (source) =>
    defer(() => {
      prepare();
      const downloads = new Semaphore(concurrency);
      const saving = new Set<string>();
      const saveOnce = (task: CompletedTask): Observable<SaveProgress> =>
        defer(() => {
          const key = taskKey(task);
          if (saving.has(key)) return EMPTY;
          saving.add(key);
          return save(task, downloads).pipe(finalize(() => saving.delete(key)));
        });
      return source.pipe(
        mergeMap((task): Observable<T | SaveProgress> => {
          if (task.status === 'completed') return concat(of(task), saveOnce(task));
          return hasEndedWithoutVideo(task) ? emitAndAcknowledge(task, task) : of(task);
        }),
      );
    });
}

/** A task that was lost for another reason than a deleted record may still bring its video: it stays open. */
function hasEndedWithoutVideo(task: TrackedTask): boolean {
  return task.status === 'lost' ? task.error.reason === 'expired' : isTerminal(task);
}

function downloadEvents(task: CompletedTask, options: DownloadOptions, downloads: Semaphore): Observable<SaveProgress> {
  const { id, provider } = task;
  return new Observable((subscriber) => {
    const abort = new AbortController();
    const onProgress = (bytes: number, total: number | undefined) => {
      subscriber.next({ status: 'saving', id, provider, bytes, ...(total === undefined ? {} : { total }), task });
    };
    const startedAt = performance.now();
    download({ task, signal: abort.signal, onProgress }, options, downloads)
      .then(
        (saved) => {
          const { bytes, sha256 } = saved;
          const durationMs = Math.round(performance.now() - startedAt);
          publish('rx-video-tasks:saved', () => ({ provider, id, bytes, sha256, durationMs }));
          subscriber.next({ status: 'saved', id, provider, ...saved, task });
        },
        (cause: unknown) => {
          const error =
            cause instanceof SaveError ? cause : new SaveError('network', brief(messageOf(cause)), { cause });
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

/** Why an acknowledgement failed, as a warning of the process: what comes of it is only that the task comes again. */
function warnOf({ provider, id }: TrackedTask): (error: unknown) => Observable<never> {
  return (error) => {
    const what = `${provider} task ${id} could not be acknowledged and comes again after a restart`;
    process.emitWarning(`${what}: ${brief(messageOf(error))}`, { code: 'RX_VIDEO_TASKS_ACK' });
    return EMPTY;
  };
}
