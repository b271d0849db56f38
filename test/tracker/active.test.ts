import { BehaviorSubject, map, Subject, type Observable } from 'rxjs';
import { createGate, createTracker, xingchaoyiqing, type Task, type TrackerOptions } from 'rx-video-tasks';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { marbles } from '../marbles.js';

type Script = Parameters<typeof scriptedTransport>[0];

const switches = { t: true, f: false };
const word = ({ status }: Task) => status.slice(0, 1);

/** A tracker with waits of 30 s whose released polls are spread to the middle of 10 s. */
function scripted(script: Script, options: Partial<TrackerOptions>, latency = 0) {
  const { transport, log } = scriptedTransport(script, { latency });
  const provider = xingchaoyiqing({ apiKey: 'test-key-0123456789' });
  const tracker = createTracker({ provider, transport, interval: 30_000, random: () => 0.5, ...options });
  const asks = () => log.filter(({ type }) => type === 'request').map(({ id, at }) => `${id}@${at / 1000}`);
  return { tracker, log, asks, track: (id: string) => tracker.track(id).pipe(map(word)) };
}

describe('active', () => {
  test(
    'no poll starts while its last value is false; those that are due are spread afterwards',
    marbles((m) => {
      const active = m.hot('      ^ 39s f 50999ms t', switches);
      const { track, asks } = scripted({ v: ['q', 'p', 's'] }, { active });
      const expected = '          q 30s p 64999ms (c|)';
      m.expect(track('v')).toBeObservable(expected);
      m.flush();
      expect(asks()).toEqual(['v@0', 'v@30.001', 'v@95.001']);
    }),
  );

  test(
    'without a value, and with true, everything goes on',
    marbles((m) => {
      for (const active of [m.hot('^', switches), m.hot('^ 10s t 10s |', switches)]) {
        const { track } = scripted({ v: ['q', 's'] }, { active });
        m.expect(track('v')).toBeObservable('q 30s (c|)');
      }
    }),
  );

  test(
    'a poll that is not due when polls may start again keeps its time',
    marbles((m) => {
      const active = m.hot('^ 4s f 9999ms t', switches);
      const { track } = scripted({ v: ['q', 's'] }, { active });
      m.expect(track('v')).toBeObservable('q 30s (c|)');
    }),
  );

  test(
    'the first poll waits too, and a notifier starts none',
    marbles((m) => {
      const active = new BehaviorSubject(false);
      const notifier = m.hot('^ 4s x 20s x', { x: 0 });
      const { track, asks } = scripted({ v: ['s'] }, { active, notifier });
      m.expect(track('v')).toBeObservable('65s (c|)');
      m.scheduler.schedule(() => {
        active.next(true);
      }, 60_000);
      m.flush();
      expect(asks()).toEqual(['v@65']);
    }),
  );

  test(
    'polls that became due meanwhile do not all go at once',
    marbles((m) => {
      const active = m.hot('f 99999ms t', switches);
      let nth = 0;
      const random = () => (nth++ % 10) / 10;
      const ids = Array.from({ length: 10 }, (_, n) => `v${n}`);
      const { tracker, asks } = scripted(Object.fromEntries(ids.map((id) => [id, ['s']])), { active, random });
      m.scheduler.schedule(() => tracker.trackAll(ids).subscribe(), 1);
      m.flush();
      const times = asks().map((ask) => ask.split('@')[1]);
      expect(times).toEqual(['100', '101', '102', '103', '104', '105', '106', '107', '108', '109']);
    }),
  );

  test(
    'a request in flight is answered; one that waits at the gate is withdrawn, and goes afterwards',
    marbles((m) => {
      const active = m.hot('^ 2s f 97s t', switches);
      const gate = createGate({ maxInFlight: 1 });
      const { track, asks, tracker } = scripted({ v: ['s'], w: ['s'] }, { active, gate }, 5_000);
      m.expect(track('v')).toBeObservable('5s (c|)');
      m.expect(track('w')).toBeObservable('109002ms (c|)');
      m.scheduler.schedule(() => {
        expect(tracker.stats()).toMatchObject({
          active: false,
          providers: { xingchaoyiqing: { waiting: 0, inFlight: 1 } },
        });
      }, 3_000);
      m.flush();
      expect(asks()).toEqual(['v@0', 'w@104.002']);
    }),
  );

  test(
    'deadlines run on, also for a task that was never asked about',
    marbles((m) => {
      const active = m.hot('^ 10s f', switches);
      const { tracker, asks } = scripted({ v: ['q'] }, { active, deadline: 60_000 });
      const reasons: string[] = [];
      const note = (id: string) =>
        tracker.track(id).subscribe({
          error: (error: unknown) => reasons.push(`${(error as Error).message.slice(0, 60)} @${m.scheduler.now()}`),
        });
      note('v');
      m.scheduler.schedule(() => note('w'), 20_000);
      m.flush();
      expect(reasons).toEqual([
        'xingchaoyiqing task v: tracking ended [deadline] (queued at  @60000',
        'xingchaoyiqing task w: tracking ended [deadline] (no answer) @80000',
      ]);
      expect(asks()).toEqual(['v@0']);
    }),
  );

  test(
    'unsubscribing while polls are held leaves nothing behind',
    marbles((m) => {
      const active = m.hot('f 99999ms t', switches);
      const { track, asks } = scripted({ v: ['q', 's'] }, { active });
      m.expect(track('v'), '1s ^ 10s !').toBeObservable('');
      m.flush();
      expect(asks()).toEqual([]);
    }),
  );

  test(
    'subscribes once, from createTracker to close',
    marbles((m) => {
      const active = m.cold<boolean>('-');
      const { tracker, track } = scripted({ v: ['q'] }, { active });
      m.expect(active).toHaveSubscriptions('^ 99999ms !');
      m.expect(track('v')).toBeObservable('q 99999ms |');
      m.scheduler.schedule(() => {
        tracker.close();
      }, 100_000);
    }),
  );

  test('its error errors every stream, also of tasks that are tracked later', () => {
    const active = new Subject<boolean>();
    const { track } = scripted({ v: ['never'], w: ['never'] }, { active });
    const errors: unknown[] = [];
    const listen = (task$: Observable<unknown>) => task$.subscribe({ error: (error: unknown) => errors.push(error) });
    listen(track('v'));
    const failure = new Error('no such element');
    active.error(failure);
    listen(track('w'));
    expect(errors).toEqual([failure, failure]);
  });
});
