import { expiryWarnings, type CompletedTask, type TrackedTask } from 'rx-video-tasks';
import { completedTask, lostTask } from 'rx-video-tasks/testing';
import { concat, NEVER, of } from 'rxjs';
import { describe, expect, test, vi } from 'vitest';
import { expectDiagram, marbles } from '../marbles.js';
import { diagrams } from '../pictures/marbles.js';
import { letters as tasks, listen } from './polls.js';

const letters = { ...tasks, l: lostTask() };

const expiring = (id: string, expiresAt: number) =>
  completedTask({ id, video: { url: `https://videos.example.com/${id}.mp4`, expiresAt } });
const warning = (task: CompletedTask) => {
  const { id, provider, video } = task;
  return { status: 'expiring', id, provider, expiresAt: video.expiresAt as number, task } as const;
};

describe('expiryWarnings', () => {
  test(
    'warns before the URL expires and completes after the last warning, as in its documentation',
    marbles((m) => {
      const s = expiring('a', 10);
      expectDiagram<TrackedTask>(m, diagrams['expiry-warnings'], expiryWarnings({ before: 4 }), {
        values: { ...letters, s },
        emitted: { w: warning(s) },
      });
    }),
  );

  test(
    'warns at once when it is late',
    marbles((m) => {
      const s = expiring('a', 10);
      const source = m.cold('  --s-|', { s });
      const expected = '       --w-|';
      m.expect(source.pipe(expiryWarnings({ before: 60_000 }))).toBeObservable(expected, { w: warning(s) });
    }),
  );

  test('warns in the same turn when it is late', () => {
    for (const expiresAt of [Date.now() - 1, Date.now() + 60_000]) {
      const warned: number[] = [];
      const late = of(expiring('a', expiresAt)).pipe(expiryWarnings({ before: 60_000 }));
      listen(late, ({ expiresAt: at }) => warned.push(at));
      expect(warned).toEqual([expiresAt]);
    }
  });

  test(
    'warns of each task on its own, and of none but completed ones that say when',
    marbles((m) => {
      const [s, t] = [expiring('a', 30_000), expiring('b', 20_000)];
      const source = m.cold<TrackedTask>('(stqpufcl|)', { ...letters, s, t });
      const expected = '                         10s v 9999ms (w|)';
      const values = { v: warning(t), w: warning(s) };
      m.expect(source.pipe(expiryWarnings({ before: 10_000 }))).toBeObservable(expected, values);
      const silent = m.cold<TrackedTask>('sfl|', letters);
      m.expect(silent.pipe(expiryWarnings({ before: 0 }))).toBeObservable('---|');
    }),
  );

  test(
    'waits longer than any timer can',
    marbles((m) => {
      m.scheduler.maxFrames = 6e9;
      const s = expiring('a', 5e9);
      const expected = `${5e9 - 1000}ms (w|)`;
      const source = m.cold('s|', { s });
      m.expect(source.pipe(expiryWarnings({ before: 1_000 }))).toBeObservable(expected, { w: warning(s) });
    }),
  );

  test('a timer that is longer than any timer can be does not fire at once', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    try {
      const warned: number[] = [];
      const s = expiring('a', Date.now() + 5e9);
      const warnings = concat(of(s), NEVER).pipe(expiryWarnings({ before: 0 }));
      const subscription = listen(warnings, ({ expiresAt }) => warned.push(expiresAt));
      vi.advanceTimersByTime(5e9 - 1);
      expect(warned).toEqual([]);
      vi.advanceTimersByTime(1);
      expect(warned).toEqual([s.video.expiresAt]);
      subscription.unsubscribe();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });

  test(
    'passes errors, silence and emptiness through, and unsubscribes',
    marbles((m) => {
      const error = new Error('oops');
      const s = expiring('a', 60_000);
      for (const [diagram, expected, subscription] of [
        ['s-#', '--#', '^-!'],
        ['---', '---', '^--'],
        ['--|', '--|', '^-!'],
      ] as const) {
        const source = m.cold(diagram, { s }, error);
        m.expect(source.pipe(expiryWarnings({ before: 0 }))).toBeObservable(expected, {}, error);
        m.expect(source).toHaveSubscriptions(subscription);
      }
      const source = m.hot('s--', { s });
      source
        .pipe(expiryWarnings({ before: 0 }))
        .subscribe()
        .unsubscribe();
      m.flush();
      expect(m.scheduler.now()).toBeLessThan(60_000);
    }),
  );

  test.each([NaN, -1, Infinity, 2 ** 31, undefined])('refuses before: %s', (before) => {
    expect(() => expiryWarnings({ before: before as number })).toThrow(RangeError);
    expect(() => expiryWarnings({ before: before as number })).toThrow(/^before: /);
  });
});
