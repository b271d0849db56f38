import { defer, merge, type Observable } from 'rxjs';
import { describe, expect, test } from 'vitest';
import { createGate, QueryError, type Gate, type QueryErrorKind } from 'rx-video-tasks';
import { marbles, type RunContext } from '../marbles.js';

const ticket = { origin: 'https://api.example.com', key: 'one' };
const fails = (kind: QueryErrorKind, retryAfterMs?: number) => new QueryError(kind, kind, { retryAfterMs });

/** Sends a request after so many ms; notes when it goes. */
function sender(m: RunContext, gate: Gate, went: string[]) {
  return (
    name: string,
    after: number,
    request: Observable<unknown>,
    fields: Partial<Parameters<Gate['admit']>[0]> = {},
  ) =>
    m.scheduler.schedule(() => {
      const noted = defer(() => {
        went.push(`${name}@${m.scheduler.now()}`);
        return request;
      });
      gate.admit({ ...ticket, ...fields }, noted).subscribe({ error: () => 0 });
    }, after);
}

describe('room', () => {
  test(
    'with room a request goes at once; beyond it they wait, and the oldest goes first',
    marbles((m) => {
      const gate = createGate({ maxInFlight: 2 });
      const a = m.cold('       ---(a|)');
      const b = m.cold('       -----(b|)');
      const c = m.cold('          -----(c|)');
      const d = m.cold('            -----(d|)');
      const expected = '       ---a-b--c-(d|)';
      m.expect(merge(...[a, b, c, d].map((request) => gate.admit(ticket, request)))).toBeObservable(expected);
      m.expect(a).toHaveSubscriptions('^--!');
      m.expect(b).toHaveSubscriptions('^----!');
      m.expect(c).toHaveSubscriptions('---^----!');
      m.expect(d).toHaveSubscriptions('-----^----!');
    }),
  );

  test(
    'unsubscribing in the queue or in flight frees the place',
    marbles((m) => {
      const gate = createGate({ maxInFlight: 1 });
      const flying = m.cold(' --------');
      const waiting = m.cold('a|');
      const last = m.cold('   a|');
      m.expect(gate.admit(ticket, flying), '^-----!').toBeObservable('-------');
      m.expect(gate.admit(ticket, waiting), '^--!').toBeObservable('---');
      m.expect(gate.admit(ticket, last)).toBeObservable('------a|');
      m.expect(flying).toHaveSubscriptions(' ^-----!');
      m.expect(waiting).toHaveSubscriptions([]);
      m.expect(last).toHaveSubscriptions('   ------^!');
    }),
  );

  test(
    'keys and origins do not get into each other’s way',
    marbles((m) => {
      const gate = createGate({ maxInFlight: 1 });
      const hangs = m.cold('-');
      const other = m.cold('a|');
      m.expect(gate.admit(ticket, hangs)).toBeObservable('-');
      m.expect(gate.admit({ ...ticket, key: 'two' }, other)).toBeObservable('a|');
      m.expect(gate.admit({ ...ticket, origin: 'https://other.example.com' }, other)).toBeObservable('a|');
      m.expect(other).toHaveSubscriptions(['^!', '^!']);
    }),
  );

  test('refuses limits that cannot be meant', () => {
    for (const maxInFlight of [0, -1, NaN, Infinity])
      expect(() => createGate({ maxInFlight })).toThrow(/maxInFlight: .*write/);
    for (const requestsPerMinute of [0, 0.5, -1, NaN, -Infinity])
      expect(() => createGate({ requestsPerMinute })).toThrow(/requestsPerMinute: .*write .*Infinity/);
    expect(() => createGate({ requestsPerMinute: Infinity })).not.toThrow();
  });
});

