import fc from 'fast-check';
import { defer, finalize, from, mergeMap, Subject, throwError } from 'rxjs';
import { isTerminal, pollUntilTerminal, QueryError, type Task } from 'rx-video-tasks';
import { marbleTasks } from 'rx-video-tasks/testing';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { repetitions } from '../repetitions.js';

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

const { q, p, s } = marbleTasks();

interface Step {
  readonly what: 'call' | 'time' | 'leave';
  readonly ms: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  what: fc.constantFrom('call', 'call', 'time', 'time', 'time', 'leave'),
  ms: fc.constantFrom(1, 5_000, 10_000, 30_000, 90_000),
});

const script = fc.array(fc.constantFrom<Task | 'miss' | undefined>(q, p, 'miss', undefined), { maxLength: 6 });

test('in whatever order answers, misses, calls, time and a departure come: one query at a time, and one end', async () => {
  const property = fc.asyncProperty(
    fc.scheduler(),
    script,
    fc.array(step, { maxLength: 8 }),
    async (order, says, steps) => {
      const notifier = new Subject<void>();
      const sent: Task[] = [];
      const received: Task[] = [];
      let [asked, open, most, ends, errors] = [0, 0, 0, 0, 0];
      let receivedWhenLeft: number | undefined;

      const query = defer(() => {
        const next = asked < says.length ? says[asked] : s;
        asked++;
        most = Math.max(most, ++open);
        return from(order.schedule(Promise.resolve(next), 'answer')).pipe(
          mergeMap((answer) => {
            if (answer === 'miss') return throwError(() => new QueryError('network', 'missed'));
            if (answer) sent.push(answer);
            return answer ? [answer] : [];
          }),
          finalize(() => open--),
        );
      });
      const subscription = query.pipe(pollUntilTerminal({ notifier })).subscribe({
        next: (task) => received.push(task),
        error: () => errors++,
        complete: () => ends++,
      });

      for (const { what, ms } of steps) {
        void order.schedule(Promise.resolve(), what).then(() => {
          if (what === 'call') notifier.next();
          if (what === 'time') vi.advanceTimersByTime(ms);
          if (what !== 'leave') return;
          receivedWhenLeft ??= received.length;
          subscription.unsubscribe();
        });
      }
      // To the end of the script, and beyond.
      for (let round = 0; round <= says.length + 1; round++) {
        while (order.count() > 0) await order.waitNext(1);
        vi.advanceTimersByTime(200_000);
      }

      expect(most).toBe(1);
      expect(open).toBe(0);
      expect(vi.getTimerCount()).toBe(0);
      expect(notifier.observed).toBe(false);
      expect(received).toEqual(sent.slice(0, receivedWhenLeft));
      const isOver = received.some((task) => isTerminal(task));
      expect([ends, errors]).toEqual([isOver ? 1 : 0, 0]);
      expect(isOver || receivedWhenLeft !== undefined).toBe(true);
      if (isOver) expect(asked).toBe(says.length + 1);
    },
  );
  await fc.assert(property, { numRuns: repetitions(1_000) });
});
