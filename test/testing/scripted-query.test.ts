import { lastValueFrom, map, timer, type Observable } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import {
  dedupeStatus,
  isQueryError,
  pollUntilTerminal,
  QueryError,
  withModelInterval,
  type Task,
} from 'rx-video-tasks';
import { processingTask, scriptedQuery, marbleTasks } from 'rx-video-tasks/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { marbles } from '../marbles.js';

const letters = marbleTasks({ id: 'a' });
const NEVER_EMPTY = { defaultValue: undefined };

async function outcome(answer: Observable<Task>): Promise<unknown> {
  try {
    return await lastValueFrom(answer, { defaultValue: 'empty' });
  } catch (error) {
    return isQueryError(error) ? error.kind : error;
  }
}

describe('scriptedQuery', () => {
  test(
    'answers the next step at each subscription, like the diagram -q|; the last one repeats',
    marbles((m) => {
      const { query } = scriptedQuery({ a: ['q', 'processing', 'u'] });
      m.expect(query('a')).toBeObservable('-q|', letters);
      m.expect(query('a'), '5ms ^').toBeObservable('5ms -p|', letters);
      m.expect(query('a'), '10ms ^').toBeObservable('10ms -u|', letters);
      m.expect(query('a'), '15ms ^').toBeObservable('15ms -u|', letters);
    }),
  );

  test(
    'is cold: nothing happens before a subscription',
    marbles((m) => {
      const { query, log } = scriptedQuery(['q']);
      void query('a');
      m.flush();
      expect(log).toEqual([]);
    }),
  );

  test(
    'every id goes through one list on its own',
    marbles((m) => {
      const { query } = scriptedQuery(['q', 's']);
      m.expect(query('a')).toBeObservable('-q|', letters);
      m.expect(query('b')).toBeObservable('-q|', marbleTasks({ id: 'b' }));
      m.expect(query('a'), '5ms ^').toBeObservable('5ms -s|', letters);
    }),
  );

  test(
    'may hang, stay empty, err by kind or with an error, or do as an Observable does',
    marbles((m) => {
      const own = new QueryError('server', 'mine');
      const { query } = scriptedQuery({
        a: ['never', 'empty', own, timer(3).pipe(map(() => letters.c))],
      });
      m.expect(query('a')).toBeObservable('---');
      m.expect(query('a'), '10ms ^').toBeObservable('10ms -|');
      m.expect(query('a'), '20ms ^').toBeObservable('20ms -#', {}, own);
      m.expect(query('a'), '30ms ^').toBeObservable('30ms ---(c|)', letters);
    }),
  );

  test('errors by kind, names the task, and has no other ids', async () => {
    const kinds = ['unauthorized', 'forbidden', 'not-found', 'rate-limited', 'server'] as const;
    const { query } = scriptedQuery({ a: [...kinds, 'network', 'timeout', 'malformed', 'misconfigured', 'expired'] });
    const seen = [];
    for (let n = 0; n < 10; n++) seen.push(await outcome(query('a')));
    expect(seen).toEqual([...kinds, 'network', 'timeout', 'malformed', 'misconfigured', 'expired']);
    expect(await outcome(query('b'))).toBe('not-found');
    await expect(lastValueFrom(query({ id: 'b', provider: 'alad' }), NEVER_EMPTY)).rejects.toMatchObject({
      id: 'b',
      provider: 'alad',
    });
  });

  test('answers carry the id and provider that were asked about', async () => {
    const { query } = scriptedQuery([processingTask({ progress: 40 }), { status: 'failed' }], { provider: 'alad' });
    expect(await outcome(query('a'))).toEqual(processingTask({ id: 'a', provider: 'alad', progress: 40 }));
    expect(await outcome(query({ id: 'a', provider: 'mine' }))).toEqual(marbleTasks({ id: 'a', provider: 'mine' }).f);
  });

  test(
    'takes its time: the same for all, or for each query',
    marbles((m) => {
      m.expect(scriptedQuery(['q'], { latency: 250 }).query('a')).toBeObservable('250ms q|', letters);
      const latency = ({ id, nth }: { id: string; nth: number }) => (id === 'a' ? nth * 10 : 1);
      const { query } = scriptedQuery(['q'], { latency });
      m.expect(query('a')).toBeObservable('10ms q|', letters);
      m.expect(query('a'), '5ms ^').toBeObservable('25ms q|', letters);
    }),
  );

  test('obeys virtual time of the bare TestScheduler, with bare operators', () => {
    new TestScheduler((actual, expected) => {
      expect(actual).toEqual(expected);
    }).run(({ expectObservable }) => {
      const { query } = scriptedQuery({ a: ['q', 'q', 'server', 's'] });
      const tasks = query('a').pipe(pollUntilTerminal({ random: () => 0 }), dedupeStatus());
      expectObservable(tasks).toBe('-q 30s -- 30s - 30s -(s|)', letters);
    });
  });

  test('obeys real time', async () => {
    const { query, log } = scriptedQuery({ a: ['q', 's'] }, { latency: 20 });
    expect(await lastValueFrom(query('a'), NEVER_EMPTY)).toEqual(letters.q);
    const [request, answer] = log;
    expect((answer?.at ?? 0) - (request?.at ?? 0)).toBeGreaterThanOrEqual(19);
  });

  test('refuses at call time what is no step', () => {
    const refuse = (script: unknown) => expect(() => scriptedQuery(script as never));
    refuse(['qeued']).toThrow(/^script: "qeued" is no step; write a letter of q, p, u, s, f, c, a status/);
    refuse([undefined]).toThrow(/^script: undefined is no step/);
    refuse([{ status: 'lost' }]).toThrow(TypeError);
    refuse({ a: 'q' }).toThrow(`script: "q" is no list of steps; write for example ['q', 'p', 's']`);
    refuse([]).toThrow(TypeError);
    expect(() => scriptedQuery(['q'], { latency: NaN })).toThrow('latency: NaN is not usable');
    expect(() => scriptedQuery(['q'], { latency: 2 ** 31 })).toThrow(RangeError);
  });
});

