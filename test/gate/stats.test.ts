import { NEVER, Subject } from 'rxjs';
import { createGate, QueryError } from 'rx-video-tasks';
import { expect, test } from 'vitest';
import { marbles } from '../marbles.js';

const ticket = { origin: 'https://api.example.com', key: 'one' };
const another = { ...ticket, key: 'another' };

test('stats counts what waits and what is in flight, of this origin and key alone', () => {
  const gate = createGate({ maxInFlight: 2 });
  expect(gate.stats(ticket)).toEqual({ waiting: 0, inFlight: 0 });
  const first = new Subject<never>();
  const requests = [first, NEVER, NEVER].map((request) => gate.admit(ticket, request).subscribe());
  gate.admit(another, NEVER).subscribe();
  expect(gate.stats(ticket)).toEqual({ waiting: 1, inFlight: 2 });
  expect(gate.stats(another)).toEqual({ waiting: 0, inFlight: 1 });
  first.complete();
  expect(gate.stats(ticket)).toEqual({ waiting: 0, inFlight: 2 });
  for (const request of requests) request.unsubscribe();
  expect(gate.stats(ticket)).toEqual({ waiting: 0, inFlight: 0 });
});

test('stats shows a configured limit, and none that was declared away', () => {
  const stats = (requestsPerMinute?: number) => {
    const gate = createGate(requestsPerMinute === undefined ? {} : { requestsPerMinute });
    gate.admit(ticket, NEVER).subscribe();
    return gate.stats(ticket);
  };
  expect(stats(60)).toEqual({ waiting: 0, inFlight: 1, requestsPerMinute: 60 });
  expect(stats(Infinity)).toEqual({ waiting: 0, inFlight: 1 });
  expect(stats()).toEqual({ waiting: 0, inFlight: 1 });
});

test(
  'stats shows the rate that a 429 taught',
  marbles((m) => {
    const gate = createGate();
    const throttled = new QueryError('rate-limited', 'slow down', { retryAfterMs: 1_000 });
    for (let nth = 0; nth < 8; nth++) gate.admit(ticket, m.cold('(a|)')).subscribe();
    gate.admit(ticket, m.cold('#', undefined, throttled)).subscribe({ error: () => 0 });
    m.flush();
    const { requestsPerMinute = NaN } = gate.stats(ticket);
    expect(requestsPerMinute).toBeGreaterThan(50);
    expect(requestsPerMinute).toBeLessThan(8 * 60);
  }),
);
