import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import { createGate, createTracker, xingchaoyiqing } from 'rx-video-tasks';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { marbles } from '../marbles.js';

const KEY = 'secret-0123456789';

test('diagnostics_channel publishes missed polls and lost tasks, and no secret', () => {
  const published: [name: string, message: object][] = [];
  const listeners = ['miss', 'lost'].map((name) => {
    const channel = `rx-video-tasks:${name}`;
    const listener = (message: unknown) => published.push([name, message as object]);
    subscribe(channel, listener);
    return () => unsubscribe(channel, listener);
  });
  const reported: number[] = [];
  marbles((m) => {
    const secret = { status: 403, headers: {}, body: JSON.stringify({ error: { message: `${KEY} may not` } }) };
    const { transport } = scriptedTransport({ v: ['u', 'network', secret] });
    const provider = xingchaoyiqing({ apiKey: KEY });
    const tracker = createTracker({
      provider,
      transport,
      gate: createGate(),
      onMiss: ({ misses }) => reported.push(misses),
    });
    tracker.track('v').subscribe({ error: () => 0 });
    m.flush();
  })();
  for (const stop of listeners) stop();
  expect(published).toMatchObject([
    ['miss', { provider: 'xingchaoyiqing', id: 'v', kind: 'network', misses: 1 }],
    ['lost', { provider: 'xingchaoyiqing', id: 'v', error: { reason: 'query' } }],
  ]);
  expect(Object.keys(published[0]?.[1] ?? {})).not.toContain('last');
  expect(inspect(published, { depth: 10, showHidden: true })).not.toContain(KEY.slice(0, 8));
  expect(reported).toEqual([1]);
});
