import { inspect } from 'node:util';
import { delay, EMPTY, lastValueFrom, materialize, NEVER, Observable, of, repeat, throwError, toArray } from 'rxjs';
import {
  alad,
  createGate,
  createQuery,
  defineProvider,
  isQueryError,
  mingyan,
  QueryError,
  type ApiKey,
  type QueryOptions,
  type Task,
  type TaskRef,
  type Transport,
  type TransportReply,
  type TransportRequest,
} from 'rx-video-tasks';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { marbles } from '../marbles.js';
import { listen } from '../operators/polls.js';

const KEY = 'sk-query-0123456789abcdef';
const queued = { status: 200, headers: {}, body: '{"id":"t1","status":"queued"}' };
const refused = { status: 401, headers: {}, body: `{"error":{"message":"bad key ${KEY}"}}` };

/** Answers with the replies in turn, the last one for ever, and logs the requests. */
function stub(...replies: TransportReply[]): Transport & { requests: TransportRequest[] } {
  const requests: TransportRequest[] = [];
  const transport: Transport = (request) =>
    new Observable((subscriber) => {
      const reply = replies[Math.min(requests.length, replies.length - 1)];
      requests.push(request);
      if (reply) subscriber.next(reply);
      subscriber.complete();
    });
  return Object.assign(transport, { requests });
}

const queryWith = (transport: Transport, apiKey: ApiKey = KEY) =>
  createQuery({ provider: mingyan({ apiKey }), transport, gate: createGate({ requestsPerMinute: Infinity }) });

/** What came of a query, to its end. */
function notificationsOf(query: Observable<Task>) {
  return lastValueFrom(query.pipe(materialize(), toArray()), { defaultValue: [] });
}

async function taskOf(query: Observable<Task>): Promise<Task> {
  const [first, ...more] = await notificationsOf(query);
  if (first?.kind !== 'N' || more.length !== 1) throw new Error(`no task but ${inspect([first, ...more])}`);
  return first.value;
}

async function errorOf(query: Observable<Task>): Promise<QueryError> {
  const [first] = await notificationsOf(query);
  if (first?.kind !== 'E' || !isQueryError(first.error)) throw new Error(`no QueryError but ${inspect(first)}`);
  return first.error;
}

/** The kinds of notifications that come in the same tick. */
function kindsAtOnce(query: Observable<Task>): string {
  let kinds = '';
  query.subscribe({
    next: () => (kinds += 'N'),
    error: () => (kinds += 'E'),
    complete: () => (kinds += 'C'),
  });
  return kinds;
}

/** All that anybody could get to see of an error. */
function everythingOf(error: Error): string {
  const shown = inspect(error, { depth: 10, showHidden: true });
  return [shown, JSON.stringify(error), JSON.stringify(error.cause), error.message, error.stack].join('\n');
}

afterEach(() => {
  vi.useRealTimers();
});

