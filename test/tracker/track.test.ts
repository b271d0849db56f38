import { first, map, merge, timer, type Observable } from 'rxjs';
import { describe, expect, test, vi } from 'vitest';
import {
  alad,
  createGate,
  createTracker,
  isTerminal,
  isTrackingError,
  xingchaoyiqing,
  type Task,
  type TrackerOptions,
} from 'rx-video-tasks';
import { errorReply, scriptedTransport } from 'rx-video-tasks/testing';
import { marbles } from '../marbles.js';

type Script = Parameters<typeof scriptedTransport>[0];

/** A tracker of one xingchaoyiqing account over a script; waits are the shortest that the windows allow. */
function scripted(script: Script, options: Partial<TrackerOptions> = {}) {
  const { transport, log } = scriptedTransport(script, { latency: 0 });
  const provider = xingchaoyiqing({ apiKey: 'test-key-0123456789' });
  const exact = { gate: createGate(), cadence: 'uniform', random: () => 0 } as const;
  const tracker = createTracker({ provider, transport, ...exact, ...options });
  const asks = () => log.filter(({ type }) => type === 'request').map(({ id, at }) => `${id}@${at / 1000}`);
  return { tracker, log, asks };
}

const words = (task$: Observable<Task>) => task$.pipe(map(({ status, seq }) => `${status} ${String(seq)}`));
const say = { a: 'queued 1', b: 'processing 2', c: 'completed 3' };

