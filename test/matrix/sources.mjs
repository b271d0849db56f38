/** Five tasks of five services on the sandbox, by undici, to their ends; then the process must end by itself. */
export const MAIN = `
import { createTracker, isTerminal } from 'rx-video-tasks';
import { undiciTransport } from 'rx-video-tasks/node';
import { startSandbox } from 'rx-video-tasks/sandbox';
import { lastValueFrom, toArray } from 'rxjs';

const sandbox = await startSandbox({ speed: 600 });
const transport = undiciTransport();
const tracker = createTracker({ provider: sandbox.providers, speed: sandbox.speed, transport });
const refs = sandbox.providers.map(({ name }) => sandbox.create({ provider: name }));
const transitions = await lastValueFrom(tracker.trackAll(refs).pipe(toArray()));
const ends = transitions.filter(isTerminal);
if (ends.length !== 5) throw new Error('ends: ' + ends.length);
tracker.close();
await transport.close();
await sandbox.close();
console.log('five tasks ended');
`;

export const REQUIRE = `
const { createTracker, alad } = require('rx-video-tasks');
const { fileJournal } = require('rx-video-tasks/node');
const tracker = createTracker({ provider: alad({ apiKey: 'key' }) });
if (typeof tracker.track !== 'function' || typeof fileJournal !== 'function') throw new Error('not loaded');
tracker.close();
console.log('required');
`;

/** What a caller's types must accept. */
export const TYPES = `
import { createTracker, dedupeStatus, isTerminal, mingyan, pollUntilTerminal, relayTracker, withModelInterval } from 'rx-video-tasks';
import type { CompletedTask, LostTask, Task, TrackedTask } from 'rx-video-tasks';
import { fileJournal, saveVideo } from 'rx-video-tasks/node';
import { scriptedQuery } from 'rx-video-tasks/testing';
import type { Observable } from 'rxjs';

const tracker = createTracker({ provider: mingyan({ apiKey: 'key' }), journal: fileJournal('./tasks') });
export const task$: Observable<Task> = tracker.track('video_1');
export const all$: Observable<TrackedTask> = tracker.trackAll(['video_1']);
export const saved$ = all$.pipe(saveVideo({ directory: './videos' }));
export const own$: Observable<Task> = scriptedQuery(['q', 's'])
  .query('video_1')
  .pipe(withModelInterval(), pollUntilTerminal(), dedupeStatus());
export const urlOf = (task: CompletedTask): string => task.video.url;
export const describe = (task: TrackedTask): string =>
  task.status === 'lost' ? (task satisfies LostTask).error.reason : isTerminal(task) ? task.status : String(task.progress);
export const relay = () => relayTracker({ url: '/tasks' });
`;

/** A page of a bundler's: what it needs runs in a browser. */
export const PAGE = `
import { dedupeStatus, isSettled, relayTracker, summarize } from 'rx-video-tasks';

export function watch(ids) {
  const tracker = relayTracker({ url: '/tasks' });
  return tracker.trackAll(ids).pipe(dedupeStatus(), summarize()).subscribe((board) => console.log(board, isSettled));
}
watch(['a']);
`;

/** A marble test of a caller's own pipeline, for the globals of vitest and jest. */
export const MARBLE_TEST = `
import { dedupeStatus, pollUntilTerminal } from 'rx-video-tasks';
import { marbleTasks, scriptedQuery } from 'rx-video-tasks/testing';
import { TestScheduler } from 'rxjs/testing';

test('a pipeline of my own', () => {
  const scheduler = new TestScheduler((actual, expected) => expect(actual).toEqual(expected));
  scheduler.run(({ expectObservable }) => {
    const { query } = scriptedQuery(['q', 'network', 'p', 'p', 's']);
    const task$ = query('task').pipe(pollUntilTerminal({ random: () => 0 }), dedupeStatus());
    expectObservable(task$).toBe('-q 30s - 30s -p 30s -- 30s -(s|)', marbleTasks());
  });
});
`;