describe('one query', () => {
  test('is cold: one GET per subscription, none before', async () => {
    const transport = stub(queued);
    const task = queryWith(transport)('t1');
    expect(transport.requests).toHaveLength(0);
    await expect(taskOf(task)).resolves.toMatchObject({ id: 't1', provider: 'mingyan', status: 'queued' });
    expect(transport.requests).toHaveLength(1);
    task.subscribe();
    expect(transport.requests).toHaveLength(2);
  });

  test('emits one task and completes in the same tick, however much the transport emits', () => {
    expect(kindsAtOnce(queryWith(() => of(queued, queued))('t1'))).toBe('NC');
  });

  test('ends a synchronous transport without an end', () => {
    expect(kindsAtOnce(queryWith(() => of(queued).pipe(repeat()))('t1'))).toBe('NC');
  });

  test('reports what a wire throws as malformed, without the key', async () => {
    const read = () => {
      throw new RangeError(`unexpected ${KEY}`);
    };
    const wire = { name: 'broken', path: (id: string) => `/${id}`, read };
    const acme = defineProvider({ name: 'acme', baseUrl: 'https://api.acme.example', wire, windows: {} });
    const error = await errorOf(createQuery({ provider: acme({ apiKey: KEY }), transport: stub(queued) })('t1'));
    expect(error).toMatchObject({ kind: 'malformed', retryable: true, httpStatus: 200, provider: 'acme', id: 't1' });
    expect(error.message).toBe(
      'acme returned no usable status for task t1: the wire "broken" could not read the reply: unexpected sk-…',
    );
    expect(error.cause).toStrictEqual({ name: 'RangeError', message: 'unexpected sk-…' });
  });

  test.each<[string, string, string]>([
    ['s3cr3t', 'the key s3cr3t is wrong', 'the key … is wrong'],
    ['s3cr3t', 's3cr3t', '…'],
    ['s3cr3t', 'no s3cr3ts: "s3cr3t".', 'no s3cr3ts: "…".'],
    ['test', 'https://test.example.com/test/test.mp4?key=test', 'https://test.example.com/test/test.mp4?key=…'],
    ['queued', 'it was queued', 'it was …'],
  ])('F36 masks the short key %j in "%s" of a task', async (key, message, masked) => {
    const body = JSON.stringify({ id: 't1', status: 'failed', error: message });
    const task = await taskOf(queryWith(stub({ ...queued, body }), key)('t1'));
    expect(task).toMatchObject({ status: 'failed', failure: { message: masked } });
  });

  test('F36 the status of a task stays where a key contains that word', async () => {
    const body = JSON.stringify({ id: 't1', status: 'processing' });
    const task = await taskOf(queryWith(stub({ ...queued, body }), 'sk-processing-1')('t1'));
    expect(task).toMatchObject({ status: 'processing', provider: 'mingyan', id: 't1' });
  });

  test.each(['a/b', 'a b', '?x=1', '#f', '%2e%2e', 'ä', '视频', 'a\\b', '..a', '🎬'])(
    'percent-encodes the id %j',
    (id) => {
      const transport = stub({ ...queued, body: '{"status":"queued"}' });
      queryWith(transport)(id).subscribe();
      const [request] = transport.requests;
      expect(request?.url).toBe(`https://zcbservice.aizfw.cn/kyyReactApiServer/v1/result/${encodeURIComponent(id)}`);
      expect(new URL(request?.url ?? '').pathname.split('/')).toHaveLength(5);
    },
  );

  test('sends the key as Bearer, asks for English, and nothing else', () => {
    const transport = stub(queued);
    queryWith(transport)('t1').subscribe();
    expect(transport.requests[0]?.headers).toStrictEqual({
      accept: 'application/json',
      'accept-language': 'en',
      authorization: `Bearer ${KEY}`,
    });
  });

  test('unsubscribing tears the request down', () => {
    let torn = 0;
    const transport: Transport = () => new Observable(() => () => torn++);
    const subscription = queryWith(transport)('t1').subscribe();
    expect(torn).toBe(0);
    subscription.unsubscribe();
    expect(torn).toBe(1);
  });

  test('unsubscribing while the key is awaited asks for nothing', async () => {
    const transport = stub(queued);
    const subscription = queryWith(transport, () => Promise.resolve(KEY))('t1').subscribe();
    subscription.unsubscribe();
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(transport.requests).toHaveLength(0);
  });

  test('observedAt is the clock at the answer; Retry-After and the trace id come from the headers', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_777_000_000_000 });
    await expect(taskOf(queryWith(stub(queued))('t1'))).resolves.toMatchObject({
      observedAt: 1_777_000_000_000,
    });
    for (const header of ['x-request-id', 'x-oneapi-request-id']) {
      const throttled = { status: 429, headers: { 'retry-after': '7', [header]: 'trace' }, body: '' };
      const error = await errorOf(queryWith(stub(throttled))('t1'));
      expect(error).toMatchObject({ kind: 'rate-limited', retryAfterMs: 7_000, requestId: 'trace', httpStatus: 429 });
      await expect(taskOf(queryWith(stub({ ...queued, headers: { [header]: 'trace' } }))('t1'))).resolves.toMatchObject(
        {
          requestId: 'trace',
        },
      );
    }
  });
});

