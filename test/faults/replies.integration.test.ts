import { setTimeout as sleep } from 'node:timers/promises';
import { lastValueFrom, toArray } from 'rxjs';
import type { CompletedTask, TrackedTask } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { redirect, reply, startFaultServer, type Fault } from '../fault-server.js';
import { ACCOUNT, KEY, PRESIGNED } from './secrets.js';
import { generation, INTERVAL, kinds, says, stage, survives } from './stage.js';
import { until } from '../waiting.js';

const html = (status: number) =>
  reply({ status, body: `<!doctype html><title>${ACCOUNT}</title>`, headers: { 'content-type': 'text/html' } });
const noContent = reply({ status: 204, body: '', headers: { 'content-length': undefined } });

describe.for(kinds)('over $name', (kind) => {
  describe.concurrent('a body', () => {
    test.for([
      ['HTML with 200', html(200), 'malformed'],
      ['HTML with 403', html(403), 'malformed'],
      ['HTML with 404', html(404), 'malformed'],
      ['empty with 200', reply({ body: '' }), 'malformed'],
      ['empty with 204', noContent, 'malformed'],
      ['not UTF-8', reply({ body: Buffer.from([0xff, 0xfe, 0x7b, 0x80, 0xc3, 0x7d]) }), 'malformed'],
      ['JSON, but no object', reply({ body: '[]' }), 'malformed'],
      ['JSON cut short', reply({ body: '{"status":"compl' }), 'malformed'],
      ...[500, 502, 503, 504, 520, 521, 522, 523, 524].map(
        (status) => [`HTML with ${status}`, html(status), 'server'] as [string, Fault, string],
      ),
    ] as [string, Fault, string][])('F12 that is %s is a miss', async ([, fault, missed], context) => {
      await survives(await stage(kind, context), [fault], [missed]);
    });

    test('F12 with a byte order mark is read, and so is one with bytes that are no UTF-8 in a field', async (context) => {
      const { server, track, misses } = await stage(kind, context);
      const broken = Buffer.from('{"status":"processing","model":"a?b"}');
      broken[broken.indexOf('?')] = 0xff;
      server.answer(reply({ body: '\uFEFF{"status":"queued"}' }), reply({ body: broken }), says('completed'));
      const task = track();
      await task.over;
      expect(task.statuses).toEqual(['queued', 'processing', 'completed']);
      expect(misses).toEqual([]);
    });

    test('F12 that is no task, five times before any good one: the wrong place, and the error names it', async (context) => {
      const { server, track, misses } = await stage(kind, context);
      server.answer(html(200));
      const task = track();
      await task.over;
      expect(task.error).toMatchObject({ reason: 'query', misses: 5, cause: { code: 'malformed' } });
      expect(task.error?.message).toContain('Check the base URL');
      expect(misses).toHaveLength(4);
      await sleep(3 * INTERVAL);
      expect(server.requests).toHaveLength(5);
    });

    test.for([500, 502, 503, 504])(
      'F13 with status %i, once and six times in a row, is a miss',
      async (status, context) => {
        const fault = reply({
          status,
          body: { error: { message: `oops, ${KEY}`, code: 'upstream' }, account: ACCOUNT },
        });
        await survives(await stage(kind, context), [fault], ['server']);
        await survives(await stage(kind, context), Array<Fault>(6).fill(fault), Array<string>(6).fill('server'));
      },
    );
  });

  describe.concurrent('a redirect', () => {
    test.for([301, 302, 303, 307, 308])(
      'F20 with status %i is not followed, on the origin or away',
      async (status, context) => {
        const elsewhere = await startFaultServer();
        context.onTestFinished(() => elsewhere.close());
        for (const location of ['/v1/result/other', `${elsewhere.url}/stolen?${PRESIGNED}`]) {
          const { server, track } = await stage(kind, context);
          server.answer(redirect(location, status));
          const task = track();
          await task.over;
          expect(task.error).toMatchObject({ reason: 'query', cause: { code: 'misconfigured' } });
          await sleep(2 * INTERVAL);
          expect(server.requests.map(({ path }) => path)).toEqual(['/v1/result/t1']);
        }
        expect(elsewhere.connections).toBe(0);
      },
    );
  });

  describe.concurrent('not found', () => {
    const notFound = {
      result: reply({ status: 404, body: { error: { message: 'no such task', code: 'not_found' } } }),
      generations: reply({ status: 400, body: { code: 'task_not_exist', message: 'task_not_exist', data: null } }),
    };

    test.for(['result', 'generations'] as const)(
      'F21 on the %s wire: just after creation it passes',
      async (wire, context) => {
        const { server, track, misses } = await stage(kind, context, { wire, retry: { notFoundGrace: 60_000 } });
        const good = wire === 'result' ? says('completed') : generation('SUCCESS');
        server.answer(...Array<Fault>(5).fill(notFound[wire]), good);
        const task = track();
        await task.over;
        expect(task.statuses).toEqual(['completed']);
        expect(misses.map((miss) => miss.kind)).toEqual(Array(5).fill('not-found'));
      },
    );

    test.for(['result', 'generations'] as const)(
      'F21 on the %s wire: later it ends tracking',
      async (wire, context) => {
        const { server, track, misses } = await stage(kind, context, { wire, retry: { notFoundGrace: 150 } });
        server.answer(notFound[wire]);
        const started = performance.now();
        const task = track();
        await task.over;
        expect(task.error).toMatchObject({
          reason: 'query',
          cause: { code: wire === 'result' ? 'not_found' : 'task_not_exist' },
        });
        expect(task.error?.message).toContain('track it again by its id');
        // Three in a row over the grace, after the grace.
        expect(performance.now() - started).toBeGreaterThanOrEqual(2 * 150 - 10);
        expect(misses.length).toBeGreaterThanOrEqual(2);
      },
    );

    test.for(['result', 'generations'] as const)(
      'F21 on the %s wire: a day after creation it is deleted',
      async (wire, context) => {
        const { server, track } = await stage(kind, context, { wire, interval: 2000 });
        server.answer(notFound[wire]);
        const task = track({ id: 't1', createdAt: Date.now() - 25 * 3_600_000 });
        await task.over;
        expect(task.error).toMatchObject({ reason: 'expired' });
        expect(task.error?.message).toContain('has deleted its record');
        expect(server.requests).toHaveLength(1);
      },
    );
  });

  describe.concurrent('an answer', () => {
    test.for([
      [{ code: '204', msg: '登录验证失败', data: null }, 'unauthorized'],
      [{ code: 401, msg: 'no', data: null }, 'unauthorized'],
      [{ code: 'invalid_api_key', message: 'key KEY unknown' }, 'unauthorized'],
      [{ code: 403, msg: 'not yours', data: null }, 'forbidden'],
      [{ error: { type: 'insufficient_quota', message: 'pay' } }, 'forbidden'],
      [{ code: 'task_not_exist', message: 'task_not_exist', data: null }, 'not-found'],
      [{ code: 404, msg: 'gone', data: null }, 'not-found'],
      [{ code: 429, msg: 'slow down', data: null }, 'rate-limited'],
      [{ error: { code: 'rate_limit_exceeded', message: 'slow' } }, 'rate-limited'],
      [{ code: 500, msg: 'oops', data: null }, 'server'],
      [{ code: 'whatever', message: '系统繁忙' }, 'server'],
      [{ success: false, message: 'no' }, 'server'],
      [{}, 'malformed'],
      [{ code: 'success', data: null }, 'malformed'],
    ] as const)('F22 that is an error behind a 200, %j, is %s', async ([body, expected], context) => {
      const { server, track, misses } = await stage(kind, context);
      // Its title, which a slow test prints, shows no key.
      const text = JSON.stringify({ ...body, account: ACCOUNT }).replace('KEY', KEY);
      server.answer(reply({ body: Buffer.from(text) }));
      const task = track();
      await until(() => {
        expect(misses.length + Number(task.error !== undefined)).toBe(1);
      });
      expect(task.statuses).toEqual([]);
      const ends = ['unauthorized', 'forbidden'].includes(expected);
      expect(task.state).toBe(ends ? 'error' : 'open');
      if (ends) expect(task.error?.reason).toBe('query');
      else expect(misses[0]?.kind).toBe(expected);
    });

    test('F23 of an unknown status is emitted, keeps the cadence, and ends with the deadline', async (context) => {
      const { server, track, misses } = await stage(kind, context, { interval: 200, deadline: 3000 });
      server.answer(says('queued'), says('reticulating'), says('queued'), says('reticulating'));
      const started = performance.now();
      const task = track();
      await task.over;
      expect(task.statuses).toEqual(['queued', 'unknown', 'queued', 'unknown']);
      expect(task.error).toMatchObject({ reason: 'deadline', last: { status: 'unknown', rawStatus: 'reticulating' } });
      expect(server.requests.length).toBeGreaterThan(4);
      expect(server.requests.length).toBeLessThanOrEqual((performance.now() - started) / 199 + 1);
      expect(misses).toEqual([]);
    });

    test('F24 of completion without a URL is a miss; the fifth in a row ends tracking', async (context) => {
      const pending = says('completed', { video_url: null });
      await survives(await stage(kind, context), Array<Fault>(4).fill(pending), Array<string>(4).fill('malformed'));
      const { server, track } = await stage(kind, context);
      server.answer(says('processing'), pending);
      const task = track();
      await task.over;
      expect(task.statuses).toEqual(['processing']);
      expect(task.error).toMatchObject({ reason: 'no-video', misses: 5 });
      expect(task.error?.message).toContain('the task is completed, but its reply has no video URL');
      expect(server.requests).toHaveLength(6);
    });

    test('F25 about another task is a miss, never emitted', async (context) => {
      const other = says('completed', { id: 'someone-elses' });
      const here = await stage(kind, context);
      await survives(here, [other, other, other], ['malformed', 'malformed', 'malformed']);
      expect(here.misses.map(({ error }) => error.code)).toEqual(['wrong-task', 'wrong-task', 'wrong-task']);
    });

    test('F26 with odd progress and times loses them, and nothing else', async (context) => {
      const { server, tracker, misses } = await stage(kind, context, { wire: 'generations' });
      const progress: [unknown, number | undefined][] = [
        ['', undefined],
        ['NaN%', undefined],
        ['150%', 100],
        [-1, 0],
        ['-5%', 0],
        ['50%', 50],
        [null, undefined],
        [{}, undefined],
        ['Infinity', undefined],
        [1e308, 100],
      ];
      const times: [unknown, number | undefined][] = [
        [0, undefined],
        [2 ** 53 + 1, undefined],
        ['1777288506', 1_777_288_506_000],
        ['soon', undefined],
        [-5, undefined],
        [1e308, undefined],
        ['', undefined],
        [[], undefined],
      ];
      server.route(({ path }) => {
        const nth = Number(path.split('-').pop());
        const [start_time] = times[nth % times.length] ?? [];
        return generation('SUCCESS', { progress: progress[nth % progress.length]?.[0], start_time });
      });
      const ids = Array.from({ length: 40 }, (_, nth) => `n-${nth}`);
      const tasks: readonly TrackedTask[] = await lastValueFrom(tracker.trackAll(ids).pipe(toArray()));
      expect(tasks).toHaveLength(40);
      for (const { id, progress: read, startedAt, status } of tasks as CompletedTask[]) {
        const nth = Number(id.slice(2));
        expect({ id, status, read, startedAt }).toEqual({
          id,
          status: 'completed',
          read: progress[nth % progress.length]?.[1],
          startedAt: times[nth % times.length]?.[1],
        });
      }
      expect(misses).toEqual([]);
    });

    test('F27 that no parser likes is a miss, and changes no prototype', async (context) => {
      const video = `"status":"completed","video_url":"https://h/v.mp4"`;
      const bodies = [
        '['.repeat(100_000),
        '['.repeat(100_000) + ']'.repeat(100_000),
        '{"data":'.repeat(100_000) + '1' + '}'.repeat(100_000),
        `{"__proto__":{${video}}}`,
        `{"data":{"__proto__":{${video}}}}`,
        `{"constructor":{"prototype":{${video}}}}`,
        '{"status":"queued","status":7}',
        `{"id":"\\ud800",${video}}`,
        '{"status":"\\ud800',
        '{"status":"queued"}{"status":"queued"}',
        '\u0000'.repeat(1000),
      ];
      const faults = bodies.map((body) => reply({ body }));
      await survives(await stage(kind, context), faults, Array<string>(faults.length).fill('malformed'));
      expect(Object.keys(Object.prototype)).toEqual([]);
      expect(({} as { status?: string }).status).toBeUndefined();
    });
  });
});