describe('pauses and rates', () => {
  test(
    'a Retry-After pauses all of the key, and no other',
    marbles((m) => {
      const went: string[] = [];
      const send = sender(m, createGate(), went);
      send('a', 0, m.cold('---#', {}, fails('rate-limited', 2000)));
      send('b', 1, m.cold('---(x|)'));
      send('c', 10, m.cold('(x|)'));
      send('other', 10, m.cold('(x|)'), { key: 'two' });
      m.flush();
      expect(went).toEqual(['a@0', 'b@1', 'other@10', 'c@2003']);
    }),
  );

  test(
    'a 503 with Retry-After pauses too, and teaches no rate',
    marbles((m) => {
      const went: string[] = [];
      const send = sender(m, createGate(), went);
      send('a', 0, m.cold('#', {}, fails('server', 500)));
      for (const name of ['b', 'c', 'd']) send(name, 1, m.cold('(x|)'));
      m.flush();
      expect(went).toEqual(['a@0', 'b@500', 'c@500', 'd@500']);
    }),
  );

  test(
    'throttled without Retry-After: a pause of 1 s, doubled each time until something gets through',
    marbles((m) => {
      const went: string[] = [];
      const send = sender(m, createGate(), went);
      const throttled = () => m.cold('#', {}, fails('rate-limited'));
      send('a', 0, throttled());
      send('b', 1, throttled());
      send('c', 2, m.cold('(x|)'));
      m.flush();
      const at = (name: string) => Number(went.find((one) => one.startsWith(name))?.split('@')[1]);
      expect(at('b')).toBeGreaterThanOrEqual(1000);
      expect(at('c') - at('b')).toBeGreaterThanOrEqual(2000);
    }),
  );

  test(
    'a configured rate is spread evenly',
    marbles((m) => {
      const went: string[] = [];
      const send = sender(m, createGate({ requestsPerMinute: 60 }), went);
      for (const name of ['a', 'b', 'c']) send(name, 0, m.cold('(x|)'));
      send('d', 5000, m.cold('(x|)'));
      m.flush();
      expect(went).toEqual(['a@0', 'b@1000', 'c@2000', 'd@5000']);
    }),
  );

  test(
    'under a rate the most urgent goes first',
    marbles((m) => {
      const went: string[] = [];
      const send = sender(m, createGate({ requestsPerMinute: 60 }), went);
      [3, 1, NaN, 5, 5].forEach((urgency, nth) =>
        send(`${urgency}.${nth}`, 0, m.cold('(x|)'), { urgency: () => urgency }),
      );
      m.flush();
      expect(went).toEqual(['3.0@0', '5.3@1000', '5.4@2000', '1.1@3000', 'NaN.2@4000']);
    }),
  );

  test(
    'a refused key ends those who wait, at that moment',
    marbles((m) => {
      const gate = createGate({ maxInFlight: 1 });
      const refused = { name: 'QueryError', message: expect.stringContaining('refused') as string };
      const waiting = m.cold('(x|)');
      m.expect(gate.admit(ticket, m.cold('---#', {}, fails('unauthorized')))).toBeObservable(
        '---#',
        {},
        fails('unauthorized'),
      );
      m.expect(gate.admit(ticket, waiting)).toBeObservable('---#', {}, refused);
      m.expect(gate.admit(ticket, m.cold('(x|)')), '----^').toBeObservable('----(x|)');
      m.expect(waiting).toHaveSubscriptions([]);
    }),
  );

  test(
    'a host that is down gets one request at a time, until it answers',
    marbles((m) => {
      const went: string[] = [];
      const send = sender(m, createGate({ maxInFlight: 5, requestsPerMinute: Infinity }), went);
      for (let nth = 0; nth < 5; nth++) send(`x${nth}`, 0, m.cold('#', {}, fails('network')));
      send('probe', 10, m.cold('-----#', {}, fails('timeout')));
      send('next', 11, m.cold('-----(x|)'));
      for (const name of ['c', 'd', 'e']) send(name, 12, m.cold('---(x|)'));
      m.flush();
      expect(went.slice(5)).toEqual(['probe@10', 'next@15', 'c@20', 'd@20', 'e@20']);
    }),
  );
});
