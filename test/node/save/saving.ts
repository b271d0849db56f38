import type { RequestListener } from 'node:http';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { lastValueFrom, of, toArray } from 'rxjs';
import type { CompletedTask } from 'rx-video-tasks';
import { saveVideo, type SaveError, type SaveProgress, type SaveVideoOptions } from 'rx-video-tasks/node';
import { completedTask } from 'rx-video-tasks/testing';
import { expect } from 'vitest';
import { temporaryFolder } from '../children.js';
import { serve } from './video-server.js';

/** A completed task whose video has this URL. */
export const task = (url: string, id = 'task'): CompletedTask => completedTask({ id, video: { url } });

export const RETRY = { count: 3, delay: 0 };

/** Saves one video; gives all of its events, and the last of them. Its own host is allowed, unless options say otherwise. */
export async function saving(url: string, options: Partial<SaveVideoOptions> & { directory: string }, id?: string) {
  return savingTask(task(url, id), { allowHosts: [new URL(url).host], ...options });
}

export async function savingTask(one: CompletedTask, options: SaveVideoOptions) {
  const all = await lastValueFrom(
    of(one).pipe(saveVideo({ retry: RETRY, progressInterval: 0, ...options }), toArray()),
  );
  const events = all.slice(1) as SaveProgress[];
  return { events, end: events.at(-1) as SaveProgress };
}

export const failureOf = (end: SaveProgress): SaveError => {
  expect(end.status).toBe('save-failed');
  return (end as { error: SaveError }).error;
};

/** The path of the one file in a folder. */
export const only = (folder: string) => {
  const names = readdirSync(folder);
  expect(names).toHaveLength(1);
  return join(folder, names[0] ?? '');
};

/** A server, and a directory for its videos. */
export async function serving(answer: RequestListener) {
  return { ...(await serve(answer)), directory: temporaryFolder() };
}
