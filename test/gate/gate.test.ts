import { asyncScheduler, concat, defer, ignoreElements, merge, timer, type Observable } from 'rxjs';
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
    expect(() => createGate({ requestsPerMinute: 0 })).toThrow(/requestsPerMinute: 0 .*write/);
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
      const send = sender(m, createGate({ maxInFlight: 5 }), went);
      for (let nth = 0; nth < 5; nth++) send(`x${nth}`, 0, m.cold('#', {}, fails('network')));
      send('probe', 10, m.cold('-----#', {}, fails('timeout')));
      send('next', 11, m.cold('-----(x|)'));
      for (const name of ['c', 'd', 'e']) send(name, 12, m.cold('---(x|)'));
      m.flush();
      expect(went.slice(5)).toEqual(['probe@10', 'next@15', 'c@20', 'd@20', 'e@20']);
    }),
  );
});

/** Whether a request passes that comes now, at a limit of so many a second. */
type Limiter = (now: number, perSecond: number) => boolean;

/** So many in each window of so many ms. */
function windowed(ms: number): Limiter {
  let window = -1;
  let used = 0;
  return (now, perSecond) => {
    if (Math.floor(now / ms) !== window) {
      window = Math.floor(now / ms);
      used = 0;
    }
    return used++ < (perSecond * ms) / 1000;
  };
}

/** So many in any 60 s. */
function slidingMinute(): Limiter {
  let passed: number[] = [];
  return (now, perSecond) => {
    passed = passed.filter((at) => at > now - 60_000);
    return passed.length < perSecond * 60 && passed.push(now) > 0;
  };
}

