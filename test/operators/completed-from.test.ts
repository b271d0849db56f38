import { EMPTY, NEVER, Observable, of, Subject, throwError } from 'rxjs';
import {
  completedFrom,
  createGate,
  createTracker,
  isCompleted,
  xingchaoyiqing,
  type CompletedTask,
  type Task,
  type TrackedTask,
} from 'rx-video-tasks';
import {
  cancelledTask,
  completedTask,
  failedTask,
  lostTask,
  processingTask,
  queuedTask,
  scriptedTransport,
} from 'rx-video-tasks/testing';
import { describe, expect, expectTypeOf, test, vi } from 'vitest';

/** An Observable that counts its subscriptions, and those that are left. */
function counted<T>(source: Observable<T>) {
  const counts = { subscribed: 0, open: 0 };
  const task$ = new Observable<T>((subscriber) => {
    counts.subscribed++;
    counts.open++;
    subscriber.add(() => counts.open--);
    return source.subscribe(subscriber);
  });
  return { task$, counts };
}

/** A signal that counts its listeners. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  const add = vi.spyOn(signal, 'addEventListener');
  const remove = vi.spyOn(signal, 'removeEventListener');
  return { controller, signal, listeners: () => add.mock.calls.length - remove.mock.calls.length };
}

describe('completedFrom', () => {
  test('resolves with the completed task and leaves no subscription and no listener', async () => {
    const source = new Subject<TrackedTask>();
    const { task$, counts } = counted(source);
    const { signal, listeners } = countedSignal();
    const completed = completedFrom(task$, { signal });
    for (const task of [queuedTask(), processingTask(), completedTask()]) source.next(task);
    expect(counts).toEqual({ subscribed: 1, open: 0 });
    expect(listeners()).toBe(0);
    await expect(completed).resolves.toEqual(completedTask());
  });

  test.each([
    ['failed', of(queuedTask(), failedTask()), { name: 'TaskFailedError', status: 'failed' }],
    ['cancelled', of(cancelledTask()), { name: 'TaskFailedError', status: 'cancelled' }],
    ['lost', of(processingTask(), lostTask()), { name: 'TrackingError' }],
    ['without an end', of(queuedTask()), { name: 'EmptyError' }],
    ['empty', EMPTY, { name: 'EmptyError' }],
    ['in error', throwError(() => lostTask().error), { name: 'TrackingError' }],
  ] as [string, Observable<TrackedTask>, object][])('rejects for a stream that is %s', async (_, source, error) => {
    const { task$, counts } = counted(source);
    const { signal, listeners } = countedSignal();
    await expect(completedFrom(task$, { signal })).rejects.toMatchObject(error);
    expect(counts.open).toBe(0);
    expect(listeners()).toBe(0);
  });

  test('abort rejects with the reason of the signal and leaves nothing subscribed', async () => {
    const { task$, counts } = counted(NEVER as Observable<Task>);
    const { controller, signal, listeners } = countedSignal();
    const completed = completedFrom(task$, { signal });
    const reason = new Error('the user has left');
    controller.abort(reason);
    expect(counts).toEqual({ subscribed: 1, open: 0 });
    expect(listeners()).toBe(0);
    await expect(completed).rejects.toBe(reason);
  });

  test('an abort before the call subscribes to nothing', async () => {
    const { task$, counts } = counted(NEVER as Observable<Task>);
    await expect(completedFrom(task$, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(counts.subscribed).toBe(0);
  });

  test('abort ends the request of a tracked task', async () => {
    const { transport, log } = scriptedTransport({ v: ['never'] });
    const provider = xingchaoyiqing({ apiKey: 'test-key-0123456789' });
    const tracker = createTracker({ provider, transport, gate: createGate() });
    const controller = new AbortController();
    const completed = completedFrom(tracker.track('v'), controller);
    expect(log.map(({ type }) => type)).toEqual(['request']);
    controller.abort();
    await expect(completed).rejects.toMatchObject({ name: 'AbortError' });
    expect(log.map(({ type }) => type)).toEqual(['request', 'abort']);
  });

  test('is typed by what completes', () => {
    const tasks = (task$: Observable<TrackedTask>) => completedFrom(task$);
    expectTypeOf(tasks).returns.resolves.toEqualTypeOf<CompletedTask>();
    expectTypeOf(tasks).returns.resolves.toHaveProperty('video');
  });
});

test('isCompleted narrows to the task with a video', () => {
  const tasks: TrackedTask[] = [queuedTask(), completedTask(), failedTask(), lostTask()];
  const completed = tasks.filter(isCompleted);
  expectTypeOf(completed).toEqualTypeOf<CompletedTask[]>();
  expect(completed.map(({ video }) => video)).toEqual([completedTask().video]);
});
