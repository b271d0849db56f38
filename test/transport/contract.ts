import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstValueFrom, toArray, type Observable, type Subscription } from 'rxjs';
import {
  isQueryError,
  type QueryError,
  type Transport,
  type TransportLimits,
  type TransportReply,
} from 'rx-video-tasks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeCertificates, type Certificates } from '../certificates.js';
import {
  chunked,
  claim,
  crumbs,
  dripBody,
  dripHeaders,
  endless,
  garbage,
  hangUp,
  redirect,
  reply,
  reset,
  resetInBody,
  stall,
  stallInBody,
  stallInHeaders,
  startBlackHole,
  startFaultServer,
  truncate,
  truncateChunked,
  truncateSilently,
  type Fault,
  type FaultServer,
} from '../fault-server.js';
import { blockEventLoop, until } from '../waiting.js';

export interface TransportKind {
  /** Makes one; `ca` is the authority to trust. */
  readonly create: (limits: TransportLimits & { readonly ca?: string }) => Transport;
}

/** What a stream emits first; one that completes without is a failure of the test. */
export function replyOf<T>(exchange: Observable<T>): Promise<T> {
  return firstValueFrom(exchange);
}

/** The QueryError that it ended with; anything else is a failure of the test. */
export async function failureOf(exchange: Promise<unknown>): Promise<QueryError> {
  const error: unknown = await exchange.then(
    () => expect.unreachable('it was answered'),
    (caught: unknown) => caught,
  );
  expect(isQueryError(error), String(error)).toBe(true);
  return error as QueryError;
}

