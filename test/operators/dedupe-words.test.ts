import { of, type Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import {
  createTracker,
  dedupeStatus,
  defineProvider,
  resultWindows,
  resultWire,
  type Task,
  type TrackedTask,
} from 'rx-video-tasks';
import { completedTask, processingTask, queuedTask, unknownTask } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
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

/** What a tracker emits whose service gives these answers, one after the other. */
function tracked(answers: readonly Task[]): Observable<Task> {
  const left = [...answers];
  const wire = { ...resultWire, read: () => left.shift() as Task };
  const define = defineProvider({ name: 'acme', baseUrl: 'https://acme.example', wire, windows: resultWindows });
  const tracker = createTracker({
    provider: define({ apiKey: 'k1234567' }),
    transport: () => of({ status: 200, headers: {}, body: '' }),
  });
  return tracker.track('task');
}

/** In virtual time. */
function statuses(emitting: () => Observable<Task>): string[] {
  const seen: string[] = [];
  new TestScheduler(() => undefined).run(() => {
    listen(emitting(), ({ status }) => seen.push(status));
  });
  return seen;
}

describe('a tracker detects changes by the same rule', () => {
  const running: readonly [string, Task][] = [
    ['queued', queuedTask()],
    ['queued in another word', queuedTask({ rawStatus: 'SUBMITTED' })],
    ['queued at 0', queuedTask({ progress: 0 })],
    ['queued at -0', queuedTask({ progress: -0 })],
    ['processing', processingTask()],
    ['processing at 0', processingTask({ progress: 0 })],
    ['processing at 50', processingTask({ progress: 50 })],
    ['processing at no number', processingTask({ progress: NaN })],
    ['unknown', unknownTask({ rawStatus: 'reviewing' })],
    ['unknown in another word', unknownTask({ rawStatus: 'upscaling' })],
    ['unknown at 50', unknownTask({ rawStatus: 'reviewing', progress: 50 })],
  ];
  const same = [
    ['queued', 'queued in another word'],
    ['queued at 0', 'queued at -0'],
  ];

  test.each(running)('after %s', (name, before) => {
    for (const [other, answer] of running) {
      const isNews = other !== name && !same.some((pair) => pair.includes(other) && pair.includes(name));
      const expected = [before.status, ...(isNews ? [answer.status] : []), 'completed'];
      const answers = [before, answer, completedTask()];
      expect(
        statuses(() => of(...answers).pipe(dedupeStatus())),
        other,
      ).toEqual(expected);
      expect(
        statuses(() => tracked(answers)),
        other,
      ).toEqual(expected);
    }
  });
});