describe('keys', () => {
  test('F19 a refused key function is called again once, for all requests that were refused', async () => {
    let asked = 0;
    const sent: string[] = [];
    const transport: Transport = ({ headers, url }) => {
      const { authorization = '' } = headers;
      sent.push(authorization);
      const id = url.slice(url.lastIndexOf('/') + 1);
      const reply =
        authorization === 'Bearer new-key-9876543210'
          ? { ...queued, body: `{"id":"${id}","status":"queued"}` }
          : refused;
      return of(reply).pipe(delay(5));
    };
    const query = queryWith(transport, () => (++asked <= 20 ? 'old-key-0123456789' : 'new-key-9876543210'));
    const ids = Array.from({ length: 20 }, (_, nth) => `t${nth}`);
    const tasks = await Promise.all(ids.map((id) => taskOf(query(id))));
    expect(tasks.map(({ id }) => id)).toEqual(ids);
    expect(asked).toBe(21);
    expect(sent).toHaveLength(40);
  });

  test.each<[string, ApiKey]>([
    ['a string', KEY],
    ['a function', () => KEY],
    ['a promise', () => Promise.resolve(KEY)],
    ['an observable', () => of(KEY)],
    [
      'an observable that goes on',
      () =>
        new Observable<string>((subscriber) => {
          subscriber.next(KEY);
        }),
    ],
  ])('from %s', async (_, apiKey) => {
    const transport = stub(queued);
    await taskOf(queryWith(transport, apiKey)('t1'));
    expect(transport.requests[0]?.headers['authorization']).toBe(`Bearer ${KEY}`);
  });

  test('a function is asked at each query, not before', () => {
    const apiKey = vi.fn(() => KEY);
    const task = queryWith(stub(queued), apiKey)('t1');
    expect(apiKey).not.toHaveBeenCalled();
    task.subscribe();
    task.subscribe();
    expect(apiKey).toHaveBeenCalledTimes(2);
  });

  test('F19 a rotated key: refused once, asked for again, answered', async () => {
    const keys = ['old-key-00', 'new-key-11'];
    const transport = stub(refused, queued);
    const task = await taskOf(queryWith(transport, () => Promise.resolve(keys.shift() ?? ''))('t1'));
    expect(task.status).toBe('queued');
    expect(transport.requests.map(({ headers }) => headers['authorization'])).toStrictEqual([
      'Bearer old-key-00',
      'Bearer new-key-11',
    ]);
  });

  test('F39 a function that returned a refused key after a refusal is asked again at the next refusal', async () => {
    const keys = ['old-key-00', 'old-key-00', 'old-key-00', 'new-key-11'];
    const asked: string[] = [];
    const transport = stub(refused, refused, refused, queued);
    const query = queryWith(transport, () => {
      const key = keys.shift() ?? '';
      asked.push(key);
      return key;
    });
    expect((await errorOf(query('t1'))).kind).toBe('unauthorized');
    expect((await taskOf(query('t1'))).status).toBe('queued');
    expect(asked).toStrictEqual(['old-key-00', 'old-key-00', 'old-key-00', 'new-key-11']);
  });

  test(
    'F39 key functions that never settle are missed polls after 10 s, and free their places',
    marbles((m) => {
      const transport = stub(queued);
      let isStuck = true;
      const apiKey = () => (isStuck ? NEVER : of(KEY));
      const query = createQuery({
        provider: mingyan({ apiKey }),
        transport,
        gate: createGate({ maxInFlight: 32, requestsPerMinute: Infinity }),
      });
      const errors: unknown[] = [];
      for (let nth = 0; nth < 32; nth++) {
        query(`t${nth}`).subscribe({ error: (error: unknown) => errors.push(error) });
      }
      let task: Task | undefined;
      m.scheduler.schedule(() => {
        isStuck = false;
        listen(query('t1'), (answer) => (task = answer));
      }, 5_000);
      m.scheduler.schedule(() => {
        expect(errors).toHaveLength(0);
      }, 9_999);
      m.flush();
      expect(errors).toHaveLength(32);
      expect(errors[0]).toMatchObject({ kind: 'timeout', code: 'api-key', retryable: true, id: 't0' });
      expect(String(errors[0])).toContain('the apiKey function returned no key within 10000 ms');
      expect(task).toMatchObject({ id: 't1', status: 'queued' });
      expect(m.scheduler.now()).toBe(10_000);
    }),
  );

  test('F19 refused again, it is the end: two requests, not three', async () => {
    const transport = stub(refused);
    expect((await errorOf(queryWith(transport, () => KEY)('t1'))).kind).toBe('unauthorized');
    expect(transport.requests).toHaveLength(2);
  });

  test('F19 a string is not read again, nor is a function called again after another error', async () => {
    const forString = stub(refused);
    expect((await errorOf(queryWith(forString)('t1'))).kind).toBe('unauthorized');
    expect(forString.requests).toHaveLength(1);
    const forForbidden = stub({ status: 403, headers: {}, body: '{}' });
    expect((await errorOf(queryWith(forForbidden, () => KEY)('t1'))).kind).toBe('forbidden');
    expect(forForbidden.requests).toHaveLength(1);
  });

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('vault is sealed');
      },
    ],
    ['rejects', () => Promise.reject(new Error('vault is sealed'))],
    ['errors', () => throwError(() => new Error('vault is sealed'))],
  ])('F36 a key function that %s is a miss that says so', async (_, apiKey) => {
    const transport = stub(queued);
    const error = await errorOf(queryWith(transport, apiKey as () => string)('t1'));
    expect(error).toMatchObject({ kind: 'network', code: 'api-key', provider: 'mingyan', id: 't1', retryable: true });
    expect(error.message).toBe('mingyan could not be asked about task t1: the apiKey function failed');
    expect(error.cause).toMatchObject({ message: 'vault is sealed' });
    expect(transport.requests).toHaveLength(0);
  });

  test.each([[''], ['two words'], ['line\r\nX-Evil: 1'], [null], [undefined], [5]])(
    'a function that gives %j has no usable key',
    async (key) => {
      const transport = stub(queued);
      const error = await errorOf(queryWith(transport, () => of(key as string))('t1'));
      expect(error).toMatchObject({ kind: 'misconfigured', code: 'api-key', retryable: false });
      expect(everythingOf(error)).not.toMatch(/two words|Evil/);
      expect(transport.requests).toHaveLength(0);
    },
  );

  test('F36 no part of a key is in an error, in whichever part of a reply it is echoed', async () => {
    const echoes = [`bad key ${KEY}`, `Bearer ${KEY}`, KEY.slice(4, 13), `x${KEY}x`, `${KEY}${KEY}`];
    for (const echo of echoes) {
      for (const body of [
        { error: { message: echo, code: echo } },
        { code: echo, msg: echo },
        { id: echo, status: 'queued' },
      ]) {
        for (const status of [200, 400, 401, 500]) {
          const error = await errorOf(queryWith(stub({ status, headers: {}, body: JSON.stringify(body) }))('t1'));
          expect(everythingOf(error)).not.toContain(KEY.slice(5, 13));
        }
      }
      const broken = new Error(echo, { cause: new Error(echo) });
      for (const failure of [broken, echo, new QueryError('network', echo, { cause: broken })]) {
        const error = await errorOf(queryWith(() => throwError(() => failure))('t1'));
        expect(everythingOf(error)).not.toContain(KEY.slice(5, 13));
      }
    }
  });

  test('F36 a key of a few characters is not shown either', async () => {
    const echo = JSON.stringify({ message: 'your key s3cr3t is wrong' });
    const error = await errorOf(queryWith(stub({ status: 401, headers: {}, body: echo }), 's3cr3t')('t1'));
    expect(error.message).toContain('your key … is wrong');
  });
});

