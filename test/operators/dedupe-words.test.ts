import { dedupeStatus, type Task, type TrackedTask } from 'rx-video-tasks';
import { processingTask, queuedTask, unknownTask } from 'rx-video-tasks/testing';
import { of } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { isNews } from '../../src/operators/dedupe-status.js';
import { marbles } from '../marbles.js';
import { listen } from './polls.js';

test(
  'another word of the service for the same status is no news, unless nobody knows what it means',
  marbles((m) => {
    const values = {
      a: queuedTask({ rawStatus: 'SUBMITTED' }),
      b: queuedTask({ rawStatus: 'QUEUED' }),
      c: unknownTask({ rawStatus: 'reviewing' }),
      d: unknownTask({ rawStatus: 'upscaling' }),
    };
    const source = m.hot<TrackedTask>('    a-b-a-c-d-c|', values);
    m.expect(source.pipe(dedupeStatus())).toBeObservable('a-----c-d-c|', values);
  }),
);

describe('a tracker tells news by the same rule', () => {
  const running: readonly [string, Task][] = [
    ['queued', queuedTask()],
    ['queued in another word', queuedTask({ rawStatus: 'SUBMITTED' })],
    ['queued at 0', queuedTask({ progress: 0 })],
    ['processing', processingTask()],
    ['processing at 0', processingTask({ progress: 0 })],
    ['processing at 50', processingTask({ progress: 50 })],
    ['unknown', unknownTask({ rawStatus: 'reviewing' })],
    ['unknown in another word', unknownTask({ rawStatus: 'upscaling' })],
    ['unknown at 50', unknownTask({ rawStatus: 'reviewing', progress: 50 })],
  ];

  test.each(running)('after %s', (_, before) => {
    for (const [what, answer] of running) {
      const passed: Task[] = [];
      listen(of(before, answer).pipe(dedupeStatus()), (task) => passed.push(task));
      expect(isNews(answer, before), what).toBe(passed.length === 2);
    }
    expect(running.filter(([, answer]) => !isNews(answer, before)).length).toBeLessThan(3);
  });
});
