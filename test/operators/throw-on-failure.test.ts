import { throwOnFailure, TaskFailedError, type TrackedTask } from 'rx-video-tasks';
import { cancelledTask, failedTask, lostTask } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { expectDiagram, marbles } from '../marbles.js';
import { diagrams } from '../pictures/marbles.js';
import { letters as tasks } from './polls.js';

const letters = { ...tasks, l: lostTask() };

const { q, p, u, s } = tasks;
const passing = { q, p, u, s };

describe('throwOnFailure', () => {
  for (const letter of ['f', 'c'] as const) {
    test(
      `errors when a task is ${letters[letter].status}, as in its documentation`,
      marbles((m) => {
        expectDiagram<TrackedTask>(m, diagrams['throw-on-failure'], throwOnFailure(), {
          values: { ...letters, f: letters[letter] },
          emitted: passing,
          error: new TaskFailedError(letters[letter]),
        });
      }),
    );
  }

  test(
    'errors with the TrackingError of a lost one',
    marbles((m) => {
      const source = m.cold<TrackedTask>('  q-l-', letters);
      const subscription = '                ^-!';
      const expected = '                    q-#';
      m.expect(source.pipe(throwOnFailure())).toBeObservable(expected, passing, letters.l.error);
      m.expect(source).toHaveSubscriptions(subscription);
    }),
  );

  test(
    'passes everything else through',
    marbles((m) => {
      const error = new Error('oops');
      for (const [diagram, subscription] of [
        ['q-u-p-s|', '^------!'],
        ['q-#     ', '^-!'],
        ['---     ', '^--'],
        ['--|     ', '^-!'],
      ] as const) {
        const source = m.cold<TrackedTask>(diagram, letters, error);
        m.expect(source.pipe(throwOnFailure())).toBeObservable(diagram, passing, error);
        m.expect(source).toHaveSubscriptions(subscription);
      }
      const source = m.hot<TrackedTask>('q-p-f', letters);
      m.expect(source.pipe(throwOnFailure()), '^--!').toBeObservable('q-p', passing);
      m.expect(source).toHaveSubscriptions('^--!');
    }),
  );

  test('the error says who and why, and carries the task out of the way of logs', () => {
    const failure = { message: 'no faces, see https://x.example/a?key=1', code: 'policy', kind: 'policy' } as const;
    const task = failedTask({ id: 'a1', provider: 'alad', failure });
    const error = new TaskFailedError(task);
    expect(error.message).toBe('alad task a1 failed: no faces, see https://x.example/a?…');
    expect(error).toMatchObject({ name: 'TaskFailedError', id: 'a1', provider: 'alad', status: 'failed' });
    expect(error.task).toBe(task);
    expect(Object.keys(error)).not.toContain('task');
    expect(new TaskFailedError(cancelledTask()).message).toBe('scripted task task was cancelled at the service');
  });
});
