import { ignoreElements, map, mergeMap, NEVER, retry, Subject, take, tap, timer, toArray } from 'rxjs';
import {
  alad,
  createGate,
  createTracker,
  isTrackingError,
  resultWindows,
  xingchaoyiqing,
  type Gate,
  type TaskRef,
  type Tracker,
  type TrackerOptions,
} from 'rx-video-tasks';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { describe, expect, test, vi } from 'vitest';
import { marbles, type RunContext } from '../marbles.js';
import { listen } from '../operators/polls.js';

type Script = Parameters<typeof scriptedTransport>[0];

function scripted(script: Script, options: Partial<TrackerOptions> = {}) {
  const { transport, log } = scriptedTransport(script, { latency: 0 });
  const provider = xingchaoyiqing({ apiKey: 'test-key-0123456789' });
  const exact = { gate: createGate(), cadence: 'uniform', random: () => 0 } as const;
  const tracker = createTracker({ provider, transport, ...exact, ...options });
  const asks = () => log.filter(({ type }) => type === 'request').map(({ id, at }) => `${id}@${at / 1000}`);
  return { tracker, asks };
}

describe('the floor holds, whatever is remembered of the task', () => {
  test(
    'a completed task whose URL has expired is asked about again, but not 100 times in a second',
    marbles((m) => {
      const { tracker, asks } = scripted({ v: [{ status: 'completed', createdAt: 1_000 }] });
      listen(tracker.track('v'));
      const seen: string[] = [];
      for (let nth = 0; nth < 100; nth++) {
        m.scheduler.schedule(
          () => {
            listen(tracker.track('v'), ({ status, seq }) => seen.push(`${status} ${String(seq)}`));
          },
          86_402_000 + nth * 10,
        );
      }
      m.flush();
      expect(asks()).toEqual(['v@0', 'v@86402', 'v@86412']);
      expect(seen).toEqual(Array.from({ length: 100 }, () => 'completed 1'));
    }),
  );

  test(
    'a task that is forgotten',
    marbles((m) => {
      const { tracker, asks } = scripted({ v: ['q', 'p', 's'] });
      m.expect(tracker.track('v').pipe(map(({ seq }) => String(seq)))).toBeObservable('1--|');
      m.scheduler.schedule(() => {
        void tracker.forget('v');
      }, 3);
      m.expect(tracker.track('v').pipe(map(({ seq }) => String(seq))), '4ms ^').toBeObservable('10s 1 30s (2|)');
      m.flush();
      expect(asks()).toEqual(['v@0', 'v@10', 'v@40.001']);
    }),
  );

  test.each([0, 2_000])('F41 a task past its deadline of %d ms that is tracked again and again', (deadline) => {
    marbles((m) => {
      const { tracker, asks } = scripted({ v: ['q'] }, { deadline });
      const tracking = tracker
        .track('v')
        .pipe(retry({ delay: 20 }))
        .subscribe();
      m.scheduler.schedule(() => {
        tracking.unsubscribe();
      }, 35_000);
      m.flush();
      expect(asks().slice(0, 4)).toEqual(['v@0', 'v@10', 'v@20', 'v@30']);
      expect(asks()).toHaveLength(4);
    })();
  });

  test.each([0, 2_000])(
    'F41 a task with a deadline of %d ms that is left and tracked again in the same ms is asked about',
    (deadline) => {
      marbles((m) => {
        const { tracker, asks } = scripted({ v: ['never', 's'] }, { deadline });
        tracker.track('v').subscribe().unsubscribe();
        const status$ = tracker.track('v').pipe(map(({ status }) => status));
        m.expect(status$).toBeObservable('10s (c|)', { c: 'completed' });
        m.flush();
        expect(asks()).toEqual(['v@0', 'v@10']);
      })();
    },
  );

  test(
    'but does not begin with a request that was withdrawn before it was sent',
    marbles((m) => {
      const apiKey = () => timer(5).pipe(map(() => 'test-key-0123456789'));
      const { tracker, asks } = scripted({ v: ['s'] }, { provider: xingchaoyiqing({ apiKey }) });
      m.expect(tracker.track('v'), '^-!').toBeObservable('-');
      const status$ = tracker.track('v').pipe(map(({ status }) => status));
      m.expect(status$, '----^').toBeObservable('---------(c|)', { c: 'completed' });
      m.flush();
      expect(asks()).toEqual(['v@0.009']);
    }),
  );
});