describe('track', () => {
  test(
    'emits transitions, numbered, and completes with the terminal one',
    marbles((m) => {
      const { tracker, asks } = scripted({ v: ['q', 'q', 'p', 'p', 's'] });
      m.expect(words(tracker.track('v'))).toBeObservable('  a 60001ms b 60001ms (c|)', say);
      m.flush();
      expect(asks()).toEqual(['v@0', 'v@30.001', 'v@60.002', 'v@90.003', 'v@120.004']);
    }),
  );

  test(
    'one poll serves all subscribers; a late one gets the last transition first',
    marbles((m) => {
      const { tracker, asks } = scripted({ v: ['q', 'p', 's'] });
      const task$ = words(tracker.track('v'));
      m.expect(task$).toBeObservable('      a 30s b 30s (c|)', say);
      m.expect(task$, '^ ').toBeObservable('a 30s b 30s (c|)', say);
      m.expect(task$, '40s ^').toBeObservable('40s b 20001ms (c|)', say);
      m.flush();
      expect(asks()).toHaveLength(3);
    }),
  );

  test(
    'the last subscriber to leave aborts the poll; others do not',
    marbles((m) => {
      const { transport, log } = scriptedTransport({ v: ['never'] });
      const tracker = createTracker({ provider: xingchaoyiqing({ apiKey: 'k1234567' }), transport });
      m.expect(tracker.track('v'), '^-----!').toBeObservable('-------');
      m.expect(tracker.track('v'), '^---------!').toBeObservable('-----------');
      m.flush();
      expect(log).toEqual([
        { type: 'request', id: 'v', at: 0 },
        { type: 'abort', id: 'v', at: 10 },
      ]);
    }),
  );

  test(
    'a terminal task is remembered until its video expires, and not asked about',
    marbles((m) => {
      const day = 86_400_000;
      const { tracker, asks } = scripted({ v: [{ status: 'completed', createdAt: 1000 }] });
      const once = () => words(tracker.track('v'));
      m.expect(once()).toBeObservable('(a|)', { a: 'completed 1' });
      m.expect(once(), '3600s ^').toBeObservable('3600s (a|)', { a: 'completed 1' });
      m.expect(once(), `${day + 1000}ms ^`).toBeObservable(`${day + 1000}ms (a|)`, { a: 'completed 1' });
      m.flush();
      expect(asks()).toEqual(['v@0', `v@${(day + 1000) / 1000}`]);
    }),
  );

  test(
    'a terminal task is remembered also if its subscriber leaves as soon as it receives it',
    marbles((m) => {
      const { tracker, asks } = scripted({ v: ['q', 's'] });
      const ended = tracker.track('v').pipe(first((task) => isTerminal(task)));
      m.expect(words(ended)).toBeObservable('30001ms (b|)', { b: 'completed 2' });
      m.expect(words(tracker.track('v')), '60s ^').toBeObservable('60s (b|)', { b: 'completed 2' });
      m.flush();
      expect(asks()).toEqual(['v@0', 'v@30.001']);
    }),
  );

  test(
    'resubscribing at once gives the last transition, and asks when the floor allows',
    marbles((m) => {
      const { tracker, asks } = scripted({ v: ['q', 'p', 's'] });
      const task$ = words(tracker.track('v'));
      m.expect(task$, '^---!').toBeObservable('a', say);
      m.expect(task$, '4s ^-!').toBeObservable('4s a', say);
      m.expect(task$, '8s ^').toBeObservable('8s a 1999ms b 30s (c|)', say);
      m.flush();
      expect(asks()).toEqual(['v@0', 'v@10', 'v@40.001']);
    }),
  );

  test(
    'an error is not remembered, but the floor is',
    marbles((m) => {
      const { tracker, asks } = scripted({ v: ['forbidden', 's'] });
      const task$ = words(tracker.track('v'));
      const failed = { name: 'TrackingError', message: expect.any(String) as string };
      m.expect(task$).toBeObservable('#', {}, failed);
      m.expect(task$, '2s ^').toBeObservable('10s (a|)', { a: 'completed 1' });
      m.flush();
      expect(asks()).toEqual(['v@0', 'v@10']);
    }),
  );

  test(
    'a subscriber that comes back inside its error handler is served again',
    marbles((m) => {
      const { tracker, asks } = scripted({ v: ['forbidden', 'q', 's'] });
      const seen: string[] = [];
      const subscribe = (again: () => void) =>
        words(tracker.track('v')).subscribe({ next: (word) => seen.push(word), error: again });
      subscribe(() => subscribe(() => seen.push('error')));
      m.flush();
      expect(seen).toEqual(['queued 1', 'completed 2']);
      expect(asks()).toEqual(['v@0', 'v@10', 'v@40.001']);
    }),
  );

  test(
    'the same id at two providers is two tasks',
    marbles((m) => {
      const { transport } = scriptedTransport({ v: ['s'] }, { latency: 0 });
      const one = xingchaoyiqing({ apiKey: 'k1234567' });
      const two = xingchaoyiqing({ apiKey: 'k7654321', name: 'second' });
      const tracker = createTracker({ provider: [one, two], transport });
      const names = merge(
        tracker.track({ id: 'v', provider: 'xingchaoyiqing' }),
        tracker.track({ id: 'v', provider: 'second' }),
      ).pipe(map(({ provider, seq }) => `${provider} ${String(seq)}`));
      m.expect(names).toBeObservable('(ab|)', { a: 'xingchaoyiqing 1', b: 'second 1' });
    }),
  );

  test(
    'a consumer may leave inside next',
    marbles((m) => {
      const { tracker, log } = scripted({ v: ['q', 'p'] });
      const seen: string[] = [];
      const subscription = tracker.track('v').subscribe({
        next: (task) => {
          seen.push(task.status);
          subscription.unsubscribe();
        },
        error: () => seen.push('error'),
      });
      m.flush();
      expect(seen).toEqual(['queued']);
      expect(log.filter(({ type }) => type === 'request')).toHaveLength(1);
    }),
  );
});

