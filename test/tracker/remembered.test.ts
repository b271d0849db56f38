import { map, mergeMap, NEVER, Subject, take, tap, toArray } from 'rxjs';
import { createTracker, xingchaoyiqing, type TaskRef, type TrackerOptions } from 'rx-video-tasks';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { marbles } from '../marbles.js';
import { listen } from '../operators/polls.js';

type Script = Parameters<typeof scriptedTransport>[0];

function scripted(script: Script, options: Partial<TrackerOptions> = {}) {
  const { transport, log } = scriptedTransport(script, { latency: 0 });
  const provider = xingchaoyiqing({ apiKey: 'test-key-0123456789' });
  const tracker = createTracker({ provider, transport, cadence: 'uniform', random: () => 0, ...options });
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

describe('trackAll', () => {
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