/** What every transport does, on real sockets. What one cannot do by its nature is shown in its own test file. */
export function transportContract({ create }: TransportKind): void {
  let server: FaultServer;

  beforeEach(async () => {
    server = await startFaultServer();
  });
  afterEach(() => server.close());

  const ask = (transport = create({}), path = '/v1/result/a') =>
    transport({ url: server.url + path, headers: { authorization: 'Bearer key-1', accept: 'application/json' } });
  const meets = (fault: Fault, limits: TransportLimits = {}): Promise<TransportReply> => {
    server.answer(fault);
    return replyOf(ask(create(limits)));
  };
  const allClosed = () =>
    until(() => {
      expect(server.open).toBe(0);
    });

  describe('a reply', () => {
    test('is emitted once, then the stream completes', async () => {
      server.answer(reply({ body: { status: 'queued' }, headers: { 'X-Request-Id': 'r1', 'Retry-After': '5' } }));
      const replies = await replyOf(ask().pipe(toArray()));
      expect(replies).toHaveLength(1);
      expect(replies[0]).toMatchObject({ status: 200, body: '{"status":"queued"}' });
      expect(replies[0]?.headers).toMatchObject({ 'x-request-id': 'r1', 'retry-after': '5' });
    });

    test.for([400, 401, 402, 404, 410, 418, 425, 429, 500, 502, 503, 504, 520, 524])(
      'F13 is a reply with status %i too',
      async (status) => {
        expect(await meets(reply({ status, body: 'why' }))).toMatchObject({ status, body: 'why' });
      },
    );

    test('F12 may be empty, or a 204', async () => {
      expect(await meets(reply({ body: '' }))).toMatchObject({ status: 200, body: '' });
      expect(await meets(reply({ status: 429, body: '' }))).toMatchObject({ status: 429, body: '' });
      const noContent = reply({ status: 204, body: '', headers: { 'content-length': undefined } });
      expect(await meets(noContent)).toMatchObject({ status: 204, body: '' });
    });

    test('F12 HTML passes through as it is', async () => {
      const body = '<!doctype html><title>502 Bad Gateway</title>';
      expect(await meets(reply({ status: 502, body, headers: { 'content-type': 'text/html' } }))).toMatchObject({
        status: 502,
        body,
      });
    });

    test('F12 loses a byte order mark, and survives bytes that are no UTF-8', async () => {
      expect((await meets(reply({ body: '\uFEFF{"a":"ü"}' }))).body).toBe('{"a":"ü"}');
      expect((await meets(reply({ body: Buffer.from([0x7b, 0xff, 0xc3, 0x7d]) }))).body).toBe('{\uFFFD\uFFFD}');
    });

    test('is put together from chunks that cut characters apart', async () => {
      const body = JSON.stringify({ message: '视频生成失败 '.repeat(3000) });
      expect((await meets(chunked({ body }, 7))).body).toBe(body);
      expect((await meets(chunked({ body }, 1000))).body).toBe(body);
    });

    test('F9 may end with the connection: a silent truncation is text like any other', async () => {
      expect((await meets(truncateSilently())).body).toBe('{"status":');
    });

    test('comes after an early hint', async () => {
      const hinted: Fault = (socket, request) => {
        socket.write('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n');
        return reply({ body: 'ok' })(socket, request);
      };
      const hintless = await meets(hinted);
      expect(hintless).toMatchObject({ status: 200, body: 'ok' });
      expect(hintless.headers).not.toHaveProperty('link');
    });
  });

  describe('a request', () => {
    test('is a GET with the headers as given, one for each subscription, none before', async () => {
      const exchange = ask();
      await sleep(20);
      expect(server.connections).toBe(0);
      await replyOf(exchange);
      await replyOf(exchange);
      expect(server.requests).toHaveLength(2);
      for (const { method, path, headers } of server.requests) {
        expect({ method, path }).toEqual({ method: 'GET', path: '/v1/result/a' });
        expect(headers).toMatchObject({ authorization: 'Bearer key-1', accept: 'application/json' });
        expect(headers['cookie']).toBeUndefined();
      }
    });

    test('keeps the encoding and the query of its URL', async () => {
      await replyOf(ask(create({}), '/v1/result/a%2Fb%20c%3F?x=%25'));
      expect(server.requests[0]?.path).toBe('/v1/result/a%2Fb%20c%3F?x=%25');
    });

    test('goes over the same connection as the one before', async () => {
      const transport = create({});
      for (let poll = 0; poll < 5; poll++) {
        await replyOf(ask(transport));
        await sleep(5);
      }
      expect(server.requests.map(({ turn }) => turn)).toEqual([1, 2, 3, 4, 5]);
      expect(server.connections).toBe(1);
    });

    test('to a URL that is none is misconfigured', async () => {
      const error = await failureOf(replyOf(create({})({ url: 'http://', headers: {} })));
      expect(error).toMatchObject({ kind: 'misconfigured', code: 'ERR_INVALID_URL' });
    });
  });

  describe('F20 a redirect', () => {
    test('is a reply, followed neither on the origin nor away from it', async () => {
      const elsewhere = await startFaultServer();
      try {
        for (const status of [301, 302, 303, 307, 308]) {
          const here = await meets(redirect('/other', status));
          expect(here).toMatchObject({ status, headers: { location: '/other' } });
          expect(await meets(redirect(`${elsewhere.url}/stolen`, status))).toMatchObject({ status });
        }
        expect(server.requests).toHaveLength(10);
        expect(elsewhere.connections).toBe(0);
      } finally {
        await elsewhere.close();
      }
    });
  });

  describe('F28 unsubscribing', () => {
    const watch = (transport: Transport) => {
      const seen: string[] = [];
      const subscription = ask(transport).subscribe({
        next: () => seen.push('next'),
        error: () => seen.push('error'),
        complete: () => seen.push('complete'),
      });
      return { seen, subscription };
    };
    const isOver = async ({ seen, subscription }: { seen: string[]; subscription: Subscription }) => {
      subscription.unsubscribe();
      await allClosed();
      await sleep(30);
      expect(seen).toEqual([]);
    };

    test('at once sends nothing', async () => {
      const run = watch(create({}));
      await isOver(run);
      expect(server.requests).toHaveLength(0);
    });

    test.for([
      ['before the headers', stall()],
      ['in the headers', stallInHeaders()],
      ['in the body', stallInBody()],
      ['while the body drips', dripBody()],
    ] as const)('%s closes the connection', async ([, fault]) => {
      server.answer(fault);
      const run = watch(create({}));
      await until(() => {
        expect(server.requests).toHaveLength(1);
      });
      await sleep(50);
      expect(server.open).toBe(1);
      await isOver(run);
    });

    test('spares the requests beside it', async () => {
      const transport = create({});
      server.route(({ path }) => (path === '/stalls' ? stall() : reply({ delay: 100, body: path })));
      const gone = ask(transport, '/stalls').subscribe();
      const stays = replyOf(ask(transport, '/stays'));
      await sleep(50);
      gone.unsubscribe();
      expect((await stays).body).toBe('/stays');
    });
  });

  describe('a limit', () => {
    test.for([
      ['never come', stall()],
      ['stop half-way', stallInHeaders()],
      ['drip', dripHeaders()],
    ] as const)('F5 ends an exchange whose headers %s', async ([, fault]) => {
      const error = await failureOf(meets(fault, { headersTimeout: 150 }));
      expect(error).toMatchObject({ kind: 'timeout', message: 'no reply within 150 ms' });
      await allClosed();
    });

    test.for([
      ['stalls', stallInBody()],
      ['drips', dripBody()],
    ] as const)('F6 ends an exchange whose body %s', async ([, fault]) => {
      const error = await failureOf(meets(fault, { headersTimeout: 1_000, totalTimeout: 1_200 }));
      expect(error).toMatchObject({ kind: 'timeout', message: 'the reply was not complete within 1200 ms' });
      await allClosed();
    });

    test('for the whole is one for the headers too', async () => {
      expect(await failureOf(meets(stall(), { totalTimeout: 100 }))).toMatchObject({ kind: 'timeout' });
      await allClosed();
    });

    test('leaves a slow body alone that is done in time', async () => {
      const slow: Fault = async (socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{');
        await sleep(1_200);
        socket.write('}');
      };
      expect((await meets(slow, { headersTimeout: 1_000 })).body).toBe('{}');
    });

    test('F32 is not called on a reply that lay there while the event loop was busy', async () => {
      const busy: Fault = async (socket, request) => {
        await reply({ body: 'in time' })(socket, request);
        blockEventLoop(1_500);
      };
      expect((await meets(busy, { headersTimeout: 1_000, totalTimeout: 1_200 })).body).toBe('in time');
    });

    const tooLarge = async (fault: Fault) => {
      const error = await failureOf(meets(fault, { maxBytes: 1000 }));
      expect(error).toMatchObject({ kind: 'malformed', code: 'too-large' });
      expect(error.message).toBe('the reply is larger than 1000 bytes');
    };

    test.for([
      ['says so', reply({ body: 'x'.repeat(1001) })],
      ['comes in chunks', chunked({ body: 'x'.repeat(1001) })],
      ['ends with the connection', chunked({ body: 'x'.repeat(1001), headers: { connection: 'close' } })],
    ] as const)('F10 refuses a body that is a byte too large and %s', ([, fault]) => tooLarge(fault));

    test.for([
      ['claims 5 GB', claim(5e9)],
      ['claims 5 GB, before any of it comes', claim(5e9, stall())],
      ['never ends', endless()],
      ['never ends, a byte at a time', crumbs()],
    ] as const)('F10 closes the connection on a body that %s', async ([, fault]) => {
      await tooLarge(fault);
      await allClosed();
    });

    test('takes a body of exactly its size', async () => {
      const body = 'x'.repeat(1000);
      expect((await meets(reply({ body }), { maxBytes: 1000 })).body).toBe(body);
      expect((await meets(chunked({ body }), { maxBytes: 1000 })).body).toBe(body);
    });

    test.for(['headersTimeout', 'totalTimeout', 'maxBytes'] as const)('%s is checked when it is given', (name) => {
      for (const value of [0, -1, 1.5, NaN, Infinity, 2 ** 31]) {
        expect(() => create({ [name]: value })).toThrow(RangeError);
        expect(() => create({ [name]: value })).toThrow(`${name}: ${value} is not usable; write a whole number from 1`);
      }
      expect(() => create({ [name]: '5' as unknown as number })).toThrow(`${name}: "5" is not usable`);
      expect(() => create({ [name]: 1 })).not.toThrow();
      expect(() => create({ [name]: undefined as unknown as number })).not.toThrow();
    });
  });

  describe('no reply', () => {
    test.for([
      ['F7 reset before it on a fresh connection', reset()],
      ['closed before it on a fresh connection', hangUp()],
      ['F8 reset in the body', resetInBody()],
      ['F8 truncated', truncate()],
      ['F8 truncated in chunks', truncateChunked()],
    ] as const)('%s is a network error, after one request', async ([, fault]) => {
      expect(await failureOf(meets(fault))).toMatchObject({ kind: 'network' });
      await sleep(30);
      expect(server.requests).toHaveLength(1);
      await allClosed();
    });

    test('garbage instead of it is malformed', async () => {
      expect(await failureOf(meets(garbage()))).toMatchObject({ kind: 'malformed' });
      const manyHeaders: Fault = (socket) => {
        socket.write(`HTTP/1.1 200 OK\r\n${'x-filler: 0123456789\r\n'.repeat(5000)}`);
      };
      expect(await failureOf(meets(manyHeaders))).toMatchObject({ kind: 'malformed' });
    });

    test('F1 a refused connection is a network error, and over when the server is back', async () => {
      const { port } = server;
      const transport = create({});
      await server.close();
      for (let time = 0; time < 20; time++) {
        const error = await failureOf(replyOf(ask(transport)));
        expect(error).toMatchObject({ kind: 'network', code: 'ECONNREFUSED' });
      }
      server = await startFaultServer({ port });
      expect(await replyOf(ask(transport))).toMatchObject({ status: 200 });
    });

    test('F2 an unknown host is a network error', async () => {
      const url = 'http://nowhere.invalid/v1/result/a';
      const error = await failureOf(replyOf(create({})({ url, headers: {} })));
      expect(error.kind).toBe('network');
      expect(error.code).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/);
    });

    test('F36 an error shows neither key nor path', async () => {
      const error = await failureOf(meets(reset()));
      const text = `${error.message} ${JSON.stringify(error)} ${String(error.cause)}`;
      expect(text).not.toMatch(/key-1|result\/a/);
    });
  });

  describe('F3 TLS', () => {
    let certificates: Certificates;

    beforeAll(() => {
      certificates = makeCertificates();
    });

    const over = async (which: 'valid' | 'expired' | 'wrongHost', ca: string | undefined) => {
      const tls = await startFaultServer({ tls: certificates[which] });
      try {
        const transport = create(ca === undefined ? {} : { ca });
        return await replyOf(transport({ url: tls.url, headers: { authorization: 'Bearer key-1' } })).finally(() => {
          expect(tls.requests).toHaveLength(which === 'valid' && ca !== undefined ? 1 : 0);
        });
      } finally {
        await tls.close();
      }
    };

    test('with a good certificate is like any other', async () => {
      expect(await over('valid', certificates.ca)).toMatchObject({ status: 200, body: '{}' });
    });

    test.for([
      ['expired', 'CERT_HAS_EXPIRED'],
      ['wrongHost', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ] as const)('with a certificate that is %s sends nothing: misconfigured', async ([which, code]) => {
      const error = await failureOf(over(which, certificates.ca));
      expect(error).toMatchObject({ kind: 'misconfigured', code });
      expect(error.message).toBe(`the server's certificate cannot be trusted; nothing was sent (${code})`);
    });

    test('with a certificate of an unknown authority sends nothing: misconfigured', async () => {
      expect(await failureOf(over('valid', undefined))).toMatchObject({ kind: 'misconfigured' });
    });
  });

  describe('F4 connecting that never completes', () => {
    let hole: Awaited<ReturnType<typeof startBlackHole>>;

    beforeAll(async () => {
      hole = await startBlackHole();
    });
    afterAll(() => hole.close());

    test('is timed out', async () => {
      const exchange = replyOf(create({ headersTimeout: 1000 })({ url: hole.url, headers: {} }));
      expect(await failureOf(exchange)).toMatchObject({ kind: 'timeout' });
    });
  });

  test('F8 a large body arrives whole', async () => {
    const body = 'video '.repeat(170_000);
    const digest = (text: string) => createHash('sha256').update(text).digest('hex');
    expect(digest((await meets(reply({ body }))).body)).toBe(digest(body));
    expect(digest((await meets(chunked({ body }, 65_536))).body)).toBe(digest(body));
  });
}