describe('F29 a deadline that passes while the first request waits for its turn', () => {
  const ids = Array.from({ length: 60 }, (_, nth) => `v${nth}`);
  const scriptOf = (step: 'q' | 'never') => Object.fromEntries(ids.map((id) => [id, [step]] as const));
  /** One request a second; the reason and the time of each end, in s. */
  function ends(m: RunContext, options: Partial<TrackerOptions>, script: Script) {
    const gate = createGate({ requestsPerMinute: 60 });
    const { tracker, asks } = scripted(script, { gate, ...options });
    const seen: string[] = [];
    listen(tracker.trackAll(ids), (task) => {
      if (task.status === 'lost') seen.push(`${task.id} ${task.error.reason}@${Math.round(m.scheduler.now() / 1000)}`);
    });
    m.flush();
    return { asks, seen };
  }

  test(
    'each of the tasks is asked about once',
    marbles((m) => {
      const script = scriptOf('q');
      const { asks, seen } = ends(m, { deadline: 10_000 }, script);
      expect(asks()).toHaveLength(60);
      expect(seen.slice(-2)).toEqual(['v58 deadline@58', 'v59 deadline@59']);
    }),
  );

  test(
    'for a day at most: then there is no record left',
    marbles((m) => {
      const gate: Gate = { admit: () => NEVER };
      const { tracker } = scripted({}, { gate, deadline: 10_000 });
      const reason$ = tracker.trackAll(['v']).pipe(map((task) => (task.status === 'lost' ? task.error.reason : '')));
      m.expect(reason$).toBeObservable('86400s (d|)', { d: 'deadline' });
    }),
  );

  test(
    'and has an ordinary wait to be answered in',
    marbles((m) => {
      const script = scriptOf('never');
      const { asks, seen } = ends(m, { deadline: 10_000 }, script);
      expect(asks()).toHaveLength(60);
      expect(seen.at(-1)).toBe('v59 deadline@89');
    }),
  );
});

test(
  'F41 a subscriber that leaves inside the replay and subscribes again there is polled for',
  marbles((m) => {
    const { tracker, asks } = scripted({ v: ['q', 'p', 's'] });
    const task$ = tracker.track('v');
    m.expect(task$.pipe(map(({ seq }) => String(seq))), '^-!').toBeObservable('1');
    const seen: string[] = [];
    const again = task$.pipe(
      take(1),
      mergeMap(() => task$),
    );
    m.scheduler.schedule(() => {
      listen(again, ({ status }) => seen.push(status));
    }, 5_000);
    m.flush();
    expect(seen).toEqual(['queued', 'processing', 'completed']);
    expect(asks()).toEqual(['v@0', 'v@10', 'v@40.001']);
  }),
);

describe('a later ref of a task that is not polled now', () => {
  const model = 'seedance_1_5_pro_480p';
  const flex = { id: 'v', hint: 'flex' };
  /** A first subscriber, which leaves after a second, and another one at 5 s: when the task is asked about, in s. */
  const asksOf = (
    first: TaskRef,
    later: TaskRef,
    script: Script,
    between?: (tracker: Tracker) => void,
    options: Partial<TrackerOptions> = {},
  ) => {
    let asked: number[] = [];
    marbles((m) => {
      const { tracker, asks } = scripted(script, options);
      m.expect(tracker.track(first).pipe(ignoreElements()), '^ 999ms !').toBeObservable('---');
      m.scheduler.schedule(() => between?.(tracker), 2_000);
      m.scheduler.schedule(() => {
        listen(tracker.track(later));
      }, 5_000);
      m.flush();
      asked = asks().map((ask) => Math.round(Number(ask.slice('v@'.length))));
    })();
    return asked;
  };

  test('adds its hint, after an answer too: no answer names flex', () => {
    expect(asksOf('v', flex, { v: ['q', 'p', 's'] })).toEqual([0, 10, 70]);
    const named = { status: 'processing', model } as const;
    expect(asksOf('v', flex, { v: [named, named, 's'] })).toEqual([0, 10, 70]);
  });

  test('adds its model until an answer names one', () => {
    const ref = { id: 'v', model };
    // A miss before any answer is followed by the shortest wait of the window.
    expect(asksOf('v', ref, { v: ['never', 'server', 's'] })).toEqual([0, 10, 20]);
    const named = { status: 'processing', model: 'viduq3-pro' } as const;
    expect(asksOf('v', ref, { v: [named, 'server', 's'] })).toEqual([0, 10, 40]);
    // This service names no model before the end.
    const options = { provider: alad({ apiKey: 'test-key-0123456789' }), windows: resultWindows, minInterval: 10_000 };
    expect(asksOf('v', ref, { v: ['q', 'p', 's'] }, undefined, options)).toEqual([0, 10, 20]);
  });

  test('adds its floor', () => {
    const veo = { id: 'v', model: 'veo_3_1' };
    expect(asksOf('v', veo, { v: ['never', 's'] })).toEqual([0, 30]);
    // After an answer too, where the service names no model before the end.
    const [any, slow] = [
      { min: 30_000, max: 60_000 },
      { min: 30_000, max: 60_000, floor: 30_000 },
    ];
    const options = { provider: alad({ apiKey: 'test-key-0123456789' }), windows: { '*': any, slow } };
    expect(asksOf('v', { id: 'v', model: 'slow' }, { v: ['q', 'q', 's'] }, undefined, options)).toEqual([0, 30, 60]);
    // A floor of before still holds.
    expect(asksOf(veo, { id: 'v', model }, { v: ['never', 's'] })).toEqual([0, 30]);
  });

  test('wins where both have a field, and keeps the others', () => {
    const first = { id: 'v', model };
    const script: Script = { v: ['never', 'server', 's'] };
    expect(asksOf(first, { id: 'v', model: 'viduq3-pro' }, script)).toEqual([0, 10, 40]);
    expect(asksOf(first, 'v', script)).toEqual([0, 10, 20]);
    expect(asksOf(flex, 'v', script)).toEqual([0, 10, 70]);
  });

  test('is all that is known of a task that was forgotten, but for the floor', () => {
    const forget = (tracker: Tracker) => {
      listen(tracker.forget(flex));
    };
    expect(asksOf(flex, 'v', { v: ['q', 'p', 's'] }, forget)).toEqual([0, 10, 40]);
    expect(asksOf('v', flex, { v: ['q', 'p', 's'] }, forget)).toEqual([0, 10, 70]);
  });

  test('adds its createdAt: the deadline counts from it, and not found is expired', () => {
    vi.useFakeTimers();
    try {
      const reasons: string[] = [];
      const started = Date.now();
      for (const [id, age, deadline] of [
        ['v', 60_000, 100_000],
        ['w', 90_000_000, 200_000_000],
      ] as const) {
        const { tracker } = scripted({ v: ['never', 'q'], w: ['never', 'not-found'] }, { deadline });
        tracker.track(id).subscribe().unsubscribe();
        tracker.track({ id, createdAt: started - age }).subscribe({
          error: (error: unknown) =>
            reasons.push(`${id} ${isTrackingError(error) ? error.reason : ''} at ${Date.now() - started}`),
        });
      }
      vi.advanceTimersByTime(200_000);
      expect(reasons).toEqual(['w expired at 10001', 'v deadline at 40000']);
    } finally {
      vi.useRealTimers();
    }
  });

  test(
    'does not change a poll that runs',
    marbles((m) => {
      const { tracker, asks } = scripted({ v: ['q', 'p', 's'] });
      listen(tracker.track('v'));
      m.scheduler.schedule(() => {
        listen(tracker.track(flex));
      }, 1_000);
      m.flush();
      expect(asks()).toEqual(['v@0', 'v@30.001', 'v@60.002']);
    }),
  );
});

