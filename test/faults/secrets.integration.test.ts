import { inspect } from 'node:util';
import { firstValueFrom, lastValueFrom, materialize, toArray } from 'rxjs';
import { isTaskFailedError, memoryJournal, throwOnFailure, type LostTask, type TaskFailedError } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { redirect, reply, stall, type Fault } from '../fault-server.js';
import { ACCOUNT, everythingOf, KEY, PRESIGNED, secretsIn } from './secrets.js';
import { kinds, says, stage, trace } from './stage.js';
import { until } from '../waiting.js';

const URL_OF_VIDEO = `https://cdn.example.com/v.mp4?${PRESIGNED}`;

/** Replies that say aloud what they should not. */
const INDISCREET: readonly [string, Fault][] = [
  [
    'a 401 that echoes the key',
    reply({ status: 401, body: { error: { message: `Incorrect API key provided: ${KEY}.` } } }),
  ],
  [
    'a 401 that echoes half of it',
    reply({ status: 401, body: { error: { message: `key ${KEY.slice(3, 16)}*** is unknown` } } }),
  ],
  ['a 401 that echoes it as its code', reply({ status: 401, body: { code: KEY, message: 'no' } })],
  [
    'a 403 with a bearer token',
    reply({ status: 403, body: { code: 'forbidden', message: `Authorization: Bearer ${KEY}` } }),
  ],
  [
    'a 400 with a presigned URL',
    reply({ status: 400, body: { code: 'bad', message: `cannot fetch ${URL_OF_VIDEO}` } }),
  ],
  [
    'a 405 with everything in it',
    reply({ status: 405, body: { message: 'no', account: ACCOUNT, key: KEY, url: URL_OF_VIDEO } }),
  ],
  ['a 422 of text', reply({ status: 422, body: `no such thing: ${KEY} ${ACCOUNT} ${URL_OF_VIDEO}` })],
  ['HTML', reply({ body: `<p>${KEY} ${ACCOUNT} <a href="${URL_OF_VIDEO}">` })],
  ['a redirect', redirect(URL_OF_VIDEO)],
  ['a 500 in a long message', reply({ status: 500, body: { message: `${'x'.repeat(190)}${KEY}` } })],
  [
    'an error behind a 200',
    reply({ body: { code: 500, msg: `${KEY} at ${URL_OF_VIDEO}`, data: { account: ACCOUNT } } }),
  ],
  ['the answer of another task', says('queued', { id: KEY })],
  ['a request id', reply({ status: 500, headers: { 'x-request-id': 'r-1' }, body: '' })],
];

describe.for(kinds)('over $name', (kind) => {
  describe.concurrent('F36 no secret is shown', () => {
    test.for(INDISCREET)('by an error about %s', async ([, fault], context) => {
      const { server, tracker, misses } = await stage(kind, context, { retry: { count: 1 } });
      server.answer(fault);
      const lost = (await lastValueFrom(tracker.trackAll(['t1']))) as LostTask;
      expect(lost.status).toBe('lost');
      const thrown = trace(tracker.track('t1'));
      await thrown.over;
      const asked = await firstValueFrom(tracker.query('t1').pipe(materialize()));
      const shown = [lost.error, thrown.error, asked.kind === 'E' ? (asked.error as unknown) : undefined];
      for (const error of [...shown, ...misses.map(({ error: missed }) => missed)]) {
        expect(error).toBeInstanceOf(Error);
        expect(secretsIn(everythingOf(error)), everythingOf(error)).toEqual([]);
      }
      expect(secretsIn(JSON.stringify(lost))).toEqual([]);
    });

    test('by a failed task as an error; as a value it shows what the user is to see', async (context) => {
      const { server, tracker } = await stage(kind, context);
      server.answer(says('failed', { error: { code: 'upstream', message: `see ${URL_OF_VIDEO}` }, url: URL_OF_VIDEO }));
      const stream = tracker.track('t1');
      const error = await lastValueFrom(stream.pipe(throwOnFailure())).then(
        () => undefined,
        (caught: unknown) => caught,
      );
      expect(isTaskFailedError(error)).toBe(true);
      expect(secretsIn(everythingOf(error))).toEqual([]);
      const { task } = error as TaskFailedError;
      expect(secretsIn(JSON.stringify(task))).not.toContain('key');
      expect(secretsIn(JSON.stringify(task))).not.toContain('account');
    });

    test('by a task, but its video', async (context) => {
      const { server, tracker } = await stage(kind, context);
      server.answer(says('reticulating'), says('completed'));
      const [unknown, completed] = await lastValueFrom(tracker.track('t1').pipe(toArray()));
      expect(secretsIn(JSON.stringify(unknown) + inspect(unknown))).toEqual([]);
      expect(secretsIn(JSON.stringify(completed) + inspect(completed))).toEqual(['presigned']);
    });

    test('F40 by a task of a service that echoes the key, nor by its journal, its errors, its JSON', async (context) => {
      const journal = memoryJournal();
      const { server, tracker } = await stage(kind, context, { journal });
      const echo = { 'x-request-id': `r-${KEY}` };
      const replies = [
        { status: `QUEUED ${KEY}`, model: KEY },
        { status: 'failed', model: KEY, error: { code: KEY, message: `the key ${KEY.slice(2, 20)} has no quota` } },
      ];
      const faults = replies.map((body) => reply({ headers: echo, body }));
      server.answer(reply({ status: 500, headers: echo, body: { code: KEY, id: KEY } }), ...faults);
      const tasks = await lastValueFrom(tracker.track('t1').pipe(toArray()));
      expect(tasks.map(({ status }) => status)).toEqual(['unknown', 'failed']);
      const error = await lastValueFrom(tracker.track('t1').pipe(throwOnFailure())).catch((caught: unknown) => caught);
      const asked = await firstValueFrom(tracker.query('t1').pipe(materialize()));
      for (const thing of [...tasks, error, asked]) {
        const raw = (thing as { raw?: string }).raw ?? '';
        expect(secretsIn(raw + everythingOf(thing) + inspect(thing, { showHidden: true, depth: 10 }))).toEqual([]);
      }
      expect(secretsIn(inspect(journal, { showHidden: true, depth: 20 }))).toEqual([]);
    });

    test('by inspecting what is at work', async (context) => {
      const { server, tracker, transport, gate } = await stage(kind, context);
      server.route(({ path }) => (path.endsWith('hangs') ? stall() : says('queued')));
      const subscriptions = ['hangs', 'a', 'b'].map((id) => tracker.track(id).subscribe());
      await until(() => {
        expect(server.requests.length).toBeGreaterThan(5);
      });
      const things = [tracker, transport, gate, tracker.track('a'), tracker.query('a'), subscriptions];
      for (const thing of things) {
        // What a stream holds inside is not for show, but looked at all the same.
        expect(secretsIn(inspect(thing, { showHidden: true, depth: 10 }))).toEqual([]);
      }
      for (const subscription of subscriptions) subscription.unsubscribe();
    });
  });
});

test('F36 the search itself finds what it looks for', () => {
  for (const text of [KEY, `x${KEY.slice(5, 13)}x`, inspect({ a: KEY })]) expect(secretsIn(text)).toEqual(['key']);
  expect(secretsIn(URL_OF_VIDEO)).toEqual(['presigned']);
  expect(secretsIn(ACCOUNT)).toEqual(['account']);
  expect(secretsIn(KEY.slice(5, 12))).toEqual([]);
  const error = Object.assign(new Error('m', { cause: { deep: { er: KEY } } }), { field: ACCOUNT });
  expect(secretsIn(everythingOf(error))).toEqual(['key', 'account']);
});
