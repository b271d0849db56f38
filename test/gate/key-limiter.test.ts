import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { defer, mergeMap, Observable, of, take, throwError, timer } from 'rxjs';
import { createGate, QueryError, type Gate, type QueryErrorKind } from 'rx-video-tasks';
import { describe, expect, test, vi } from 'vitest';
import { marbles, type RunContext } from '../marbles.js';
import { listen } from '../operators/polls.js';

const ticket = { origin: 'https://api.example.com', key: 'one' };
const other = { ...ticket, key: 'two' };
const fails = (kind: QueryErrorKind, retryAfterMs?: number) => new QueryError(kind, kind, { retryAfterMs });

/** Sends a request at a time of the virtual clock; notes when it goes. */
function sender(m: RunContext, gate: Gate) {
  const went: string[] = [];
  const send = (name: string, at: number, request: Observable<unknown> = of(name), to = ticket) =>
    m.scheduler.schedule(() => {
      const noted = defer(() => {
        went.push(`${name}@${m.scheduler.now()}`);
        return request;
      });
      gate.admit(to, noted).subscribe({ error: () => 0 });
    }, at);
  return { went, send };
}

/** A gate that lets a burst through: only 429s slow it down. */
const unlimitedGate = (maxInFlight = 1_000) => createGate({ maxInFlight, requestsPerMinute: Infinity });

/**
 * 500 requests succeed in the first second, so that a 429 leaves a rate of 0.9 * 500 = 450 a second. Its gap of 2.2 ms
 * is short beside the pauses that are tested.
 */
const PROVEN = 500;
function proveRate(send: (name: string, at: number) => void): void {
  for (let nth = 0; nth < PROVEN; nth++) send('proof', 0);
}

describe('what is known of a key outlives requests for others', () => {
  test(
    'while a request is in flight',
    marbles((m) => {
      const { went, send } = sender(m, createGate({ maxInFlight: 1 }));
      send('a', 0, timer(100));
      send('other', 1, of(0), other);
      send('b', 2);
      send('another', 3, of(0), { ...ticket, key: 'three' });
      send('c', 4);
      m.flush();
      expect(went).toEqual(['a@0', 'other@1', 'another@3', 'b@100', 'c@100']);
    }),
  );

  test(
    'while a request waits',
    marbles((m) => {
      const gate = createGate({ maxInFlight: 1 });
      const { went, send } = sender(m, gate);
      send(
        'a',
        0,
        throwError(() => fails('server', 1_000)),
      );
      send('b', 1);
      send('c', 1, of(0), other);
      send('d', 2);
      m.flush();
      expect(went).toEqual(['a@0', 'c@1', 'b@1000', 'd@1000']);
    }),
  );

  test(
    'while it is paused',
    marbles((m) => {
      const { went, send } = sender(m, createGate());
      send(
        'a',
        0,
        throwError(() => fails('server', 1_000)),
      );
      send('b', 500, of(0), other);
      send('c', 600);
      m.flush();
      expect(went).toEqual(['a@0', 'b@500', 'c@1000']);
    }),
  );

  test(
    'while what it was throttled to still slows it down',
    marbles((m) => {
      const { went, send } = sender(m, createGate());
      send(
        'a',
        0,
        throwError(() => fails('rate-limited', 10)),
      );
      send('b', 1_000, of(0), other);
      send('c', 2_000);
      send('d', 2_000);
      m.flush();
      // Nothing succeeded before the 429, so the rate is 0.9 a second: a gap of 1,111.1 ms, in whole ms.
      expect(went).toEqual(['a@0', 'b@1000', 'c@2000', 'd@3112']);
    }),
  );

  test('while it was accepted less than 15 minutes ago; then the key itself is let go', async () => {
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    vi.useFakeTimers({ toFake: ['performance', 'Date', 'setInterval', 'clearInterval'] });
    try {
      const gate = createGate();
      const ask = (key: unknown) => gate.admit({ ...ticket, key }, of(0)).subscribe();
      const held = (() => {
        const key = () => 'rotated';
        ask(key);
        return new WeakRef(key);
      })();
      const isHeldAfterAnother = async (key: string) => {
        ask(key);
        await turn();
        collectGarbage();
        return held.deref() !== undefined;
      };
      expect(await isHeldAfterAnother('two')).toBe(true);
      vi.advanceTimersByTime(900_001);
      await isHeldAfterAnother('three');
      expect(await isHeldAfterAnother('four')).toBe(false);
    } finally {
      vi.useRealTimers();
    }
  });
});

