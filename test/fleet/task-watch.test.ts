import { from, Observable } from 'rxjs';
import { expect, test, vi } from 'vitest';
import { completedTask, processingTask, queuedTask } from 'rx-video-tasks/testing';
import type { TrackedTask } from 'rx-video-tasks';
import { withBareUrls, type Snapshot, type StoredLoss } from '../../src/fleet/snapshot.js';
import { TaskWatch } from '../../src/fleet/task-watch.js';

const ref = { id: 'video_1', provider: 'acme' };
const processing = (progress: number) => processingTask({ ...ref, progress });
const whole = completedTask({ ...ref, video: { url: 'https://v.example/1.mp4?key=1' } });
const bare = withBareUrls(whole);
const loss: StoredLoss = { reason: 'deadline', message: 'too late', misses: 0, at: 5 };

const snapshotOf = (more: Partial<Snapshot>): Snapshot => ({
  ...{ gen: 'g', ref, since: 0, trackedAt: 0, seq: 0, sinceSeq: 0, acked: 0 },
  ...more,
});

function watch(isResumed = false) {
  const seen: string[] = [];
  const deliver = vi.fn<(gen: string, seq: number) => void>();
  const refresh = vi.fn<() => void>();
  let open: (snapshot: Snapshot) => void = () => undefined;
  let subject: TaskWatch | undefined;
  const say = (task: TrackedTask) =>
    `${String(task.seq)} ${task.status === 'completed' ? task.video.url : task.status}`;
  const subscription = new Observable<TrackedTask>((subscriber) => {
    const opened = new Promise<Snapshot>((resolve) => (open = resolve));
    const host = {
      open: () => from(opened),
      close: () => undefined,
      onDelivered: (_: TaskWatch, gen: string, seq: number) => {
        deliver(gen, seq);
      },
      urlsOf: () => undefined,
      refresh: () => {
        refresh();
      },
    };
    subject = new TaskWatch('job', ref, host, subscriber, isResumed);
  }).subscribe({
    next: (task) => seen.push(say(task)),
    error: (error: unknown) => seen.push(String(error)),
    complete: () => seen.push('complete'),
  });
  const snapshot = async (more: Partial<Snapshot> = {}) => {
    open(snapshotOf(more));
    await Promise.resolve();
    await Promise.resolve();
  };
  return { seen, deliver, refresh, snapshot, subscription, subject: subject as unknown as TaskWatch };
}

const transition = (seq: number, task?: Snapshot['task'], gen = 'g') => ({
  job: 'job',
  gen,
  seq,
  ...(task && { task }),
});

test('the snapshot first, then each later transition once', async () => {
  const { seen, subject, snapshot, deliver } = watch();
  await snapshot({ seq: 2, task: processing(10) });
  for (const seq of [1, 2, 3, 3]) subject.onTransition(transition(seq, processing(seq)));
  expect(seen).toEqual(['2 processing', '3 processing']);
  expect(deliver.mock.calls).toEqual([
    ['g', 2],
    ['g', 3],
  ]);
});

test('what arrives before the snapshot is neither lost nor doubled', async () => {
  const { seen, subject, snapshot } = watch();
  for (const seq of [1, 2, 3]) subject.onTransition(transition(seq, processing(seq)));
  expect(seen).toEqual([]);
  await snapshot({ seq: 2, task: queuedTask(ref) });
  expect(seen).toEqual(['2 queued', '3 processing']);
});

test('transitions of another tracking of the same task are not its own; being forgotten completes', async () => {
  const { seen, subject, snapshot } = watch();
  await snapshot();
  subject.onTransition(transition(1, processing(1), 'other'));
  subject.onTransition(transition(0));
  expect(seen).toEqual(['complete']);
});

test('an end is delivered even if its number was used before: Redis may lose the end of its log', async () => {
  const { seen, subject, snapshot } = watch();
  await snapshot({ seq: 4, task: processing(80) });
  subject.onTransition(transition(3, processing(90)));
  subject.onTransition(transition(4, whole));
  expect(seen).toEqual(['4 processing', `4 ${whole.video.url}`, 'complete']);
});

test.each(['before', 'after'])('whole URLs that come %s the snapshot is read again complete it once', async (when) => {
  const { seen, subject, snapshot } = watch();
  await snapshot();
  subject.onTransition(transition(1, bare));
  expect(seen).toEqual([]);
  if (when === 'after') subject.onSnapshot(snapshotOf({ seq: 1, task: bare }));
  subject.onUrls('other', { url: 'https://v.example/wrong' });
  subject.onUrls('g', { url: whole.video.url });
  expect(seen).toEqual([`1 ${whole.video.url}`, 'complete']);
});

