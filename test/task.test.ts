import { isTerminal, type Task } from 'rx-video-tasks';
import { expect, expectTypeOf, test } from 'vitest';
import { copyTask, taskKey } from '../src/task.js';
import { generations, read, wires } from './wire/reading.js';

const done = generations({ status: 'SUCCESS', result_url: 'https://h/v.mp4' });

test('a copy has the changes, the raw reply, and nothing else', () => {
  const task = read(wires.generations, done);
  const copy = copyTask(task, { pollAfter: 5, seq: 2 });
  expect(copy).toStrictEqual({ ...task, pollAfter: 5, seq: 2 });
  expect(copy).not.toBe(task);
  expect(task).not.toHaveProperty('seq');
  expect((copy as { raw?: string }).raw).toBe(JSON.stringify(done));
  expect(Object.keys(copy)).not.toContain('raw');
  expect((copyTask(copyTask(copy, {}), { seq: 3 }) as { raw?: string }).raw).toBe(JSON.stringify(done));
});

test('a running task has no raw reply, nor has its copy', () => {
  const copy = copyTask(read(wires.generations, generations({})), { seq: 1 });
  expect('raw' in copy).toBe(false);
});

test('keys are equal exactly when provider and id are', () => {
  const keys = [
    ['a', 'bc'],
    ['ab', 'c'],
    ['a', 'b'],
    ['b', 'a'],
  ].map(([provider = '', id = '']) => taskKey({ provider, id }));
  expect(new Set(keys).size).toBe(4);
  expect(taskKey({ provider: 'a', id: 'bc' })).toBe(keys[0]);
});

test('isTerminal', () => {
  const verdicts = {
    queued: false,
    processing: false,
    unknown: false,
    lost: false,
    completed: true,
    failed: true,
    cancelled: true,
  };
  for (const [status, verdict] of Object.entries(verdicts)) expect(isTerminal({ status })).toBe(verdict);
});

test('a switch on the status narrows', () => {
  const tell = (task: Task): string => {
    switch (task.status) {
      case 'completed':
        expectTypeOf(task.video.url).toEqualTypeOf<string>();
        return task.video.url;
      case 'failed':
        expectTypeOf(task.failure.message).toEqualTypeOf<string>();
        return task.failure.message;
      case 'cancelled':
      case 'unknown':
        expectTypeOf(task.raw).toEqualTypeOf<string | undefined>();
        return task.rawStatus;
      case 'queued':
      case 'processing':
        // @ts-expect-error a running task has no video
        return String(task.video);
    }
  };
  expect(tell(read(wires.generations, done))).toBe('https://h/v.mp4');
  const task = read(wires.generations, done);
  if (isTerminal(task)) expectTypeOf(task.status).toEqualTypeOf<'completed' | 'failed' | 'cancelled'>();
  else expectTypeOf(task.status).toEqualTypeOf<'queued' | 'processing' | 'unknown'>();
});