describe('the log', () => {
  test(
    'tells of requests, answers, misses and aborts, with their times',
    marbles((m) => {
      const { query, log } = scriptedQuery({ a: ['q', 'server', 'empty', 'never'] });
      const config = { interval: 10_000, random: () => 0, deadline: 35_000 };
      query('a')
        .pipe(pollUntilTerminal(config))
        .subscribe({ error: () => undefined });
      m.flush();
      expect(log.map(({ type, id, at }) => `${at} ${type} ${id}`)).toEqual([
        '0 request a',
        '1 answer a',
        '10002 request a',
        '10003 miss a',
        '20003 request a',
        '20004 miss a',
        '30004 request a',
        '35000 abort a',
      ]);
    }),
  );
});

describe('with fake timers', () => {
  afterEach(() => vi.useRealTimers());

  test('moves when they move', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'Date'] });
    const { query, log } = scriptedQuery(['q', 's'], { latency: 100 });
    const seen: string[] = [];
    query('a')
      .pipe(pollUntilTerminal())
      .subscribe({ next: ({ status }) => seen.push(status), error: () => seen.push('error') });
    vi.advanceTimersByTime(99);
    expect(seen).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(seen).toEqual(['queued']);
    vi.advanceTimersByTime(31_000);
    expect(seen).toEqual(['queued', 'completed']);
    expect(log.map(({ type }) => type)).toEqual(['request', 'answer', 'request', 'answer']);
    expect(vi.getTimerCount()).toBe(0);
  });
});

test('rising progress sets the wait as at a service, though observedAt stays 0', () => {
  const waits: number[] = [];
  marbles((m) => {
    const steps = [20, 70].map((progress) => ({ status: 'processing', progress }) as const);
    const { query } = scriptedQuery([...steps, 's']);
    const windows = { '*': { min: 40_000, max: 80_000, generation: [60_000, 300_000] } } as const;
    const pace = withModelInterval<Task>(windows, { random: () => 0 });
    query('a')
      .pipe(pace, pollUntilTerminal())
      .subscribe({ next: ({ pollAfter = NaN }) => waits.push(pollAfter), error: () => waits.push(NaN) });
    m.flush();
  })();
  const [first = NaN, second = NaN] = waits;
  // 50 % took the first wait; 31 are left.
  expect(second / first).toBeCloseTo(31 / 50, 2);
});
