import { from } from 'rxjs';
import { dedupeStatus, type Task, type TrackedTask } from 'rx-video-tasks';
import { completedTask, lostTask, processingTask, queuedTask, unknownTask } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { expectDiagram, marbles } from '../marbles.js';
import { diagrams } from '../pictures/marbles.js';
import { letters as tasks, listen } from './polls.js';

const letters = { ...tasks, l: lostTask() };

const half = processingTask({ progress: 50 });
const done = processingTask({ progress: 99 });

describe('dedupeStatus', () => {
  test(
    'passes changes, as in its documentation',
    marbles((m) => {
      expectDiagram<TrackedTask>(m, diagrams['dedupe-status'], dedupeStatus(), { values: letters });
    }),
  );

  test(
    'passes errors, silence and emptiness through, and unsubscribes',
    marbles((m) => {
      const error = new Error('oops');
      for (const [diagram, subscription] of [
        ['q-#', '^-!'],
        ['---', '^--'],
        ['--|', '^-!'],
      ] as const) {
        const source = m.cold<TrackedTask>(diagram, letters, error);
        m.expect(source.pipe(dedupeStatus())).toBeObservable(diagram, letters, error);
        m.expect(source).toHaveSubscriptions(subscription);
      }
      const source = m.hot<TrackedTask>('q--q--p-', letters);
      m.expect(source.pipe(dedupeStatus()), '^----!').toBeObservable('q-----', letters);
      m.expect(source).toHaveSubscriptions('^----!');
    }),
  );

  test(
    'progress is a change by default, and not by status',
    marbles((m) => {
      const values = { ...letters, h: half, d: done };
      const source = m.hot<TrackedTask>(' q-h-h-d-h-p-s|', values);
      const byProgress = '   q-h---d-h-p-s|';
      const byStatus = '     q-h---------s|';
      m.expect(source.pipe(dedupeStatus())).toBeObservable(byProgress, values);
      m.expect(source.pipe(dedupeStatus({ by: 'status' }))).toBeObservable(byStatus, values);
    }),
  );

  test(
    'a step back among running states is a change',
    marbles((m) => {
      const source = m.hot<TrackedTask>(' q-p-q-q-p-c|', letters);
      const expected = '     q-p-q---p-c|';
      m.expect(source.pipe(dedupeStatus())).toBeObservable(expected, letters);
    }),
  );

  test(
    'of unknown states the word counts, unless only the status does',
    marbles((m) => {
      const values = { ...letters, a: unknownTask({ rawStatus: 'a' }), b: unknownTask({ rawStatus: 'b' }) };
      const source = m.hot<TrackedTask>(' a-a-b-a|', values);
      m.expect(source.pipe(dedupeStatus())).toBeObservable('a---b-a|', values);
      m.expect(source.pipe(dedupeStatus({ by: 'status' }))).toBeObservable('a------|', values);
    }),
  );

  test(
    'a function says what counts; terminal and lost ones pass whatever it says',
    marbles((m) => {
      const source = m.hot<TrackedTask>(' q-p-u-l-q-l-s|', letters);
      const expected = '                  q-----l-q-l-s|';
      m.expect(source.pipe(dedupeStatus({ by: () => undefined }))).toBeObservable(expected, letters);
    }),
  );

  test(
    'what the function throws is the error of the stream',
    marbles((m) => {
      const source = m.cold<TrackedTask>('-q-', letters);
      const by = () => {
        throw new Error('oops');
      };
      m.expect(source.pipe(dedupeStatus({ by }))).toBeObservable('-#', {}, new Error('oops'));
      m.expect(source).toHaveSubscriptions('^!');
    }),
  );

  test(
    'merged tasks are distinguished, by provider too',
    marbles((m) => {
      const values = {
        a: queuedTask({ id: 'a' }),
        b: queuedTask({ id: 'b' }),
        c: queuedTask({ id: 'a', provider: 'other' }),
        s: completedTask({ id: 'a' }),
      };
      const source = m.hot<TrackedTask>(' a-b-c-a-b-c-s-s-b|', values);
      const expected = '     a-b-c-------s----|';
      m.expect(source.pipe(dedupeStatus())).toBeObservable(expected, values);
    }),
  );

  test(
    'whatever comes about a finished task is a late duplicate; a lost one may come back',
    marbles((m) => {
      const finished = m.hot<TrackedTask>('q-s-q-p-f-s|', letters);
      m.expect(finished.pipe(dedupeStatus())).toBeObservable('q-s--------|', letters);
      const lost = m.hot<TrackedTask>('q-l-q-q-l-s|', letters);
      m.expect(lost.pipe(dedupeStatus())).toBeObservable('q-l-q---l-s|', letters);
      const both = m.hot<TrackedTask>('--q-s-l-s|', letters);
      m.expect(both.pipe(dedupeStatus())).toBeObservable('--q-s-l--|', letters);
    }),
  );

  test(
    'two subscriptions, and two sources of one operator, share nothing',
    marbles((m) => {
      const dedupe = dedupeStatus();
      const source = m.cold<TrackedTask>('q-q-s|', letters);
      const deduped = source.pipe(dedupe);
      m.expect(deduped).toBeObservable('q---s|', letters);
      m.expect(deduped, '  --^').toBeObservable('--q---s|', letters);
      m.expect(m.cold<TrackedTask>('   q-s|', letters).pipe(dedupe)).toBeObservable('q-s|', letters);
      m.expect(source).toHaveSubscriptions(['^----!', '--^----!']);
    }),
  );

  test('remembers the last 10,000 finished tasks', () => {
    const finished = Array.from({ length: 10_001 }, (_, n) => completedTask({ id: String(n) }));
    const passed: string[] = [];
    listen(from([...finished, finished[1] as Task, finished[0] as Task]).pipe(dedupeStatus()), ({ id }) =>
      passed.push(id),
    );
    expect(passed).toHaveLength(10_002);
    expect(passed.at(-1)).toBe('0');
  });

  test('refuses what is no rule', () => {
    const message = `by: "raw" is not usable; write 'progress', 'status' or a function`;
    expect(() => dedupeStatus({ by: 'raw' as never })).toThrow(new TypeError(message));
  });
});
