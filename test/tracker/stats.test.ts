import { createGate, createTracker, mingyan, xingchaoyiqing } from 'rx-video-tasks';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { expect, test } from 'vitest';
import { marbles } from '../marbles.js';

const none = { unanswered: 0, queued: 0, processing: 0, unknown: 0, completed: 0, failed: 0, cancelled: 0 };

test(
  'stats counts tasks by state, and requests at the gate, by provider',
  marbles((m) => {
    const { transport } = scriptedTransport(
      { a: ['q'], b: ['p'], c: ['s'], d: ['f'], e: ['never'], w1: ['never'], w2: ['never'] },
      { latency: 0 },
    );
    const gate = createGate({ maxInFlight: 1, requestsPerMinute: 6_000 });
    const provider = [xingchaoyiqing({ apiKey: 'key-0123456789' }), mingyan({ apiKey: () => 'other-0123456789' })];
    const tracker = createTracker({ provider, transport, gate });
    expect(tracker.stats()).toEqual({
      active: true,
      providers: {
        xingchaoyiqing: { tasks: none, waiting: 0, inFlight: 0 },
        mingyan: { tasks: none, waiting: 0, inFlight: 0 },
      },
    });
    const track = (id: string, provider = 'xingchaoyiqing') => tracker.track({ id, provider }).subscribe();
    const left = track('a');
    for (const id of ['b', 'c', 'd', 'e']) track(id);
    track('w1', 'mingyan');
    track('w2', 'mingyan');
    const seen: unknown[] = [];
    m.scheduler.schedule(() => {
      seen.push(tracker.stats());
      left.unsubscribe();
      seen.push(tracker.stats().providers['xingchaoyiqing']?.tasks.queued);
      tracker.close();
      seen.push(tracker.stats().providers['xingchaoyiqing']?.tasks);
    }, 5_000);
    m.flush();
    expect(seen).toEqual([
      {
        active: true,
        providers: {
          xingchaoyiqing: {
            tasks: { ...none, unanswered: 1, queued: 1, processing: 1, completed: 1, failed: 1 },
            ...{ waiting: 0, inFlight: 1, requestsPerMinute: expect.any(Number) as number },
          },
          mingyan: {
            tasks: { ...none, unanswered: 2 },
            ...{ waiting: 1, inFlight: 1, requestsPerMinute: expect.any(Number) as number },
          },
        },
      },
      0,
      none,
    ]);
    expect(JSON.parse(JSON.stringify(seen[0]))).toEqual(seen[0]);
  }),
);

test('a gate without stats shows no requests', () => {
  const { transport } = scriptedTransport({ a: ['never'] });
  const provider = xingchaoyiqing({ apiKey: 'key-0123456789' });
  const tracker = createTracker({ provider, transport, gate: { admit: (_ticket, request) => request } });
  tracker.track('a').subscribe();
  expect(tracker.stats().providers).toEqual({
    xingchaoyiqing: { tasks: { ...none, unanswered: 1 }, waiting: 0, inFlight: 0 },
  });
  tracker.close();
});
