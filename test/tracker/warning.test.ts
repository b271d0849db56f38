import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createGate, createTracker, mingyan, xingchaoyiqing, type TrackerOptions } from 'rx-video-tasks';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import { marbles } from '../marbles.js';

const provider = [
  xingchaoyiqing({ apiKey: 'test-key-0123456789' }),
  mingyan({ apiKey: 'test-key-0123456789' }),
] as const;
const warn = vi.spyOn(console, 'warn');

beforeEach(() => {
  warn.mockReset().mockReturnValue();
});
afterAll(() => {
  warn.mockRestore();
});

type Script = Parameters<typeof scriptedTransport>[0];

/** Tracks all tasks of a script; those whose id begins with `m` at mingyan. */
function track(script: Script, options: Partial<TrackerOptions> = {}): string[] {
  marbles((m) => {
    const { transport } = scriptedTransport(script);
    const tracker = createTracker({ provider, transport, gate: createGate(), ...options });
    const refs = Object.keys(script).map((id) => ({ id, provider: id.startsWith('m') ? 'mingyan' : 'xingchaoyiqing' }));
    tracker.trackAll(refs).subscribe();
    m.flush();
  })();
  return warn.mock.calls.map(([message]) => message as string);
}

test('three missed first polls of a provider warn once, and the warning says how to listen', () => {
  const warnings = track({ v: ['network', 'network', 'network', 'network', 'network', 'network', 's'] });
  expect(warnings).toEqual([
    'rx-video-tasks: 3 first polls at xingchaoyiqing were missed, the last one [network]: ' +
      `xingchaoyiqing at ${new URL(provider[0].baseUrl).host} could not be asked about task v: the script says network ` +
      '(polling goes on; to receive misses instead of this warning, write createTracker({ onMiss }) or subscribe to the ' +
      'diagnostics channel "rx-video-tasks:miss")',
  ]);
});

test('once for each provider, over all of its tasks', () => {
  const one = ['server', 's'] as const;
  const warnings = track({ a: one, b: one, c: one, d: one, m1: one, m2: one, m3: one, m4: one });
  expect(warnings.map((warning) => /polls at (\w+)/.exec(warning)?.[1])).toEqual(['xingchaoyiqing', 'mingyan']);
});

test.each([
  ['two missed first polls', { v: ['network', 'network', 's'] }],
  ['misses after an answer', { v: ['q', 'network', 'network', 'network', 'network', 's'] }],
  ['a busy key', { v: ['rate-limited', 'rate-limited', 'rate-limited', 'rate-limited', 's'] }],
  ['tasks that are not stored yet', { a: ['not-found', 's'], b: ['not-found', 's'], c: ['not-found', 's'] }],
] as [string, Script][])('no warning for %s', (_, script) => {
  expect(track(script)).toEqual([]);
});

test('no warning where onMiss, or a subscriber to the channel, receives the misses', () => {
  const script: Script = { v: ['network', 'network', 'network', 'network', 's'] };
  const misses = vi.fn();
  expect(track(script, { onMiss: misses })).toEqual([]);
  subscribe('rx-video-tasks:miss', misses);
  expect(track(script)).toEqual([]);
  unsubscribe('rx-video-tasks:miss', misses);
  expect(misses).toHaveBeenCalledTimes(8);
});