describe('trackAll', () => {
  test(
    'tracks refs of one task in an array with the fields of all of them; the later one wins',
    marbles((m) => {
      const { tracker, asks } = scripted({ v: ['server', 's'], w: ['server', 's'] });
      const refs = [
        ...[{ id: 'v', hint: 'flex' }, 'v', { id: 'v', model: 'viduq3-pro' }],
        ...[
          { id: 'w', hint: 'flex' },
          { id: 'w', hint: 'seedance_1_5_pro_480p' },
        ],
      ];
      listen(tracker.trackAll(refs));
      m.flush();
      expect(asks()).toEqual(['v@0', 'w@0', 'w@10', 'v@60']);
    }),
  );

  test(
    'completes when the tracker is closed, over a source that stays open too',
    marbles((m) => {
      const { tracker } = scripted({ v: ['q'] });
      const refs = new Subject<TaskRef>();
      m.scheduler.schedule(() => {
        refs.next('v');
      }, 2);
      m.scheduler.schedule(() => {
        tracker.close();
      }, 5);
      m.expect(tracker.trackAll(refs).pipe(map(({ id }) => id))).toBeObservable('--v--|');
      m.expect(tracker.trackAll(NEVER)).toBeObservable('-----|');
      m.expect(tracker.trackAll(NEVER), '-------^').toBeObservable('-------|');
    }),
  );

  test(
    'tracks equal refs once: of an array, and of a stream while their task is open',
    marbles((m) => {
      const { tracker, asks } = scripted({ v: ['q', 's'], w: ['s'] });
      const seen: string[][] = [];
      const note = tap((all: string[]) => seen.push(all));
      const words = map(({ id, status }: { id: string; status: string }) => `${id} ${status}`);
      listen(tracker.trackAll(['v', { id: 'v' }, 'w', 'w']).pipe(words, toArray(), note));
      listen(tracker.trackAll(m.cold('(vvw)-w-v|', { v: 'v', w: 'w' })).pipe(words, toArray(), note));
      m.flush();
      expect(seen).toEqual([
        ['v queued', 'w completed', 'v completed'],
        // w has ended when it is named again.
        ['v queued', 'w completed', 'w completed', 'v completed'],
      ]);
      expect(asks()).toEqual(['v@0', 'w@0', 'v@30.001']);
    }),
  );

  test(
    'gives each subscriber all tasks of an array',
    marbles((m) => {
      const { tracker } = scripted({ v: ['s'], w: ['s'] });
      const ids = tracker.trackAll(['v', 'w']).pipe(map(({ id }) => id));
      m.expect(ids).toBeObservable('(vw|)');
      m.expect(ids, '-----^').toBeObservable('-----(vw|)');
    }),
  );
});