describe('a transport without a reply', () => {
  test('its QueryError keeps its kind and fields, and names the task', async () => {
    const failure = new QueryError('timeout', 'no reply within 5 ms', {
      code: 'SLOW',
      retryAfterMs: 3,
      cause: new Error('why'),
    });
    const error = await errorOf(queryWith(() => throwError(() => failure))('t1'));
    expect(error).toMatchObject({ kind: 'timeout', code: 'SLOW', retryAfterMs: 3, provider: 'mingyan', id: 't1' });
    expect(error.message).toBe('mingyan at zcbservice.aizfw.cn could not be asked about task t1: no reply within 5 ms');
    expect(error.cause).toStrictEqual({ name: 'Error', message: 'why' });
  });

  test.each<[string, Transport]>([
    ['errors', () => throwError(() => new TypeError('fetch failed'))],
    [
      'throws',
      () => {
        throw new TypeError('fetch failed');
      },
    ],
  ])('one of the caller that %s with anything else is a miss of the network', async (_, transport) => {
    const error = await errorOf(queryWith(transport)('t1'));
    expect(error).toMatchObject({ kind: 'network', retryable: true, id: 't1' });
    expect(error.cause).toStrictEqual({ name: 'TypeError', message: 'fetch failed' });
  });

  test('one that completes empty, or never, leaves the query so', () => {
    expect(kindsAtOnce(queryWith(() => EMPTY)('t1'))).toBe('C');
    expect(kindsAtOnce(queryWith(() => NEVER)('t1'))).toBe('');
  });
});

describe('F21 not found', () => {
  const missing = stub({ status: 404, headers: {}, body: '{"message":"no such task"}' });
  const now = 1_777_000_000_000;
  const kindAt = async (createdAt: number | Date | undefined) => {
    vi.useFakeTimers({ toFake: ['Date'], now });
    const ref: TaskRef = createdAt === undefined ? 't1' : { id: 't1', createdAt };
    return errorOf(queryWith(missing)(ref));
  };

  test('is just that while the record should exist', async () => {
    for (const createdAt of [undefined, now, now - 86_400_000, new Date(now - 3_600_000)]) {
      expect((await kindAt(createdAt)).kind).toBe('not-found');
    }
  });

  test('means deleted once the retention is over', async () => {
    for (const createdAt of [now - 86_400_001, new Date(now - 10 * 86_400_000)]) {
      const error = await kindAt(createdAt);
      expect(error).toMatchObject({
        kind: 'expired',
        retryable: false,
        httpStatus: 404,
        provider: 'mingyan',
        id: 't1',
      });
      expect(error.message).toBe('mingyan has deleted its record of task t1: records are kept for 24 h');
    }
  });

  test('other errors of an old task stay what they are', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now });
    const broken = stub({ status: 500, headers: {}, body: '' });
    expect((await errorOf(queryWith(broken)({ id: 't1', createdAt: now - 1e10 }))).kind).toBe('server');
  });
});

