import { setTimeout as sleep } from 'node:timers/promises';
import { brief, messageOf } from '../../redact.js';
import type { CompletedTask, Video } from '../../task.js';
import { attemptDownload, UrlExpired, type AttemptOptions, type Downloaded, type Job } from './attempt.js';
import { RetryableError } from './retryable-error.js';
import { SaveError } from './save-error.js';
import type { Semaphore } from './semaphore.js';

export interface DownloadOptions extends AttemptOptions {
  readonly retry: { readonly count: number; readonly delay: number; readonly maxDelay: number };
  /** Asks for the video anew, since its URL has expired; nothing if there is no way to. */
  readonly refresh: (task: CompletedTask, signal: AbortSignal) => Promise<Video | undefined>;
}

/**
 * Saves one video, complete and checked, in as many attempts as it takes; ends in a SaveError otherwise. An attempt
 * holds a permit of the semaphore, a wait (back-off, Retry-After, a fresh URL) does not.
 */
export async function download(job: Job, options: DownloadOptions, downloads: Semaphore): Promise<Downloaded> {
  const { task, signal } = job;
  const { count, delay, maxDelay } = options.retry;
  const who = `${task.provider} task ${task.id}`;
  let { video } = task;
  let isFresh = false;
  for (let failures = 0; ;) {
    try {
      return await downloads.run(async () => {
        signal.throwIfAborted();
        return attemptDownload(job, video, options);
      });
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof SaveError) throw error;
      if (error instanceof UrlExpired) {
        if (isFresh) throw new SaveError('expired', `${who}: a fresh URL of the video has expired too`);
        video = await freshVideo(who, job, options);
        isFresh = true;
        continue;
      }
      failures += 1;
      if (failures > count) {
        // Without a message where all addresses of a host were tried: AggregateError.
        const { code = 'unknown' } = Object(error) as NodeJS.ErrnoException;
        const what = `${failures} downloads from ${new URL(video.url).host} were not complete`;
        throw new SaveError('network', `${who}: ${what}; the last: ${brief(messageOf(error) || code)}`, {
          cause: error,
        });
      }
      const backOff = Math.random() * Math.min(maxDelay, delay * 2 ** (failures - 1));
      const retryAfter = error instanceof RetryableError ? error.retryAfterMs : 0;
      await sleep(Math.max(backOff, retryAfter), undefined, { signal });
    }
  }
}

async function freshVideo(who: string, { task, signal }: Job, { refresh }: DownloadOptions): Promise<Video> {
  const what = `${who}: the URL of the video has expired`;
  let fresh: Video | undefined;
  try {
    fresh = await refresh(task, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new SaveError('expired', `${what}, and the query failed: ${brief(messageOf(error))}`, {
      cause: error,
    });
  }
  if (!fresh)
    throw new SaveError('expired', `${what}; write saveVideo({ query: tracker.query }) to ask for a fresh one`);
  return fresh;
}
