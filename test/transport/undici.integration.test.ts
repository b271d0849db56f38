import { setTimeout as sleep } from 'node:timers/promises';
import { inspect } from 'node:util';
import { forkJoin } from 'rxjs';
import type { QueryError } from 'rx-video-tasks';
import { undiciTransport, type UndiciTransport, type UndiciTransportOptions } from 'rx-video-tasks/node';
import { Agent, MockAgent, type Dispatcher } from 'undici';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hangUp, reply, reset, stall, stallInBody, startBlackHole, startFaultServer } from '../fault-server.js';
import type { Fault, FaultServer } from '../fault-server.js';
import { failureOf, replyOf, transportContract } from './contract.js';
import { until } from '../waiting.js';

const made: UndiciTransport[] = [];

function create(options: UndiciTransportOptions = {}): UndiciTransport {
  const transport = undiciTransport({ connectTimeout: 500, ...options });
  made.push(transport);
  return transport;
}

afterEach(async () => {
  await Promise.all(made.splice(0).map((transport) => transport.close()));
});

describe('undiciTransport', () => {
  transportContract({ create });

  let server: FaultServer;

  beforeEach(async () => {
    server = await startFaultServer();
  });
  afterEach(() => server.close());

  const ask = (transport: UndiciTransport, path = '/v1/result/a') => transport({ url: server.url + path, headers: {} });
  const many = (transport: UndiciTransport, count: number) =>
    replyOf(forkJoin(Array.from({ length: count }, (_, n) => ask(transport, `/${n}`))));
  const received = (count: number) =>
    until(() => {
      expect(server.requests).toHaveLength(count);
    });
  /** Resolves when the transport has closed every socket: sooner than after its `keepAlive` of 90 s. The server closes none. */
  const closed = () =>
    until(() => {
      expect(server.open).toBe(0);
    });

  describe('F7 a stale socket', () => {
    test.for([
      ['reset', reset()],
      ['closed', hangUp()],
    ] as const)('that is %s under a request sends it once more, on a fresh one', async ([, fault]) => {
      server.route(({ turn }) => (turn > 1 ? fault : reply({ body: 'fresh' })));
      const transport = create();
      for (let poll = 0; poll < 4; poll++) expect((await replyOf(ask(transport))).body).toBe('fresh');
      expect(server.requests.map(({ connection, turn }) => [connection, turn])).toEqual([
        [1, 1],
        [1, 2],
        [2, 1],
        [2, 2],
        [3, 1],
        [3, 2],
        [4, 1],
      ]);
    });

    test('is followed by no third request', async () => {
      const transport = create();
      await replyOf(ask(transport));
      server.answer(reset());
      expect(await failureOf(replyOf(ask(transport)))).toMatchObject({ kind: 'network' });
      expect(server.requests).toHaveLength(3);
    });

    test('cannot be one that has just been opened, whatever the origin answered before', async () => {
      server.route(({ path }) => (path === '/1' ? reset() : reply({ delay: 30 })));
      const transport = create();
      await replyOf(ask(transport, '/0'));
      const busy = replyOf(ask(transport, '/0'));
      expect(await failureOf(replyOf(ask(transport, '/1')))).toMatchObject({ kind: 'network' });
      await busy;
      expect(server.requests.map(({ path }) => path)).toEqual(['/0', '/0', '/1']);
    });

    test('is forgotten once it was seen closed: the next one is fresh', async () => {
      const transport = create();
      await replyOf(ask(transport));
      server.hangUp();
      await sleep(30);
      server.answer(reset());
      expect(await failureOf(replyOf(ask(transport)))).toMatchObject({ kind: 'network' });
      expect(server.requests).toHaveLength(2);
    });

    test('is seen through when all were closed at once', async () => {
      const transport = create({ connections: 8 });
      await many(transport, 8);
      for (let round = 0; round < 20; round++) {
        server.hangUp();
        // At every point between the closing and its being noticed.
        if (round % 2 === 0) await sleep(round / 4);
        expect(await many(transport, 8)).toHaveLength(8);
      }
    });

    test('keeps the limit of the first request', async () => {
      const transport = create({ headersTimeout: 1_000 });
      await replyOf(ask(transport));
      const resetLate: Fault = async (socket) => {
        await sleep(600);
        socket.destroy();
      };
      server.route(({ turn }) => (turn > 1 ? resetLate : stall()));
      const error = await failureOf(replyOf(ask(transport)));
      expect(error).toMatchObject({ kind: 'timeout', message: 'no reply within 1000 ms' });
    });
  });

  test('asks for the path that a URL stands for, of an origin that it knows already too', async () => {
    const paths = [
      '/v1/result/t_1',
      '/a/t.1~b%20c',
      '/v1/../a',
      '/a/./b',
      '/%2E%2e/a',
      '/a//b',
      '/a?x=1#y',
      '/ä b',
      '/a\\b',
      '/',
    ];
    const transport = create();
    for (const path of [...paths, ...paths]) await replyOf(ask(transport, path));
    const meant = paths.map((path) => {
      const { pathname, search } = new URL(server.url + path);
      return pathname + search;
    });
    expect(server.requests.map(({ path }) => path)).toEqual([...meant, ...meant]);
  });

  describe('F11 a compressed reply', () => {
    test('is not requested, whatever headers the caller passes', async () => {
      await replyOf(create()({ url: server.url, headers: { accept: '*/*', 'accept-encoding': 'br' } }));
      expect(server.requests[0]?.headers).toMatchObject({ accept: '*/*', 'accept-encoding': 'identity' });
    });

    test.for(['gzip', 'br', 'deflate', 'zstd', 'gzip, gzip', 'nonsense'])('is refused: %s', async (encoding) => {
      server.answer(reply({ headers: { 'content-encoding': encoding }, body: 'whatever' }));
      const error = await failureOf(replyOf(ask(create())));
      expect(error).toMatchObject({ kind: 'malformed', code: 'encoded' });
      expect(error.message).toBe(`the reply is encoded (${encoding}), which was not asked for`);
    });

    test('is none where the encoding is identity', async () => {
      server.answer(reply({ headers: { 'content-encoding': 'Identity' }, body: 'plain' }));
      expect((await replyOf(ask(create()))).body).toBe('plain');
    });
  });

  describe('the sockets', () => {
    test('F30 are never more than `connections`, and waiting for one is not timed', async () => {
      // 125 replies on each socket take 3,750 ms.
      server.answer(reply({ delay: 30 }));
      const transport = create({ connections: 16, headersTimeout: 3_000, totalTimeout: 3_000 });
      expect(await many(transport, 2000)).toHaveLength(2000);
      expect(server.requests).toHaveLength(2000);
      expect(server.mostOpen).toBe(16);
      expect(server.connections).toBe(16);
    });

    test('are asked in the order of subscribing', async () => {
      server.answer(reply({ delay: 1 }));
      await many(create({ connections: 1 }), 20);
      expect(server.requests.map(({ path }) => path)).toEqual(Array.from({ length: 20 }, (_, n) => `/${n}`));
    });

    test('are counted right after connecting failed', async () => {
      const { port } = server;
      await server.close();
      const transport = create({ connections: 2 });
      const refused = Array.from({ length: 10 }, () => failureOf(replyOf(ask(transport))));
      expect((await Promise.all(refused)).map(({ code }) => code)).toEqual(Array(10).fill('ECONNREFUSED'));
      server = await startFaultServer({ port });
      server.answer(reply({ delay: 2 }));
      expect(await many(transport, 50)).toHaveLength(50);
      expect(server.mostOpen).toBe(2);
      await transport.close();
      await closed();
    });

    test('serve on after every kind of failure', async () => {
      const transport = create({ connections: 2, headersTimeout: 1_500, maxBytes: 100 });
      server.route(({ path }) => {
        const kind = Number(path.slice(1)) % 5;
        return [reply(), reset(), stall(), reply({ body: 'x'.repeat(200) }), hangUp()][kind] ?? reply();
      });
      const outcomes = await Promise.all(
        Array.from({ length: 25 }, (_, n) =>
          replyOf(ask(transport, `/${n}`)).then(
            () => 'answered',
            (error: unknown) => (error as QueryError).kind,
          ),
        ),
      );
      const expected = ['answered', 'network', 'timeout', 'malformed', 'network'];
      expect(outcomes).toEqual(Array.from({ length: 25 }, (_, n) => expected[n % 5]));
      expect(server.mostOpen).toBeLessThanOrEqual(2 + CLOSING);
      server.answer(reply({ body: 'still here' }));
      expect((await replyOf(ask(transport))).body).toBe('still here');
    });

    test('are kept while idle for `keepAlive`, and no longer', async () => {
      const transport = create({ keepAlive: 2_000 });
      for (let poll = 0; poll < 4; poll++) {
        await replyOf(ask(transport));
        await sleep(150);
      }
      expect(server.connections).toBe(1);
      await closed();
    });

    test('are closed before the server closes them, where it announces when', async () => {
      server.answer(reply({ headers: { 'keep-alive': 'timeout=3' } }));
      await replyOf(ask(create()));
      await closed();
    });
  });

  describe('F28 unsubscribing', () => {
    test('while waiting for a socket sends nothing', async () => {
      server.answer(reply({ delay: 100 }));
      const transport = create({ connections: 1 });
      const first = replyOf(ask(transport, '/first'));
      const waiting = Array.from({ length: 5 }, (_, n) => ask(transport, `/waits-${n}`).subscribe());
      const last = replyOf(ask(transport, '/last'));
      await sleep(20);
      for (const subscription of waiting) subscription.unsubscribe();
      await Promise.all([first, last]);
      expect(server.requests.map(({ path }) => path)).toEqual(['/first', '/last']);
      expect(server.connections).toBe(1);
    });

    test('makes no new connection in place of the one that it closed', async () => {
      server.answer(stall());
      const transport = create();
      const subscription = ask(transport).subscribe();
      await received(1);
      subscription.unsubscribe();
      await closed();
      await sleep(50);
      expect(server.connections).toBe(1);
    });

    test('while connecting closes the socket and frees its place', async () => {
      // The server never speaks TLS, so the handshake hangs.
      const url = server.url.replace('http://127.0.0.1', 'https://localhost');
      const transport = create({ connections: 1 });
      for (let time = 0; time < 3; time++) {
        const subscription = transport({ url, headers: {} }).subscribe();
        await until(() => {
          expect(server.open).toBe(1);
        });
        subscription.unsubscribe();
        await closed();
      }
    });

    test('at any point leaves nothing behind', async () => {
      const transport = create({ connections: 4 });
      server.route(
        ({ path }) => [reply(), reply({ delay: 1 }), stallInBody(), reset()][Number(path.slice(1)) % 4] ?? reply(),
      );
      const random = sequence(7);
      await Promise.all(
        Array.from({ length: 600 }, async (_, n) => {
          await sleep(random() * 300);
          const subscription = ask(transport, `/${n}`).subscribe({ error: () => undefined });
          const wait = random() * 6;
          if (wait > 1) await sleep(wait);
          subscription.unsubscribe();
        }),
      );
      expect(server.mostOpen).toBeLessThanOrEqual(4 + CLOSING);
      server.answer(reply({ body: 'free' }));
      expect(await many(transport, 4)).toHaveLength(4);
      await transport.close();
      await closed();
    });
  });

  describe('close()', () => {
    test('ends what is in flight, waits or connects, and every socket', async () => {
      const transport = create({ connections: 2 });
      await many(transport, 2);
      server.answer(stall());
      const hole = await startBlackHole();
      const exchanges = [1, 2, 3, 4].map(() => failureOf(replyOf(ask(transport))));
      exchanges.push(failureOf(replyOf(transport({ url: hole.url, headers: {} }))));
      await received(4);
      const closing = transport.close();
      for (const error of await Promise.all(exchanges)) {
        expect(error).toMatchObject({ kind: 'misconfigured', code: 'closed', retryable: false });
      }
      await closing;
      await closed();
      expect(server.requests).toHaveLength(4);
      await hole.close();
    });

    test('ends idle sockets, can be called again, and what is asked later errors clearly', async () => {
      const transport = create();
      await many(transport, 5);
      expect(server.open).toBe(5);
      await Promise.all([transport.close(), transport.close()]);
      await closed();
      await transport.close();
      const error = await failureOf(replyOf(ask(transport)));
      expect(error).toMatchObject({ kind: 'misconfigured', code: 'closed' });
      expect(error.message).toBe('the transport is closed; make another one');
    });

    test('is what `await using` calls', async () => {
      const transport = create();
      await replyOf(ask(transport));
      await transport[Symbol.asyncDispose]();
      await closed();
    });
  });

  test('F4 connecting has a limit of its own', async () => {
    const hole = await startBlackHole();
    try {
      const error = await failureOf(replyOf(create({ connectTimeout: 100 })({ url: hole.url, headers: {} })));
      expect(error).toMatchObject({ kind: 'timeout', code: 'UND_ERR_CONNECT_TIMEOUT' });
    } finally {
      await hole.close();
    }
    // undici's own limit is 10 s.
  }, 5000);

  describe('a dispatcher of the caller', () => {
    let agent: Agent;

    beforeEach(() => {
      agent = new Agent({ connections: 3 });
    });
    afterEach(() => agent.destroy());

    test('carries the requests, in its own number of sockets, and outlives the transport', async () => {
      server.answer(reply({ delay: 2 }));
      const transport = create({ dispatcher: agent, connections: 1 });
      expect(await many(transport, 30)).toHaveLength(30);
      expect(server.mostOpen).toBe(3);
      await transport.close();
      expect(await failureOf(replyOf(ask(transport)))).toMatchObject({ code: 'closed' });
      expect(await replyOf(ask(create({ dispatcher: agent })))).toMatchObject({ status: 200 });
      expect(server.mostOpen).toBe(3);
    });

    test('is aborted when the subscriber has left', async () => {
      const transport = create({ dispatcher: agent });
      let closed = 0;
      server.answer((socket) => {
        socket.on('close', () => (closed += 1));
      });
      const left = ask(transport).subscribe();
      const cut = failureOf(replyOf(ask(transport)));
      await received(2);
      left.unsubscribe();
      await until(() => {
        expect(closed).toBe(1);
      });
      await transport.close();
      expect(await cut).toMatchObject({ code: 'closed' });
      await until(() => {
        expect(closed).toBe(2);
      });
      server.answer(reply());
      expect(await replyOf(ask(create({ dispatcher: agent })))).toMatchObject({ status: 200 });
    });

    test('F7 is given a request that met a stale socket once more, and no third time', async () => {
      const transport = create({ dispatcher: agent });
      await replyOf(ask(transport));
      server.answer(reset());
      expect(await failureOf(replyOf(ask(transport)))).toMatchObject({ kind: 'network' });
      expect(server.requests).toHaveLength(3);
    });

    test('may be a mock', async () => {
      const mock = new MockAgent();
      mock.disableNetConnect();
      mock.get('http://mocked.test').intercept({ path: '/v1/result/a' }).reply(200, { status: 'queued' });
      const transport = create({ dispatcher: mock });
      const { body } = await replyOf(transport({ url: 'http://mocked.test/v1/result/a', headers: {} }));
      expect(body).toBe('{"status":"queued"}');
      const error = await failureOf(replyOf(transport({ url: 'http://mocked.test/other', headers: {} })));
      expect(error).toMatchObject({ kind: 'network', code: 'UND_MOCK_ERR_MOCK_NOT_MATCHED' });
      await mock.close();
    });
  });

  test.for(['connections', 'keepAlive', 'connectTimeout'] as const)('%s is checked when it is given', (name) => {
    for (const value of [0, -1, 1.5, NaN, Infinity, 2 ** 31]) {
      expect(() => create({ [name]: value })).toThrow(RangeError);
    }
    expect(() => create({ [name]: 1 })).not.toThrow();
  });

  test('a dispatcher that is none is refused when it is given', () => {
    expect(() => create({ dispatcher: 'proxy' as unknown as Dispatcher })).toThrow(
      'is not usable; write one of undici 7',
    );
    expect(() => create({ dispatcher: null as unknown as Dispatcher })).toThrow(TypeError);
  });

  test('a URL that is not http(s) is misconfigured', async () => {
    for (const url of ['ftp://127.0.0.1/a', '/video-api/v1/result/a', '']) {
      expect(await failureOf(replyOf(create()({ url, headers: {} })))).toMatchObject({ kind: 'misconfigured' });
    }
  });

  test('a header that cannot be sent is misconfigured', async () => {
    const exchange = create()({ url: server.url, headers: { authorization: 'a\r\nb: c' } });
    expect(await failureOf(replyOf(exchange))).toMatchObject({ kind: 'misconfigured' });
    expect(server.requests).toHaveLength(0);
  });

  test('a header that comes twice is one text', async () => {
    server.answer((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nx-note: one\r\nX-Note: two\r\ncontent-length: 2\r\n\r\n{}');
    });
    expect(await replyOf(ask(create()))).toMatchObject({ headers: { 'x-note': 'one, two' }, body: '{}' });
  });

  test('an encoding that was not asked for is named, but not at length', async () => {
    server.answer(reply({ headers: { 'content-encoding': 'x'.repeat(500) } }));
    const { message } = await failureOf(replyOf(ask(create())));
    expect(message).toContain(`(${'x'.repeat(20)})`);
  });

  test('F36 inspecting it, or a stream of it, shows no key', async () => {
    const transport = create();
    server.answer(stall());
    const stream = transport({ url: server.url, headers: { authorization: 'Bearer sk-secret' } });
    const subscription = stream.subscribe();
    await received(1);
    expect(inspect([transport, stream], { depth: 20, showHidden: true })).not.toContain('sk-secret');
    subscription.unsubscribe();
  });
});

// A socket that was closed here is open for the server until the FIN arrives.
const CLOSING = 4;

/** Numbers from 0 to 1, the same in each run. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
