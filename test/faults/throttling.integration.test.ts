import { setTimeout as sleep } from 'node:timers/promises';
import { lastValueFrom, of, toArray } from 'rxjs';
import { createGate } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { reply, stall, type Fault, type ReplyOptions } from '../fault-server.js';
import { KEY } from './secrets.js';
import { INTERVAL, kinds, says, stage, trace } from './stage.js';
import { until } from '../waiting.js';

const throttled = (
  headers: NonNullable<ReplyOptions['headers']> = {},
  body: unknown = { error: { message: 'slow down' } },
) => reply({ status: 429, headers, body });

/** HTTP dates have no ms. */
const httpDate = (ms: number) => new Date(Math.ceil(ms / 1000) * 1000).toUTCString();

describe.for(kinds)('over $name', (kind) => {
  describe.concurrent('a throttled key', () => {
    const retryAfters: [string, Record<string, string | undefined>, string, number][] = [
      ['Retry-After in seconds', { 'retry-after': '1' }, '{}', 1000],
      ['Retry-After in fractions', { 'retry-after': '0.7' }, '{}', 700],
      ['retry-after-ms', { 'retry-after-ms': '800' }, '{}', 800],
      ['Retry-After and an empty body', { 'retry-after': '1' }, '', 1000],
      ['Retry-After as a date', { date: httpDate(0), 'retry-after': httpDate(1000) }, '{}', 1000],
      ['nothing', {}, '{}', 1000],
      ['nothing, not even a body', {}, '', 1000],
    ];

    test.for(retryAfters)(
      'F14 with %s pauses as a whole, and asks no sooner',
      async ([, headers, body, ms], context) => {
        let sentBeforeMiss: number | undefined;
        const { server, tracker, sent, misses } = await stage(kind, context, {
          onMiss: () => (sentBeforeMiss ??= sent.length),
        });
        const sentLater = () => sent.slice(sentBeforeMiss ?? Infinity);
        let refused: { at: number; nth: number } | undefined;
        server.route(({ path, at }) => {
          if (path.endsWith('/a') && refused === undefined && server.requests.length > 6) {
            refused = { at, nth: server.requests.length };
            return throttled(headers, body);
          }
          return sentLater().some((one) => one.path === path) ? says('completed') : says('queued');
        });
        const all = trace(tracker.trackAll(['a', 'b', 'c']));
        await all.over;
        expect([...all.statuses].sort()).toEqual([
          ...Array<string>(3).fill('completed'),
          ...Array<string>(3).fill('queued'),
        ]);
        expect(misses.map((miss) => `${miss.id} ${miss.kind} ${miss.misses}`)).toEqual(['a rate-limited 0']);
        const { at: refusedAt, nth } = refused ?? { at: NaN, nth: NaN };
        expect(
          sentLater()
            .map(({ path }) => path.slice(-1))
            .sort(),
        ).toEqual(['a', 'b', 'c']);
        for (const { at } of sentLater()) expect(at - refusedAt).toBeGreaterThanOrEqual(ms - 1);
        // Those of the other two may have been on their way already.
        expect(server.requests.length - nth - 3).toBeLessThanOrEqual(2);
      },
    );

    test('F14 a 503 with Retry-After pauses the key too', async (context) => {
      const { server, tracker, misses } = await stage(kind, context);
      server.answer(reply({ status: 503, headers: { 'retry-after-ms': '600' } }), says('completed'));
      const all = trace(tracker.track('a'));
      await until(() => {
        expect(misses).toHaveLength(1);
      });
      const late = trace(tracker.track('b'));
      await Promise.all([all.over, late.over]);
      const [first, ...others] = server.requests;
      for (const { at } of others) expect(at - (first?.at ?? 0)).toBeGreaterThanOrEqual(599);
    });

    test('F15 by a Retry-After that makes no sense is no hot loop, and never waits longer than 15 min', async (context) => {
      const { server, another, misses } = await stage(kind, context);
      const values = [
        ...[
          '-1',
          '-0.5',
          '-1e12',
          '0',
          '0.0',
          '00',
          '1e12',
          '1e-3',
          'NaN',
          'Infinity',
          '-Infinity',
          'soon',
          'null',
          'undefined',
        ],
        ...[
          '1000000000000',
          '2147483648',
          '2147483.648',
          '4294967296',
          '9007199254740993',
          '9'.repeat(400),
          '0x10',
          '1,5',
          '1;5',
        ],
        ...[
          '1 2',
          '१',
          '+5',
          '5s',
          '5 seconds',
          ';',
          '"5"',
          'Thu, 01 Jan 1970 00:00:00 GMT',
          'Thu, 99 Jan 2099 00:00:00 GMT',
        ],
        ...[
          'Fri, 31 Dec 9999 23:59:59 GMT',
          'Fri, 31 Dec 275760 00:00:00 GMT',
          'Sat, 01 Jan 2000 00:00:00 GMT',
          '2000-01-01',
          '1999',
        ],
        ...['Mon', '2147483647', 'a'.repeat(2000), 'Thu, 01 Jan 1970 00:00:00 +9999', 'yesterday'],
      ];
      const headers = values.flatMap((value) => [{ 'retry-after': value }, { 'retry-after-ms': value }]);
      server.route(({ path }) => throttled(headers[Number(path.split('/').pop())]));
      const started = performance.now();
      // Each with a gate of its own: one's pause is not the other's.
      const traces = headers.map((_, nth) =>
        trace(another({ gate: createGate({ requestsPerMinute: Infinity }) }).track(String(nth))),
      );
      await until(() => {
        expect(new Set(server.requests.map(({ path }) => path)).size).toBe(headers.length);
      });
      await sleep(1300);
      const elapsed = performance.now() - started;
      headers.forEach((header, nth) => {
        const asks = server.requests.filter(({ path }) => path.endsWith(`/${nth}`));
        expect(asks.length, JSON.stringify(header)).toBeLessThanOrEqual(elapsed / INTERVAL);
        const [first, ...others] = asks;
        const value = Object.values(header)[0]?.trim() ?? '';
        // A plain 0 is valid: the ordinary wait follows. A value that is no time counts as no Retry-After: a second.
        if (!/^[0.]+$/.test(value))
          for (const { at } of others) expect(at - (first?.at ?? 0)).toBeGreaterThanOrEqual(999);
      });
      expect(new Set(misses.map(({ id }) => id)).size).toBe(headers.length);
      for (const { nextPollIn, kind: missed } of misses) {
        expect(missed).toBe('rate-limited');
        expect(nextPollIn).toBeGreaterThanOrEqual(INTERVAL - 2);
        expect(nextPollIn).toBeLessThanOrEqual(900_000);
      }
      for (const { state } of traces) expect(state).toBe('open');
    });

    test('F38 that 2,000 tasks leave while they wait begins no request', async (context) => {
      const { server, tracker } = await stage(kind, context);
      server.answer(stall());
      const crowd = Array.from({ length: 2000 }, (_, nth) => trace(tracker.track(`t${nth}`)));
      await until(() => {
        expect(server.requests).toHaveLength(32);
      });
      for (const { subscription } of crowd) subscription.unsubscribe();
      await sleep(5 * INTERVAL);
      expect(server.requests).toHaveLength(32);
    });

    test('F18 leaves another key alone', async (context) => {
      const { server, another, misses } = await stage(kind, context);
      server.route(({ headers: { authorization } }) =>
        authorization === 'Bearer other-key'
          ? says('queued', { progress: server.requests.length })
          : throttled({ 'retry-after': '60' }),
      );
      const asks = (key: string) =>
        server.requests.filter(({ headers }) => headers['authorization'] === `Bearer ${key}`);
      const slow = trace(another({}).trackAll(['a', 'b', 'c']));
      await until(() => {
        expect(asks(KEY).length).toBeGreaterThan(0);
      });
      const before = asks(KEY).length;
      const quick = trace(another({ apiKey: 'other-key' }).trackAll(['d', 'e', 'f']));
      await until(() => {
        expect(asks('other-key').length).toBeGreaterThan(60);
      });
      // Sixty polls, and the throttled key still pauses.
      expect(asks(KEY).length).toBeLessThanOrEqual(Math.max(3, before));
      expect(misses.length).toBeGreaterThan(0);
      expect(misses.filter(({ id }) => !['a', 'b', 'c'].includes(id))).toEqual([]);
      expect([slow.state, quick.state]).toEqual(['open', 'open']);
    });
  });

  describe.concurrent('a refused key', () => {
    const guarded =
      (right: () => string): ((request: { headers: Readonly<Record<string, string>> }) => Fault) =>
      ({ headers }) =>
        headers['authorization'] === `Bearer ${right()}`
          ? says('completed')
          : reply({ status: 401, body: { error: { message: `invalid token ${headers['authorization'] ?? ''}` } } });

    test('F19 that was rotated is asked for once more, without a miss', async (context) => {
      let current = KEY;
      const { server, track, misses } = await stage(kind, context, {
        apiKey: () => {
          const given = current;
          current = `${KEY}-next`;
          return of(given);
        },
      });
      server.route(guarded(() => `${KEY}-next`));
      const task = track();
      await task.over;
      expect(task.statuses).toEqual(['completed']);
      expect(misses).toEqual([]);
      expect(server.requests).toHaveLength(2);
    });

    test.for([
      ['a key', KEY, 32],
      ['a function', () => KEY, 64],
    ] as const)(
      'F19 for ever ends 1,000 tasks of it at once, without a storm: %s',
      async ([, apiKey, most], context) => {
        const { server, tracker, misses } = await stage(kind, context, { apiKey });
        server.route(guarded(() => 'another'));
        const ids = Array.from({ length: 1000 }, (_, nth) => `t${nth}`);
        const tasks = await lastValueFrom(tracker.trackAll(ids).pipe(toArray()));
        expect(tasks).toHaveLength(1000);
        for (const task of tasks) {
          expect(task).toMatchObject({ status: 'lost', error: { reason: 'query', cause: { name: 'QueryError' } } });
        }
        await sleep(3 * INTERVAL);
        expect(server.requests.length).toBeLessThanOrEqual(most);
        expect(misses).toEqual([]);
      },
    );

    test('F39 once among hundreds of accepted replies ends no task', async (context) => {
      const { server, tracker, misses } = await stage(kind, context);
      let refusals = 0;
      server.route(() => {
        if (server.requests.length === 150) refusals += 1;
        return server.requests.length === 150
          ? reply({ status: 401, body: { error: { message: 'invalid token' } } })
          : says(server.requests.length > 300 ? 'completed' : 'queued');
      });
      const ids = Array.from({ length: 100 }, (_, nth) => `t${nth}`);
      const tasks = await lastValueFrom(tracker.trackAll(ids).pipe(toArray()));
      expect(refusals).toBe(1);
      expect(tasks.filter(({ status }) => status === 'completed')).toHaveLength(100);
      expect(tasks.filter(({ status }) => status === 'lost')).toHaveLength(0);
      expect(misses).toEqual([]);
    });

    test('F39 of a key that was accepted before, and then for ever, ends all tasks without a storm', async (context) => {
      const { server, tracker } = await stage(kind, context);
      let refusedFrom = Infinity;
      server.route(() => {
        if (server.requests.length < 150) return says('queued');
        refusedFrom = Math.min(refusedFrom, server.requests.length);
        return reply({ status: 401, body: { error: { message: 'invalid token' } } });
      });
      const ids = Array.from({ length: 100 }, (_, nth) => `t${nth}`);
      const tasks = await lastValueFrom(tracker.trackAll(ids).pipe(toArray()));
      expect(tasks.filter(({ status }) => status === 'lost')).toHaveLength(100);
      await sleep(3 * INTERVAL);
      // Those in flight at the first 401, and the one that confirms it; tasks that were not due yet end at their own
      // polls.
      expect(server.requests.length - refusedFrom).toBeLessThanOrEqual(32 + 100);
    });

    test('F19 ends a single task with an error that names the remedy', async (context) => {
      const { server, track } = await stage(kind, context);
      server.route(guarded(() => 'another'));
      const task = track();
      await task.over;
      expect(task.error?.message).toContain('check the API key');
      expect(task.error?.message).toContain('may still be running');
      expect(server.requests).toHaveLength(1);
    });
  });
});
