import { map } from 'rxjs';
import { summarize, type Board, type TrackedTask } from 'rx-video-tasks';
import { lostTask, marbleTasks } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { expectDiagram, marbles } from '../marbles.js';
import { diagrams } from '../pictures/marbles.js';

const a = marbleTasks({ id: 'a' });
const b = marbleTasks({ id: 'b' });
const lost = lostTask({ id: 'b' });
const values: Record<string, TrackedTask> = { q: a.q, s: a.s, x: b.q, f: b.f, l: lost };
const none = { queued: 0, processing: 0, unknown: 0, completed: 0, failed: 0, cancelled: 0, lost: 0 };

const boards: Record<string, Board> = {
  a: { tasks: [a.q], counts: { ...none, queued: 1 }, settled: 0, isSettled: false },
  b: { tasks: [a.q, b.q], counts: { ...none, queued: 2 }, settled: 0, isSettled: false },
  c: { tasks: [a.s, b.q], counts: { ...none, queued: 1, completed: 1 }, settled: 1, isSettled: false },
  d: { tasks: [a.s, b.f], counts: { ...none, completed: 1, failed: 1 }, settled: 2, isSettled: true },
  e: { tasks: [lost], counts: { ...none, lost: 1 }, settled: 1, isSettled: true },
};

describe('summarize', () => {
  test(
    'emits the board at each transition, as in its documentation',
    marbles((m) => {
      expectDiagram(m, diagrams.summarize, summarize(), { values, emitted: boards });
    }),
  );

  test(
    'a lost task is settled; one that comes back is not',
    marbles((m) => {
      const source = m.cold('  l-x-l|', values);
      const expected = '       e-y-e|';
      const back = { tasks: [b.q], counts: { ...none, queued: 1 }, settled: 0, isSettled: false };
      m.expect(source.pipe(summarize())).toBeObservable(expected, { ...boards, y: back });
    }),
  );

  test(
    'passes errors, silence and emptiness through, and unsubscribes',
    marbles((m) => {
      const error = new Error('oops');
      for (const [diagram, expected, subscription] of [
        ['q-#', 'a-#', '^-!'],
        ['---', '---', '^--'],
        ['--|', '--|', '^-!'],
      ] as const) {
        const source = m.cold(diagram, values, error);
        m.expect(source.pipe(summarize())).toBeObservable(expected, boards, error);
        m.expect(source).toHaveSubscriptions(subscription);
      }
      const source = m.hot('q-x', values);
      m.expect(source.pipe(summarize()), '^!').toBeObservable('a', boards);
      m.expect(source).toHaveSubscriptions('^!');
    }),
  );

  test(
    'each subscription, and each source of one operator, has a board of its own',
    marbles((m) => {
      const board = summarize();
      const summary = m.cold('q-x|', values).pipe(board);
      m.expect(summary).toBeObservable('a-b|', boards);
      m.expect(summary, '-^').toBeObservable('-a-b|', boards);
      m.expect(m.cold('l|', values).pipe(board)).toBeObservable('e|', boards);
    }),
  );

  test(
    'a board that was emitted stays as it was',
    marbles((m) => {
      const seen: Board[] = [];
      const source = m.cold('q-s-x|', values).pipe(
        summarize(),
        map((board) => seen.push(board)),
      );
      m.expect(source).toBeObservable('1-2-3|', { 1: 1, 2: 2, 3: 3 });
      m.flush();
      expect(seen[0]).toStrictEqual(boards['a']);
      expect(seen[2]).toStrictEqual(boards['c']);
    }),
  );

  test(
    'ignores events of other kinds, such as those of saveVideo',
    marbles((m) => {
      const save = { status: 'saving', id: 'a', provider: 'scripted', bytes: 1, task: a.s } as const;
      const odd = { status: 'constructor', id: 'a', provider: 'scripted' } as const;
      const source = m.cold<TrackedTask | typeof save | typeof odd>('q--v--o--l|', { ...values, v: save, o: odd });
      const subscription = '                                         ^---------!';
      const expected = '                                             a--------f|';
      const last = { tasks: [a.q, lost], counts: { ...none, queued: 1, lost: 1 }, settled: 1, isSettled: false };
      m.expect(source.pipe(summarize())).toBeObservable(expected, { ...boards, f: last });
      m.expect(source).toHaveSubscriptions(subscription);
    }),
  );
});
