import { filter, type Observable } from 'rxjs';
import {
  dedupeStatus,
  expiryWarnings,
  isTerminal,
  pollUntilTerminal,
  summarize,
  throwOnFailure,
  withModelInterval,
  type Board,
  type CompletedTask,
  type ExpiryWarning,
  type FailedTask,
  type LostTask,
  type Query,
  type RunningTask,
  type Task,
  type TerminalTask,
  type TrackedTask,
} from 'rx-video-tasks';
import { saveVideo } from 'rx-video-tasks/node';
import { completedTask, scriptedQuery, marbleTasks } from 'rx-video-tasks/testing';
import { expectTypeOf, test } from 'vitest';

// `tsc` enforces these; the runner only runs them.

test('a switch on the status narrows', () => {
  const describe = (task: TrackedTask): string => {
    switch (task.status) {
      case 'queued':
      case 'processing':
      case 'unknown':
        expectTypeOf(task).toEqualTypeOf<RunningTask>();
        return task.rawStatus;
      case 'completed':
        expectTypeOf(task.video.url).toEqualTypeOf<string>();
        return task.video.url;
      case 'failed':
        return task.failure.message;
      case 'cancelled':
        return task.rawStatus;
      case 'lost':
        expectTypeOf(task).toEqualTypeOf<LostTask>();
        return task.error.reason;
    }
  };
  expectTypeOf(describe).returns.toEqualTypeOf<string>();
  // @ts-expect-error a running task has no video
  expectTypeOf<RunningTask['video']>().toBeUnknown();
});

test('operators infer in pipes', () => {
  const { query } = scriptedQuery(['s']);
  expectTypeOf(query).toEqualTypeOf<Query>();
  const tasks = query('a').pipe(withModelInterval(), pollUntilTerminal(), dedupeStatus());
  expectTypeOf(tasks).toEqualTypeOf<Observable<Task>>();
  expectTypeOf(tasks.pipe(dedupeStatus({ by: (task) => task.rawStatus }))).toEqualTypeOf<Observable<Task>>();
  expectTypeOf(tasks.pipe(summarize())).toEqualTypeOf<Observable<Board<Task>>>();
  const saved = tasks.pipe(saveVideo({ directory: 'videos' }), summarize());
  expectTypeOf(saved).toEqualTypeOf<Observable<Board<Task>>>();
  expectTypeOf(tasks.pipe(expiryWarnings({ before: 1 }))).toEqualTypeOf<Observable<ExpiryWarning>>();
  expectTypeOf(tasks.pipe(filter(isTerminal))).toEqualTypeOf<Observable<TerminalTask>>();
});

test('throwOnFailure excludes what it throws', () => {
  const tracked = null as unknown as Observable<TrackedTask>;
  const fine = () => tracked.pipe(throwOnFailure());
  expectTypeOf(fine).returns.toEqualTypeOf<Observable<RunningTask | CompletedTask>>();
  const completed = () => tracked.pipe(throwOnFailure(), filter(isTerminal));
  expectTypeOf(completed).returns.toEqualTypeOf<Observable<CompletedTask>>();
});

test('builders and letters are typed by their status', () => {
  expectTypeOf(completedTask()).toEqualTypeOf<CompletedTask>();
  expectTypeOf(marbleTasks().f).toEqualTypeOf<FailedTask>();
  // @ts-expect-error the status is what the builder says
  completedTask({ status: 'failed' });
  // @ts-expect-error only completed tasks have a video
  const refused = () => scriptedQuery([{ status: 'queued', video: { url: 'https://x.example/v.mp4' } }]);
  expectTypeOf(refused).toBeFunction();
});