/** Tokens that trickle in, a second's worth of them at most. */
function bucket(): Limiter {
  let tokens = Infinity;
  let countedAt = 0;
  return (now, perSecond) => {
    tokens = Math.min(perSecond, tokens + ((now - countedAt) * perSecond) / 1000);
    countedAt = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}

/** A server that answers what does not pass with 429; each reply takes 20 ms. */
function server(limitAt: (now: number) => number, retryAfterMs: number | undefined, passes = windowed(1000)) {
  const seen = { passed: [] as number[], throttled: [] as number[] };
  const request = defer(() => {
    const now = asyncScheduler.now();
    const isPassed = passes(now, limitAt(now));
    (isPassed ? seen.passed : seen.throttled).push(now);
    const reply = timer(20).pipe(ignoreElements());
    return isPassed
      ? concat(reply, [1])
      : concat(
          reply,
          defer(() => {
            throw fails('rate-limited', retryAfterMs);
          }),
        );
  });
  return { request, seen };
}

describe('simulations', () => {
  /** So many tasks that ask again and again, each a second after its last answer or miss. */
  const crowd = (gate: Gate, request: Observable<unknown>, tasks: number, until: number, key = 'one') => {
    const asks = new Array<number>(tasks).fill(0);
    const poll = (task: number) => {
      if (asyncScheduler.now() >= until) return;
      gate
        .admit(
          { ...ticket, key },
          defer(() => {
            asks[task] = (asks[task] ?? 0) + 1;
            return request;
          }),
        )
        .subscribe({
          error: () =>
            asyncScheduler.schedule(() => {
              poll(task);
            }, 1000),
          complete: () =>
            asyncScheduler.schedule(() => {
              poll(task);
            }, 1000),
        });
    };
    for (let task = 0; task < tasks; task++) poll(task);
    return asks;
  };
  const between = (times: number[], from: number, to: number) => times.filter((at) => at >= from && at < to).length;

  test(
    'F16 100 tasks against 20 requests a second: under 5 % are throttled, all get their turns',
    marbles((m) => {
      const { request, seen } = server(() => 20, 2000);
      const asks = crowd(createGate(), request, 100, 120_000);
      m.flush();
      const { passed, throttled } = seen;
      expect(throttled.length / (passed.length + throttled.length)).toBeLessThan(0.05);
      expect(passed.length).toBeGreaterThan(0.6 * 20 * 120);
      expect(Math.min(...asks)).toBeGreaterThan(5);
    }),
  );

  test.each([
    ['20 a second, by the second', 20, () => windowed(1000)],
    ['20 a second, by tokens', 20, bucket],
    ['60 a minute, one a second', 1, () => windowed(1000)],
    ['60 a minute, by tokens', 1, bucket],
    // A second or two is not what such a service should say.
    ['60 a minute, by the minute', 1, () => windowed(60_000), 0.05],
    ['60 in any minute', 1, slidingMinute],
  ] as [string, number, () => Limiter, number?][])(
    '%s: few requests are throttled, and most of the limit is used',
    (_limit, perSecond, limiter, most = 0.04) => {
      const minutes = perSecond === 1 ? 90 : 5;
      for (const retryAfterMs of [undefined, 1000, 2000]) {
        marbles((m) => {
          const { request, seen } = server(() => perSecond, retryAfterMs, limiter());
          crowd(createGate(), request, 100, minutes * 60_000);
          m.flush();
          const { passed, throttled } = seen;
          expect(throttled.length / (passed.length + throttled.length)).toBeLessThan(most);
          expect(passed.length / (perSecond * minutes * 60)).toBeGreaterThan(0.75);
        })();
      }
    },
  );

  test(
    'throttled without a word when to come back, a burst pauses the key once, not once for each of its requests',
    marbles((m) => {
      const { request, seen } = server(() => 4, undefined);
      crowd(createGate(), request, 100, 10_000);
      m.flush();
      expect(between(seen.throttled, 0, 10)).toBe(28);
      expect(between(seen.passed, 1000, 10_000)).toBeGreaterThan(0.75 * 4 * 9);
    }),
  );

  test(
    'what was on its way when the key was throttled neither proves the pause long enough nor raises the rate',
    marbles((m) => {
      const went: string[] = [];
      const send = sender(m, createGate(), went);
      send('slow', 0, timer(1500));
      send('a', 1, m.cold('#', {}, fails('rate-limited', 1000)));
      send('b', 2, m.cold('#', {}, fails('rate-limited', 1000)));
      for (const name of ['c', 'd']) send(name, 3, timer(500));
      m.flush();
      const at = (name: string) => Number(went.find((one) => one.startsWith(name))?.split('@')[1]);
      // Twice the four requests' time of a rate of 0.9 a second.
      expect(at('c') - at('b')).toBeGreaterThan(8_000);
      expect(at('d') - at('c')).toBeGreaterThan(1_000);
    }),
  );

  test(
    'a key whose pause was too short sends one request, and the others when that got through',
    marbles((m) => {
      const { request, seen } = server((now) => (now < 20_000 ? 0 : Infinity), 100);
      crowd(createGate(), request, 40, 40_000);
      m.flush();
      expect(between(seen.throttled, 0, 20)).toBe(32);
      const later = seen.throttled.slice(32);
      expect(later.length).toBeLessThan(8);
      for (const [nth, at] of later.slice(1).entries()) expect(at - (later[nth] as number)).toBeGreaterThan(1_000);
    }),
  );

  test(
    'F17 the limit drops tenfold for a minute and recovers: the rate follows within 15 s, nobody starves',
    marbles((m) => {
      const limit = (now: number) => (now >= 60_000 && now < 120_000 ? 2 : 20);
      const { request, seen } = server(limit, 2000);
      const asks = crowd(createGate(), request, 100, 180_000);
      m.flush();
      const rate = (from: number, to: number) =>
        (between(seen.passed, from, to) + between(seen.throttled, from, to)) / ((to - from) / 1000);
      for (const [from, to, limitNow] of [
        [15_000, 60_000, 20],
        [75_000, 120_000, 2],
        [135_000, 180_000, 20],
      ] as const) {
        expect(rate(from, to)).toBeGreaterThan(0.5 * limitNow);
        expect(rate(from, to)).toBeLessThan(1.5 * limitNow);
      }
      expect(Math.min(...asks)).toBeGreaterThan(3);
    }),
  );

  test(
    'F18 two keys, one throttled: the other is unaffected',
    marbles((m) => {
      const gate = createGate();
      const slow = server(() => 1, 2000);
      const quick = server(() => Infinity, undefined);
      crowd(gate, slow.request, 20, 30_000, 'slow');
      const asks = crowd(gate, quick.request, 20, 30_000, 'quick');
      m.flush();
      expect(quick.seen.throttled).toEqual([]);
      expect(Math.min(...asks)).toBe(30);
    }),
  );
});
