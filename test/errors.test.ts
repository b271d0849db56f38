import { inspect } from 'node:util';
import { lastValueFrom } from 'rxjs';
import {
  alad,
  createQuery,
  isQueryError,
  isSettled,
  isTaskFailedError,
  isTrackingError,
  pollUntilTerminal,
  QueryError,
  TaskFailedError,
  TrackingError,
  type LostTask,
  type QueryErrorKind,
} from 'rx-video-tasks';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { describe, expect, test, vi } from 'vitest';
import { redact } from '../src/redact.js';
import { generations, read, wires } from './wire/reading.js';

const SIGNED = 'https://cdn.example.com/v.mp4?X-Tos-Signature=abcdefgh';
const completed = read(wires.generations, generations({ status: 'SUCCESS', result_url: SIGNED }));
const failed = read(
  wires.generations,
  generations({ status: 'FAILURE', fail_reason: `no ${SIGNED} ${'x'.repeat(300)}` }),
);

const query = new QueryError('network', 'reset', {
  code: 'ECONNRESET',
  id: 't1',
  provider: 'acme',
  cause: new Error('deep'),
});
const tracking = new TrackingError('deadline', 'too late', {
  id: 't1',
  provider: 'acme',
  misses: 3,
  last: completed,
  cause: query,
});
const taskFailed = () => {
  if (failed.status !== 'failed') throw new Error(failed.status);
  return new TaskFailedError(failed);
};

/** All that anybody could get to see of an error without asking for its task by name. */
const shown = (error: Error) =>
  inspect(error, { depth: 10 }) + JSON.stringify(error) + String(error) + String(error.stack);

describe('guards', () => {
  const guards = { isQueryError, isTrackingError, isTaskFailedError };
  const errors = { isQueryError: query, isTrackingError: tracking, isTaskFailedError: taskFailed() };

  test.each(Object.keys(guards) as (keyof typeof guards)[])('%s knows its own and no other', (name) => {
    for (const [other, error] of Object.entries(errors)) expect(guards[name](error)).toBe(other === name);
    for (const none of [
      undefined,
      null,
      'QueryError',
      5,
      {},
      new Error('x'),
      { name: 'QueryError' },
      { kind: 'network', reason: 'query' },
    ]) {
      expect(guards[name](none)).toBe(false);
    }
  });

  test('an error of a second copy of the library, or one that came as JSON, is as good', async () => {
    vi.resetModules();
    const copy = await import('rx-video-tasks');
    expect(copy.QueryError).not.toBe(QueryError);
    const foreign = new copy.QueryError('server', 'm');
    expect(foreign).not.toBeInstanceOf(QueryError);
    expect(isQueryError(foreign)).toBe(true);
    expect(isTrackingError(new copy.TrackingError('query', 'm', { id: 'x', provider: 'p', misses: 0 }))).toBe(true);
    expect(isTrackingError(JSON.parse(JSON.stringify(tracking)))).toBe(true);
    expect(isQueryError(JSON.parse(JSON.stringify(query)))).toBe(true);
    expect(isTaskFailedError(JSON.parse(JSON.stringify(taskFailed())))).toBe(true);
  });

  test('each is an Error with a literal name', () => {
    for (const [error, name] of [
      [query, 'QueryError'],
      [tracking, 'TrackingError'],
      [taskFailed(), 'TaskFailedError'],
    ] as const) {
      expect(error).toBeInstanceOf(Error);
      expect(error.name).toBe(name);
      expect(String(error)).toMatch(new RegExp(`^${name}: `));
    }
  });
});

describe('QueryError', () => {
  test.each<[QueryErrorKind, boolean]>([
    ['unauthorized', false],
    ['forbidden', false],
    ['not-found', false],
    ['misconfigured', false],
    ['expired', false],
    ['rate-limited', true],
    ['server', true],
    ['network', true],
    ['timeout', true],
    ['malformed', true],
  ])('%s: retryable %s', (kind, retryable) => {
    expect(new QueryError(kind, 'm')).toMatchObject({ kind, retryable, message: 'm' });
  });

  test('has the fields that it was given, and no others', () => {
    expect(Object.keys(new QueryError('server', 'm', { code: undefined, httpStatus: 500 })).sort()).toStrictEqual([
      'httpStatus',
      'kind',
      'name',
      'retryable',
    ]);
    expect(new QueryError('server', 'm')).not.toHaveProperty('cause');
  });
});