test('requests that wait go on after fake timers were taken away, and a clock that was ahead', () => {
  const gate = createGate();
  let sent = 0;
  const ask = () => {
    listen(
      gate.admit(
        ticket,
        defer(() => of((sent += 1))),
      ),
    );
  };
  const withFakeTimers = (run: () => void) => {
    vi.useFakeTimers();
    try {
      run();
    } finally {
      vi.useRealTimers();
    }
  };
  withFakeTimers(() => {
    for (let nth = 0; nth < 100; nth++) ask();
    expect(sent).toBe(8);
  });
  // The timer that the others waited for is gone.
  withFakeTimers(() => {
    vi.advanceTimersByTime(600_000);
    ask();
    vi.advanceTimersByTime(600_000);
    expect(sent).toBe(101);
  });
  // The clock is 20 minutes behind the last request.
  withFakeTimers(() => {
    for (let nth = 0; nth < 8; nth++) ask();
    vi.advanceTimersByTime(1_000);
    expect(sent).toBe(109);
  });
});

describe('a pause', () => {
  test(
    'without Retry-After doubles from 1 s to 30 s, and starts anew once something got through',
    marbles((m) => {
      const { went, send } = sender(m, unlimitedGate());
      const throttled = throwError(() => fails('rate-limited'));
      proveRate(send);
      for (const name of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) send(name, 1, throttled);
      send('h', 1);
      send('i', 1, throttled);
      send('j', 1);
      m.flush();
      const times = went.slice(PROVEN).map((one) => Number(one.split('@')[1]));
      const pauses = times.slice(1).map((at, nth) => Math.round((at - (times[nth] as number)) / 1_000));
      expect(pauses).toEqual([1, 2, 4, 8, 16, 30, 30, 0, 1]);
    }),
  );

  test(
    'is not cut short by a shorter one',
    marbles((m) => {
      const { went, send } = sender(m, createGate());
      send('a', 0, m.cold('---#', {}, fails('server', 5_000)));
      send('b', 0, m.cold('----#', {}, fails('server', 1_000)));
      send('c', 10);
      m.flush();
      expect(went).toEqual(['a@0', 'b@0', 'c@5003']);
    }),
  );

  test(
    'is at most 15 minutes',
    marbles((m) => {
      const { went, send } = sender(m, createGate());
      send(
        'a',
        0,
        throwError(() => fails('server', 2 ** 40)),
      );
      send('b', 0);
      m.flush();
      expect(went).toEqual(['a@0', 'b@900000']);
    }),
  );

  test(
    'that no request waits for leaves no timer',
    marbles((m) => {
      const gate = createGate();
      gate
        .admit(
          ticket,
          throwError(() => fails('server', 1_000)),
        )
        .subscribe({ error: () => 0 });
      const waiting = [gate.admit(ticket, of(0)).subscribe(), gate.admit(ticket, of(0)).subscribe()];
      m.scheduler.schedule(() => waiting[0]?.unsubscribe(), 10);
      m.scheduler.schedule(() => waiting[1]?.unsubscribe(), 20);
      m.flush();
      expect(m.scheduler.now()).toBe(20);
    }),
  );

  test(
    'still ends for those who wait when others have left',
    marbles((m) => {
      const gate = createGate();
      gate
        .admit(
          ticket,
          throwError(() => fails('server', 1_000)),
        )
        .subscribe({ error: () => 0 });
      m.expect(gate.admit(ticket, of('a')), '--!').toBeObservable('---');
      m.expect(gate.admit(ticket, of('b'))).toBeObservable('1s (b|)');
    }),
  );
});