describe('refs are refused at call time, saying what to write', () => {
  const query = queryWith(stub(queued));

  test.each([
    ['', '""'],
    ['   ', '"   "'],
    ['.', '"."'],
    ['..', '".."'],
    ['a\nb', '"a\\nb"'],
    ['a\u0000', '"a\\u0000"'],
    ['a\u007f', '"a\u007f"'],
    ['a\u0085', '"a\u0085"'],
    ['\ud800', '"\\ud800"'],
    ['a\udc00b', '"a\\udc00b"'],
    ['x'.repeat(257), `"${'x'.repeat(80)}"`],
    [5, '5'],
    [null, 'null'],
    [undefined, 'undefined'],
    [{}, '[object Object]'],
  ])('id %j', (id, shown) => {
    const message =
      `id: ${shown} is not usable; write the id as the service gave it: ` +
      '1 to 256 characters, none of them control characters';
    expect(() => query({ id: id as string })).toThrow(new TypeError(message));
    if (typeof id === 'string') expect(() => query(id)).toThrow(new TypeError(message));
  });

  test.each(['x'.repeat(256), '...', 'a.b', '🎬', '-'])('id %j is fine', (id) => {
    expect(() => query(id)).not.toThrow();
  });

  test.each([undefined, null, 5, true])('ref %j', (ref) => {
    expect(() => query(ref as unknown as TaskRef)).toThrow(/^ref: .*; write an id, or \{ id, provider \}$/);
  });

  test.each([1_777_288_506, 0, -1, NaN, Infinity, 1e16, 'yesterday', new Date('no'), null, {}])(
    'createdAt %s',
    (createdAt) => {
      expect(() => query({ id: 't1', createdAt: createdAt as number })).toThrow(RangeError);
      expect(() => query({ id: 't1', createdAt: createdAt as number })).toThrow(
        /^createdAt: .*; write epoch ms or a Date/s,
      );
    },
  );

  test.each(['model', 'hint'])('%s that is no text', (field) => {
    for (const value of [5, null, {}, ['veo']]) {
      expect(() => query({ id: 't1', [field]: value })).toThrow(new RegExp(`^${field}: .*; write`));
    }
    expect(() => query({ id: 't1', [field]: 'veo_3_1' })).not.toThrow();
  });

  test('several providers: a ref names its own', async () => {
    const transport = stub({ ...queued, body: '{"status":"queued"}' });
    const second = mingyan({ apiKey: 'key-of-second', name: 'second' });
    const many = createQuery({ provider: [alad({ apiKey: KEY }), mingyan({ apiKey: KEY }), second], transport });
    for (const provider of ['alad', 'mingyan', 'second']) {
      await expect(taskOf(many({ id: 't1', provider }))).resolves.toMatchObject({ provider });
    }
    expect(transport.requests.map(({ headers }) => headers['authorization'])).toStrictEqual([
      `Bearer ${KEY}`,
      `Bearer ${KEY}`,
      'Bearer key-of-second',
    ]);
    expect(() => many('t1')).toThrow('names no provider; write { id, provider } with one of: alad, mingyan, second');
    expect(() => many({ id: 't1', provider: 'sora' })).toThrow(
      'task t1 names an unknown provider, "sora"; write { id, provider } with one of: alad',
    );
    expect(() => query({ id: 't1', provider: 'alad' })).toThrow('one of: mingyan');
    expect(() => query({ id: 't1', provider: 'mingyan' })).not.toThrow();
  });

  test('providers', () => {
    const make = (provider: unknown) => () => createQuery({ provider } as QueryOptions);
    expect(make([mingyan({ apiKey: KEY }), mingyan({ apiKey: KEY })])).toThrow(
      'provider: two have the same name; write alad({ apiKey, name: "second" })',
    );
    for (const wrong of [undefined, null, 'alad', {}, alad, [alad], []]) {
      expect(make(wrong)).toThrow(/^provider: \w+ is not usable; write alad\(\{ apiKey \}\), or an array/);
    }
  });
});