describe('causes are redacted copies', () => {
  const causeOf = (cause: unknown) => new QueryError('network', 'm', { cause }).cause;

  test('name, message and code; no stack, no cause of its own, no other field', () => {
    const error = Object.assign(new TypeError(`failed at ${SIGNED}`, { cause: 'x' }), {
      code: 'E_X',
      headers: { authorization: 'k' },
    });
    expect(causeOf(error)).toStrictEqual({
      name: 'TypeError',
      message: 'failed at https://cdn.example.com/v.mp4?…',
      code: 'E_X',
    });
    expect(causeOf(query)).toStrictEqual({ name: 'QueryError', message: 'reset', code: 'ECONNRESET' });
    expect(causeOf(new QueryError('server', 'm'))).toStrictEqual({ name: 'QueryError', message: 'm', code: 'server' });
    expect(causeOf(causeOf(error))).toStrictEqual(causeOf(error));
  });

  test('whatever was thrown', () => {
    expect(causeOf('https://a.example/b?c=d')).toStrictEqual({ name: 'Error', message: 'https://a.example/b?…' });
    expect(causeOf(5)).toMatchObject({ name: 'Error' });
    expect(causeOf(null)).toMatchObject({ name: 'Error', message: 'null' });
    expect(causeOf(Object.create(null))).toStrictEqual({ name: 'Error', message: '' });
    expect(causeOf({ name: {}, message: Object.create(null) as object, code: 5 })).toStrictEqual({
      name: 'Error',
      message: '',
    });
    expect(causeOf(Symbol('s'))).toMatchObject({ name: 'Error' });
  });

  test('a long message is cut', () => {
    expect((causeOf(new Error('x'.repeat(5_000))) as Error).message).toHaveLength(200);
  });
});

describe('TrackingError', () => {
  test('keeps the last answer out of enumeration', () => {
    expect(tracking.last).toBe(completed);
    expect(Object.keys(tracking)).not.toContain('last');
    expect(new TrackingError('query', 'm', { id: 'x', provider: 'p', misses: 0 }).last).toBeUndefined();
  });

  test('as JSON has all that is fit to be seen', () => {
    expect(JSON.parse(JSON.stringify(tracking))).toStrictEqual({
      name: 'TrackingError',
      message: 'too late',
      reason: 'deadline',
      id: 't1',
      provider: 'acme',
      misses: 3,
      cause: { name: 'QueryError', message: 'reset', code: 'ECONNRESET' },
    });
  });

  test('F36 shows no presigned URL', () => {
    expect(shown(tracking)).not.toContain('Signature');
  });
});

describe('TaskFailedError', () => {
  test('names the task and the reason', () => {
    const error = taskFailed();
    expect(error).toMatchObject({ id: 'x', provider: 'acme', status: 'failed' });
    expect(error.message).toMatch(/^acme task x failed: no https:\/\/cdn\.example\.com\/v\.mp4\?… x+$/);
    expect(error.task).toBe(failed);
    expect(Object.keys(error)).not.toContain('task');
    expect(shown(error)).not.toContain('Signature');
  });

  test('of a cancelled task', () => {
    const cancelled = read(wires.generations, generations({ status: 'CANCELLED' }));
    if (cancelled.status !== 'cancelled') throw new Error(cancelled.status);
    expect(new TaskFailedError(cancelled).message).toBe('acme task x was cancelled at the service');
  });
});

describe('redact', () => {
  const secret = 'abcdefghijklmnop';

  test.each([
    ['see https://h/p?sig=1&x=2 there', 'see https://h/p?… there'],
    ['(https://h/p#frag)', '(https://h/p?…'],
    ['"HTTPS://H/p?sig=1"', '"HTTPS://H/p?…"'],
    ['https://h/p', 'https://h/p'],
    ['Authorization: Bearer abc.def-1, x', 'Authorization: Bearer …, x'],
    ['key sk-12345 is wrong', 'key sk-… is wrong'],
    [`the key ${secret} is wrong`, 'the key … is wrong'],
    [`${secret}${secret}`, '……'],
    ['starts abcdefgh ends', 'starts … ends'],
    ['only abcdefg', 'only abcdefg'],
    ['内容违规', '内容违规'],
    ['', ''],
  ])('%j', (text, expected) => {
    expect(redact(text, secret)).toBe(expected);
  });

  test('cuts to 200 characters, and no key is left at a cut', () => {
    for (let padding = 150; padding < 1010; padding++) {
      const clean = redact(`${' '.repeat(padding)}${secret}${'x'.repeat(400)}`, secret);
      expect(clean.length).toBeLessThanOrEqual(200);
      expect(clean).not.toContain(secret.slice(0, 8));
    }
  });

  test('without a secret leaves plain text alone', () => {
    expect(redact('plain text', '')).toBe('plain text');
  });
});

test('a lost task is settled but not terminal', () => {
  const lost: LostTask = { status: 'lost', id: 't1', provider: 'acme', observedAt: 0, error: tracking };
  expect(isSettled(lost)).toBe(true);
  expect(isSettled(completed)).toBe(true);
  expect(isSettled(read(wires.generations, generations({})))).toBe(false);
});

describe('the message of a task that cannot be tracked', () => {
  test.for(['unauthorized', 'forbidden', 'misconfigured', 'malformed', 'server'] as const)(
    '%s: says no sentence twice, and names the remedy',
    async (kind) => {
      const { transport } = scriptedTransport({ a1: [kind] });
      const query = createQuery({ provider: alad({ apiKey: 'key' }), transport });
      const tracking = query('a1').pipe(pollUntilTerminal({ retry: { count: 0 } }));
      const error = await lastValueFrom(tracking).catch((thrown: unknown) => thrown as Error);
      const clauses = (error as Error).message.split(/[.:;(]\s*|\)/).map((clause) => clause.toLowerCase().trim());
      expect(clauses.filter((clause, nth) => clause !== '' && clauses.indexOf(clause) !== nth)).toEqual([]);
      expect((error as Error).message.match(/may still be running/g)).toHaveLength(1);
      expect((error as Error).message).toMatch(/track it again by its id$/);
    },
  );
});