test(
  'a key whose pause was too short pauses for longer, and then gets one request at a time until one succeeds',
  marbles((m) => {
    const { went, send } = sender(m, unlimitedGate());
    const refusal = throwError(() => fails('rate-limited', 500));
    proveRate(send);
    send('refused', 1, refusal);
    // Retry-After ends at 501. The 429s after it arrive at 551, 554 and 556: the latter two were in flight at the
    // first.
    for (const name of ['b', 'c', 'd']) send(name, 2, timer(50).pipe(mergeMap(() => refusal)));
    // The second pause is 2 s, not 500 ms: until 2556. One request goes, and the others when it has succeeded at 2606.
    for (const name of ['e', 'f', 'g']) send(name, 560, timer(50));
    m.flush();
    // In between, a gap of 2.2 ms in whole ms.
    expect(went.slice(PROVEN)).toEqual([
      ...['refused@1', 'b@501', 'c@504', 'd@506'],
      ...['e@2556', 'f@2606', 'g@2609'],
    ]);
  }),
);

describe('an answer about the task, though it is no Task,', () => {
  const about = [
    ['not found', new QueryError('not-found', 'no', { httpStatus: 404 })],
    ['record deleted', new QueryError('expired', 'no', { httpStatus: 404 })],
    ['completed without a URL', new QueryError('malformed', 'no', { code: 'no-video', httpStatus: 200 })],
  ] as const;
  const other = [
    ['forbidden', new QueryError('forbidden', 'no', { httpStatus: 403 })],
    ['server error', new QueryError('server', 'no', { httpStatus: 502 })],
    ['a page', new QueryError('malformed', 'no', { httpStatus: 200 })],
    ['another task', new QueryError('malformed', 'no', { code: 'wrong-task', httpStatus: 200 })],
  ] as const;
  const failsLater = (error: QueryError) => timer(50).pipe(mergeMap(() => throwError(() => error)));

  /** After two 429s in a row the key gets one request at a time, from 2552 on: when three of these go. */
  const afterTwo429s = (error: QueryError) => {
    let times: string[] = [];
    marbles((m) => {
      const { went, send } = sender(m, unlimitedGate());
      proveRate(send);
      send(
        'first',
        1,
        throwError(() => fails('rate-limited', 500)),
      );
      send('second', 2, failsLater(fails('rate-limited', 500)));
      for (const name of ['a', 'b', 'c']) send(name, 560, failsLater(error));
      m.flush();
      times = went.slice(PROVEN + 2);
    })();
    return times;
  };

  test.each(about)('shows that a pause was long enough: %s', (_what, error) => {
    expect(afterTwo429s(error)).toEqual(['a@2551', 'b@2601', 'c@2604']);
  });

  test.each(other)('other replies do not: %s', (_what, error) => {
    expect(afterTwo429s(error)).toEqual(['a@2551', 'b@2601', 'c@2651']);
  });

  /** Requests a minute that are learned of 500 such replies and a 429. */
  const learnedFrom = (error: QueryError) => {
    const gate = unlimitedGate();
    marbles((m) => {
      const { send } = sender(m, gate);
      for (let nth = 0; nth < 500; nth++) {
        send(
          'reply',
          0,
          throwError(() => error),
        );
      }
      send(
        'throttled',
        1,
        throwError(() => fails('rate-limited')),
      );
      m.flush();
    })();
    return gate.stats(ticket).requestsPerMinute;
  };

  test.each(about)('counts for the rate that is learned: %s', (_what, error) => {
    expect(learnedFrom(error)).toBe(60 * 0.9 * 500);
  });

  test.each(other)('other replies do not count for it: %s', (_what, error) => {
    expect(learnedFrom(error)).toBe(60 * 0.9);
  });

  test(
    'pauses the key where it has a Retry-After',
    marbles((m) => {
      const { went, send } = sender(m, createGate());
      send(
        'a',
        0,
        throwError(() => fails('not-found', 1_000)),
      );
      send('b', 1);
      m.flush();
      expect(went).toEqual(['a@0', 'b@1000']);
    }),
  );
});

