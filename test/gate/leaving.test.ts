import { asyncScheduler, NEVER, Observable } from 'rxjs';
import { createGate, createTracker, mingyan, type Transport } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { marbles } from '../marbles.js';

const ticket = { origin: 'https://api.example.com', key: 'one' };

/** Requests that never end; counts how many have begun. */
function hanging() {
  const counts = { begun: 0, open: 0 };
  const request = new Observable<never>(() => {
    counts.begun += 1;
    counts.open += 1;
    return () => (counts.open -= 1);
  });
  return { request, counts };
}

describe('F38 a crowd that leaves', () => {
  test.each([
    ['without a limit', { requestsPerMinute: Infinity }],
    ['at the start of a key', {}],
    ['at 300 requests a second', { requestsPerMinute: 18_000 }],
  ])('begins no request: %s', (_name, options) => {
    marbles((m) => {
      const gate = createGate(options);
      const { request, counts } = hanging();
      const crowd = Array.from({ length: 20_000 }, () => gate.admit(ticket, request).subscribe());
      m.scheduler.schedule(() => {
        const before = counts.begun;
        for (const subscription of crowd) subscription.unsubscribe();
        expect(counts).toEqual({ begun: before, open: 0 });
      }, 2_000);
      m.flush();
      expect(counts.open).toBe(0);
      expect(m.scheduler.now()).toBe(2_000);
    })();
  });

  test('leaves its places to those who stay, a moment later', () => {
    marbles((m) => {
      const gate = createGate({ requestsPerMinute: Infinity, maxInFlight: 2 });
      const { request, counts } = hanging();
      const leaving = [gate.admit(ticket, request).subscribe(), gate.admit(ticket, request).subscribe()];
      const staying = gate.admit(ticket, NEVER).subscribe();
      const later = m.cold('a|');
      m.scheduler.schedule(() => {
        for (const subscription of leaving) subscription.unsubscribe();
        expect(counts.begun).toBe(2);
      }, 3);
      m.expect(gate.admit(ticket, later)).toBeObservable('---a|');
      m.expect(later).toHaveSubscriptions('            ---^!');
      m.flush();
      staying.unsubscribe();
    })();
  });

  test('of tracked tasks begins no request', async () => {
    let begun = 0;
    const transport: Transport = () =>
      new Observable(() => {
        begun += 1;
      });
    const provider = mingyan({ apiKey: 'key-of-a-crowd' });
    const tracker = createTracker({ provider, transport, gate: createGate({ requestsPerMinute: Infinity }) });
    const crowd = Array.from({ length: 2_000 }, (_, nth) => tracker.track(`t${nth}`).subscribe());
    expect(begun).toBe(32);
    for (const subscription of crowd) subscription.unsubscribe();
    await new Promise((resolve) => asyncScheduler.schedule(resolve, 20));
    expect(begun).toBe(32);
    tracker.close();
  });
});