test('URLs that do not come are asked for again, ever later; where there are none, the task is lost to this observer', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const { seen, subject, snapshot, refresh } = watch();
    await snapshot({ seq: 1, task: bare });
    vi.advanceTimersByTime(2_000);
    expect(refresh).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(58_000);
    expect(refresh).toHaveBeenCalledTimes(4);
    vi.advanceTimersByTime(3_600_000);
    expect(refresh.mock.calls.length).toBeGreaterThan(50);
    expect(refresh.mock.calls.length).toBeLessThan(70);
    subject.onUrls('g', { ...loss, reason: 'expired' });
    expect(seen).toEqual(['1 lost', 'complete']);
    vi.advanceTimersByTime(3_600_000);
    expect(refresh.mock.calls.length).toBeLessThan(70);
  } finally {
    vi.useRealTimers();
  }
});

test('after a cut, in which URLs may have been missed, they are asked for soon', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const { subject, snapshot, refresh } = watch();
    await snapshot({ seq: 1, task: bare });
    vi.advanceTimersByTime(200_000);
    refresh.mockClear();
    subject.onSnapshot(snapshotOf({ seq: 1, task: bare }));
    vi.advanceTimersByTime(2_000);
    expect(refresh).toHaveBeenCalledTimes(1);
  } finally {
    vi.useRealTimers();
  }
});

test('a task that expires while its URLs are waited for is lost, not over', async () => {
  const { seen, subject, snapshot, deliver } = watch();
  await snapshot({ seq: 2, task: bare });
  subject.onSnapshot(undefined);
  expect(seen).toEqual(['2 lost', 'complete']);
  expect(deliver).toHaveBeenCalledTimes(1);
});

test('a loss is acknowledged by its delivery only where the service has deleted its record', async () => {
  for (const reason of ['query', 'deadline', 'no-video', 'journal', 'expired'] as const) {
    const { seen, snapshot, deliver } = watch();
    await snapshot({ seq: 2, task: processing(10), lost: { ...loss, reason } });
    expect(seen).toEqual(['2 lost', 'complete']);
    expect(deliver.mock.calls, reason).toEqual(reason === 'expired' ? [['g', 2]] : []);
  }
});

test('the loss after which tracking began anew is not its own', async () => {
  const { seen, subject, snapshot } = watch();
  subject.onTransition({ ...transition(3), lost: loss });
  await snapshot({ seq: 4, sinceSeq: 4, task: processing(10) });
  subject.onTransition({ ...transition(3), lost: loss });
  subject.onTransition({ ...transition(5), lost: loss });
  expect(seen).toEqual(['4 processing', '5 lost', 'complete']);
});

test('what comes after the subscriber has left is neither delivered nor waited for', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const { seen, subject, snapshot, subscription, deliver, refresh } = watch();
    for (const seq of [1, 2]) subject.onTransition(transition(seq, processing(seq)));
    subscription.unsubscribe();
    await snapshot({ seq: 1, task: processing(1) });
    subject.onTransition(transition(3, processing(3)));
    subject.onTransition(transition(4, bare));
    subject.onSnapshot(snapshotOf({ seq: 5, task: whole }));
    vi.advanceTimersByTime(60_000);
    expect(seen).toEqual([]);
    expect(deliver).not.toHaveBeenCalled();
    expect(refresh).not.toHaveBeenCalled();
  } finally {
    vi.useRealTimers();
  }
});

test('a snapshot that is gone completes: the task was forgotten, or expired with its video', async () => {
  const { seen, subject, snapshot } = watch();
  await snapshot({ seq: 1, task: queuedTask(ref) });
  subject.onSnapshot(undefined);
  expect(seen).toEqual(['1 queued', 'complete']);
});

test('resumed: what was acknowledged does not come again, and an acknowledged end completes', async () => {
  const open = watch(true);
  await open.snapshot({ seq: 2, acked: 2, task: processing(10) });
  open.subject.onTransition(transition(3, processing(20)));
  expect(open.seen).toEqual(['3 processing']);
  const ended = watch(true);
  await ended.snapshot({ seq: 2, acked: 2, task: whole });
  expect(ended.seen).toEqual(['complete']);
  expect(ended.deliver).not.toHaveBeenCalled();
  const lost = watch(true);
  await lost.snapshot({ seq: 3, acked: 2, lost: loss });
  expect(lost.seen).toEqual(['3 lost', 'complete']);
});

test('a subscriber that leaves at a transition has received no later one', async () => {
  const { seen, subject, snapshot, subscription, deliver } = watch();
  for (const seq of [1, 2, 3]) subject.onTransition(transition(seq, processing(seq)));
  deliver.mockImplementation(() => {
    subscription.unsubscribe();
  });
  await snapshot();
  expect(seen).toEqual(['1 processing']);
  expect(deliver.mock.calls).toEqual([['g', 1]]);
});

test('unsubscribing ends the wait for URLs', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const { snapshot, refresh, subscription } = watch();
    await snapshot({ seq: 1, task: bare });
    subscription.unsubscribe();
    vi.advanceTimersByTime(60_000);
    expect(refresh).not.toHaveBeenCalled();
  } finally {
    vi.useRealTimers();
  }
});