describe('pace', () => {
  test.each([
    [
      'the window of the model that the answer names',
      [{ status: 'queued', model: 'seedance_1_5_pro_480p' }, 's'],
      'v',
      {},
      10_001,
    ],
    ['the window of the hint', ['q', 's'], { id: 'v', hint: 'flex' }, {}, 60_001],
    ['a fixed interval', ['q', 's'], 'v', { interval: 12_000 }, 12_001],
    ['an interval below the floor, with minInterval', ['q', 's'], 'v', { interval: 2_000, minInterval: 2_000 }, 2_001],
    ['windows of the caller', ['q', 's'], 'v', { windows: { '*': { min: 45_000, max: 45_000 } } }, 45_001],
    [
      'the model of the ref, where a poll was missed',
      ['server', 's'],
      { id: 'v', model: 'seedance_1_5_pro_480p' },
      {},
      10_000,
    ],
  ] as const)('%s', (_what, steps, ref, options, wait) => {
    marbles((m) => {
      const { tracker, log } = scripted({ v: [...steps] }, options);
      tracker.track(ref).subscribe();
      m.flush();
      const [first, second] = log.filter(({ type }) => type === 'request');
      expect((second?.at ?? NaN) - (first?.at ?? NaN)).toBe(wait);
    })();
  });

  test(
    'the generations wire waits 15 s, and its floor holds for a notifier',
    marbles((m) => {
      const { transport, log } = scriptedTransport({ v: ['q', 'p', 's'] }, { latency: 0 });
      const notifier = timer(16_000);
      const provider = alad({ apiKey: 'k1234567' });
      const tracker = createTracker({ provider, transport, cadence: 'uniform', random: () => 0, notifier });
      tracker.track('v').subscribe();
      m.flush();
      const asks = log.filter(({ type }) => type === 'request').map(({ at }) => at);
      expect(asks).toEqual([0, 15_001, 30_001]);
    }),
  );

  test(
    'speed divides waits, back-off and deadline, not Retry-After',
    marbles((m) => {
      const { transport, log } = scriptedTransport({ v: ['q', errorReply('rate-limited', 5), 'q'] }, { latency: 0 });
      const provider = xingchaoyiqing({ apiKey: 'k1234567', baseUrl: 'http://127.0.0.1:1' });
      const exact = { cadence: 'uniform', random: () => 0 } as const;
      const tracker = createTracker({ provider, transport, ...exact, speed: 100, deadline: 1_000_000 });
      let reason = '';
      tracker.track('v').subscribe({
        error: (error: unknown) => {
          reason = isTrackingError(error) ? error.reason : '';
          expect(m.scheduler.now()).toBe(10_000);
        },
      });
      m.flush();
      expect(reason).toBe('deadline');
      const [first = 0, second = 0, third = 0] = log.filter(({ type }) => type === 'request').map(({ at }) => at);
      expect([first, second - first, third - second]).toEqual([0, 301, 5000]);
    }),
  );

  test('a deadline counts from createdAt, where that is known; one query is tried all the same', () => {
    vi.useFakeTimers();
    try {
      const { tracker, log } = scripted({ late: ['q'], early: ['q'] }, { deadline: 100_000 });
      const reasons: string[] = [];
      const started = Date.now();
      const note = (id: string) => ({
        error: (error: unknown) =>
          reasons.push(`${id} ${isTrackingError(error) ? error.reason : String(error)} at ${Date.now() - started}`),
      });
      tracker.track({ id: 'late', createdAt: started - 500_000 }).subscribe(note('late'));
      tracker.track({ id: 'early', createdAt: new Date(started - 60_000) }).subscribe(note('early'));
      vi.advanceTimersByTime(100_000);
      expect(reasons).toEqual(['late deadline at 0', 'early deadline at 40000']);
      expect(log.filter(({ type, id }) => type === 'answer' && id === 'late')).toHaveLength(1);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('close', () => {
  test(
    'completes every stream and stops every poll',
    marbles((m) => {
      const { tracker, log } = scripted({ v: ['q'], w: ['never'] });
      m.scheduler.schedule(() => {
        tracker.close();
      }, 5);
      m.expect(tracker.track('v').pipe(map(({ status }) => status))).toBeObservable('a----|', { a: 'queued' });
      m.expect(tracker.track('w')).toBeObservable('-----|');
      m.flush();
      expect(log.at(-1)).toEqual({ type: 'abort', id: 'w', at: 5 });
      expect(() => tracker.track('v')).toThrow('closed');
    }),
  );

  test(
    'query still asks after close: a save that is under way may need a fresh URL',
    marbles((m) => {
      const { tracker } = scripted({ v: ['s'] });
      tracker.close();
      m.expect(tracker.query('v').pipe(map(({ status }) => status))).toBeObservable('a|', { a: 'completed' });
    }),
  );

  test('no timer is left behind', () => {
    vi.useFakeTimers();
    try {
      const { tracker } = scripted({ v: ['q'], w: ['server'] });
      const subscription = merge(tracker.track('v'), tracker.track('w')).subscribe();
      vi.advanceTimersByTime(100_000);
      expect(vi.getTimerCount()).toBeGreaterThan(0);
      subscription.unsubscribe();
      tracker.close();
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});
