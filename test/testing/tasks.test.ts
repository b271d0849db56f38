import { isSettled, isTerminal, isTrackingError, TrackingError } from 'rx-video-tasks';
import {
  cancelledTask,
  completedTask,
  failedTask,
  lostTask,
  processingTask,
  queuedTask,
  marbleTasks,
  unknownTask,
} from 'rx-video-tasks/testing';
import { expect, test } from 'vitest';

const builders = { queuedTask, processingTask, unknownTask, completedTask, failedTask, cancelledTask };

test.each(Object.entries(builders))('%s returns a whole task, with the given fields', (name, build) => {
  const task = build({ id: 'a', provider: 'alad', model: 'veo_3_1', progress: 7 });
  expect(`${task.status}Task`).toBe(name);
  expect(task).toMatchObject({ id: 'a', provider: 'alad', model: 'veo_3_1', progress: 7, observedAt: 0 });
  expect(task.rawStatus).not.toBe('');
  expect(JSON.parse(JSON.stringify(task))).toEqual(task);
  expect(build()).toEqual(build());
});

test('what a status needs is there', () => {
  expect(completedTask({ id: 'a/b' }).video).toEqual({ url: 'https://videos.example.com/a%2Fb.mp4' });
  expect(failedTask().failure).toEqual({ message: 'no reason given', kind: 'unknown' });
  expect(completedTask({ usage: { totalTokens: 5 } }).usage).toEqual({ totalTokens: 5 });
});

test('a lost task carries an error about itself', () => {
  const lost = lostTask({ id: 'a', provider: 'alad', last: queuedTask() });
  expect(isTrackingError(lost.error)).toBe(true);
  expect(lost.error).toMatchObject({ id: 'a', provider: 'alad', reason: 'deadline', last: queuedTask() });
  expect(isTerminal(lost)).toBe(false);
  expect(isSettled(lost)).toBe(true);
  const error = new TrackingError('expired', 'gone', { id: 'a', provider: 'alad', misses: 3 });
  expect(lostTask({ error }).error).toBe(error);
});

test('letters are one task at every status', () => {
  const letters = marbleTasks({ id: 'a', pollAfter: 30_000 });
  expect(Object.values(letters).map(({ status }) => status)).toEqual([
    'queued',
    'processing',
    'unknown',
    'completed',
    'failed',
    'cancelled',
  ]);
  expect(letters.s).toEqual(completedTask({ id: 'a', pollAfter: 30_000 }));
});