test('without Retry-After the rate grows more slowly', () => {
  const lastOfSixty = (retryAfterMs?: number) => {
    let last = NaN;
    marbles((m) => {
      const { went, send } = sender(m, createGate());
      for (let nth = 0; nth < 4; nth++) send('early', 0);
      send(
        'throttled',
        1,
        throwError(() => fails('rate-limited', retryAfterMs)),
      );
      for (let nth = 0; nth < 60; nth++) send('a', 2);
      m.flush();
      last = Number(went.at(-1)?.split('@')[1]);
    })();
    return last;
  };
  // The pause is a second either way.
  expect(lastOfSixty() - lastOfSixty(1_000)).toBeGreaterThan(3_000);
});

describe('a host', () => {
  const down = throwError(() => fails('network'));
  const isOneAtATime = (m: RunContext, gate: Gate) => {
    const { went, send } = sender(m, gate);
    for (const name of ['a', 'b']) send(name, 10, timer(100));
    m.flush();
    return went[1] !== 'b@10';
  };

  test(
    'is down after five failures in a row',
    marbles((m) => {
      const gate = createGate();
      for (let nth = 0; nth < 5; nth++) gate.admit(ticket, down).subscribe({ error: () => 0 });
      expect(isOneAtATime(m, gate)).toBe(true);
    }),
  );

  test.each([
    ['a reply', of(0)],
    ['an error that it replied with', throwError(() => fails('server'))],
  ])('is not down where %s came between', (_what, between) => {
    marbles((m) => {
      const gate = unlimitedGate();
      for (const request of [down, down, down, down, between, down, down, down, down]) {
        gate.admit(ticket, request).subscribe({ error: () => 0 });
      }
      expect(isOneAtATime(m, gate)).toBe(false);
    })();
  });

  test(
    'does not count as up after an error that is no reply',
    marbles((m) => {
      const gate = createGate();
      // eslint-disable-next-line rxjs-x/throw-error -- whatever a caller's transport throws
      const bug = throwError(() => null);
      for (const request of [down, down, down, bug, down, down]) {
        gate.admit(ticket, request).subscribe({ error: () => 0 });
      }
      expect(isOneAtATime(m, gate)).toBe(true);
    }),
  );
});

test('requests that are dismissed with a refused key get the error of the service', () => {
  const gate = createGate({ maxInFlight: 1 });
  const errors: unknown[] = [];
  const refused = new QueryError('unauthorized', 'no', { code: 'invalid_key', httpStatus: 401 });
  let refuse = () => {};
  const request = defer(
    () =>
      new Promise(
        (_resolve, reject) =>
          (refuse = () => {
            reject(refused);
          }),
      ),
  );
  gate.admit(ticket, request).subscribe({ error: () => 0 });
  gate.admit(ticket, of(0)).subscribe({ error: (error: unknown) => errors.push(error) });
  refuse();
  return turn().then(() => {
    expect(errors).toMatchObject([{ kind: 'unauthorized', code: 'invalid_key', httpStatus: 401 }]);
  });
});

test(
  'without a rate the oldest goes first, however urgent others are: no urgency is computed',
  marbles((m) => {
    const gate = createGate({ maxInFlight: 1 });
    const went: number[] = [];
    for (const urgency of [1, 2, 3]) {
      const noted = defer(() => {
        went.push(urgency);
        return timer(10);
      });
      gate
        .admit({ ...ticket, urgency: () => expect.unreachable('asked') }, noted)
        .subscribe({ error: (error: unknown) => expect.unreachable(String(error)) });
    }
    m.flush();
    expect(went).toEqual([1, 2, 3]);
  }),
);

test('a request that is left while it is being sent is ended', () => {
  let open = 0;
  const request = new Observable<string>((subscriber) => {
    open++;
    subscriber.next('a');
    return () => {
      open--;
    };
  });
  listen(createGate().admit(ticket, request).pipe(take(1)));
  expect(open).toBe(0);
});

test(
  'thousands of requests that succeed at once do not pile up on the stack',
  marbles((m) => {
    const gate = unlimitedGate();
    gate
      .admit(
        ticket,
        throwError(() => fails('server', 1_000)),
      )
      .subscribe({ error: () => 0 });
    let answered = 0;
    for (let nth = 0; nth < 20_000; nth++) listen(gate.admit(ticket, of(0)), () => answered++);
    m.flush();
    expect(answered).toBe(20_000);
  }),
);
