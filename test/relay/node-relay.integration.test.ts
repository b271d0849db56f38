import { once } from 'node:events';
import { connect as connectHttp2, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { incomingOf, nodeRelay, relayHandler, type RelayHandler } from 'rx-video-tasks/relay';
import { completedTask, processingTask } from 'rx-video-tasks/testing';
import { fakeTracker } from './fake-tracker.js';
import { serve, until } from './node-server.js';

/** Answers with what the relay received: method, path and query, and some fields. */
const echo: RelayHandler = (request) => {
  const { pathname, search } = new URL(request.url);
  const fields = ['host', 'cookie', 'x-two'].map((name) => `${name}=${request.headers.get(name) ?? ''}`);
  return Promise.resolve(new Response([request.method, pathname + search, ...fields].join('\n')));
};

/** Sends bytes on a bare socket; returns all that comes back. */
async function exchange(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  socket.write(request);
  await once(socket, 'close');
  return text;
}

/** One exchange over HTTP/2: status, fields and body. */
async function exchangeHttp2(session: ClientHttp2Session, fields: Record<string, string | string[]>) {
  const stream = session.request(fields);
  let head: Record<string, unknown> = {};
  let text = '';
  stream.on('response', (headers) => (head = headers));
  stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  await once(stream, 'close');
  return { status: head[':status'], head, text };
}

const relayOver = () => {
  const tracker = fakeTracker();
  const relay = relayHandler({ tracker, authorize: (_request, refs) => ({ subject: 's', refs }) });
  return { tracker, relay };
};

describe('over HTTP/1.1', () => {
  test('authorize gets the Node request, with what middleware has decorated it with', async () => {
    const users: unknown[] = [];
    const relay = nodeRelay((request) => {
      users.push((incomingOf(request) as { user?: unknown } | undefined)?.user);
      return echo(request);
    });
    await using server = await serve((request, response) => {
      relay(Object.assign(request, { user: 'ann' }), response);
    });
    const response = await fetch(`${server.url}/tasks?id=a`, { headers: [['x-two', '1'], ['x-two', '2']] }); // prettier-ignore
    expect((await response.text()).split('\n')).toEqual([
      'GET',
      '/tasks?id=a',
      `host=127.0.0.1:${server.port}`,
      'cookie=',
      'x-two=1, 2',
    ]);
    expect(users).toEqual(['ann']);
    expect(incomingOf(new Request('http://localhost'))).toBeUndefined();
  });

  test.each([undefined, 0, 'route'])('what is no Error goes to next as one: %o', async (reason) => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- what a `videoUrl` may throw
    const relay = nodeRelay(() => Promise.reject(reason));
    const passed: unknown[] = [];
    await using server = await serve((request, response) => {
      relay(request, response, (error) => {
        passed.push(error);
        response.writeHead(502).end();
      });
    });
    expect((await fetch(server.url)).status).toBe(502);
    expect(passed).toEqual([new Error(String(reason))]);
  });

  test('what the relay rejects with goes to next, or is a 500', async () => {
    const relay = nodeRelay(() => Promise.reject(new Error('no grant')));
    await using bare = await serve(relay);
    const response = await fetch(bare.url);
    expect([response.status, await response.text()]).toEqual([500, '']);

    const errors: unknown[] = [];
    await using express = await serve((request, answer) => {
      relay(request, answer, (error) => {
        errors.push(error);
        answer.writeHead(418).end();
      });
    });
    expect((await fetch(express.url)).status).toBe(418);
    expect(errors).toEqual([new Error('no grant')]);
  });

  test.each(['TRACE', 'TRACK', 'POST', 'OPTIONS', 'DELETE'])('%s: 405', async (method) => {
    await using server = await serve(nodeRelay(relayOver().relay));
    const target = method === 'OPTIONS' ? '*' : '/tasks?id=a';
    const text = await exchange(server.port, `${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    // Node's parser knows no method TRACK (https://github.com/nodejs/llhttp), and answers 400 itself.
    expect(text.split('\r\n')[0]).toBe(
      method === 'TRACK' ? 'HTTP/1.1 400 Bad Request' : 'HTTP/1.1 405 Method Not Allowed',
    );
    if (method !== 'TRACK') expect(text).toContain('\r\nallow: GET\r\n');
  });

  test.each([
    ['http://app.test/tasks?id=a', '/tasks?id=a'],
    ['http://user:pass@app.test/tasks?id=a', '/tasks?id=a'],
    ['https://app.test?id=a', '/?id=a'],
    ['http://%zz/tasks?id=a', '/tasks?id=a'],
    ['//app.test/tasks?id=a', '//app.test/tasks?id=a'],
  ])('the target %s: the host has no effect', async (target, expected) => {
    await using server = await serve(nodeRelay(echo));
    const text = await exchange(server.port, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(text).toContain('HTTP/1.1 200 OK');
    expect(text).toContain(`GET\n${expected}\n`);
  });

  test('a reply keeps each of its cookies', async () => {
    const relay = nodeRelay(async (request) => {
      const response = await echo(request);
      for (const cookie of ['a=1', 'b=2']) response.headers.append('set-cookie', cookie);
      return response;
    });
    await using server = await serve(relay);
    expect((await fetch(server.url)).headers.getSetCookie()).toEqual(['a=1', 'b=2']);
  });

  test.each([[undefined], [{}], ['relay']])('%o is no handler', (relay) => {
    expect(() => nodeRelay(relay as unknown as RelayHandler)).toThrow('is no handler; write nodeRelay(relayHandler({');
  });
});

describe('R5 over HTTP/2', () => {
  /** A server and a client, closed with the test. */
  async function http2(relay: RelayHandler) {
    const server = await serve(nodeRelay(relay), 'http2');
    const session = connectHttp2(server.url);
    session.on('error', () => undefined);
    return {
      session,
      server,
      get: (path: string, fields: Record<string, string | string[]> = {}) =>
        exchangeHttp2(session, { ':path': path, ...fields }),
      async [Symbol.asyncDispose]() {
        session.destroy();
        await server[Symbol.asyncDispose]();
      },
    };
  }

  test('the request has a host and one cookie field, no pseudo-headers', async () => {
    await using client = await http2((request) => {
      expect([...request.headers.keys()].filter((name) => name.startsWith(':'))).toEqual([]);
      return echo(request);
    });
    const { status, text } = await client.get('/tasks?id=a', { cookie: ['a=1', 'b=2'], 'x-two': ['1', '2'] });
    expect(status).toBe(200);
    expect(text.split('\n')).toEqual([
      'GET',
      '/tasks?id=a',
      `host=127.0.0.1:${client.server.port}`,
      'cookie=a=1; b=2',
      'x-two=1, 2',
    ]);
  });

  test('streams a task to its end', async () => {
    const { tracker, relay } = relayOver();
    await using client = await http2(relay);
    const reply = client.get('/tasks?id=a');
    await until(() => tracker.subscriptions === 1);
    tracker.emit(processingTask({ id: 'a', progress: 7 }));
    tracker.emit(completedTask({ id: 'a' }));
    const { status, head, text } = await reply;
    expect([status, head['content-type']]).toEqual([200, 'text/event-stream; charset=utf-8']);
    expect(text.match(/"status":"\w+"/g)).toEqual(['"status":"processing"', '"status":"completed"']);
    expect(tracker.subscriptions).toBe(0);
  });

  test('a client that leaves frees its place; the other streams of its connection go on', async () => {
    const { tracker, relay } = relayOver();
    await using client = await http2(relay);
    const streams: ClientHttp2Stream[] = ['a', 'b'].map((id) => client.session.request({ ':path': `/tasks?id=${id}` }));
    let text = '';
    streams[1]?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await until(() => tracker.subscriptions === 2);
    streams[0]?.on('error', () => undefined);
    streams[0]?.close();
    await until(() => tracker.subscriptions === 1);
    expect(tracker.subscriptions).toBe(1);
    tracker.emit(completedTask({ id: 'b' }));
    await until(() => text.includes('completed'));
    expect(text).toContain('completed');
    expect(tracker.subscriptions).toBe(0);
  });

  test('R2 a client that never reads is dropped', async () => {
    const { tracker, relay } = relayOver();
    await using client = await http2(relay);
    const lazy = client.session.request({ ':path': '/tasks?id=a' });
    lazy.on('error', () => undefined);
    await until(() => tracker.subscriptions === 1);
    // The window of a stream is 64 KiB, Node's buffers are of that size too.
    for (let nth = 1; nth <= 20_000 && tracker.subscriptions === 1; nth++) {
      tracker.emit(processingTask({ id: 'a', progress: nth % 100 }));
      if (nth % 100 === 0) await new Promise(setImmediate);
    }
    await until(() => tracker.subscriptions === 0);
    expect(tracker.subscriptions).toBe(0);
  });

  test.each(['TRACE', 'POST'])('%s: 405, and others are served on', async (method) => {
    await using client = await http2(relayOver().relay);
    const { status, head } = await exchangeHttp2(client.session, { ':method': method, ':path': '/' });
    expect([status, head['allow']]).toEqual([405, 'GET']);
    expect((await client.get('/tasks?id=')).status).toBe(404);
  });

  test('fields of the connection in a reply are left out, with no warning of Node', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => warnings.push(warning);
    process.on('warning', onWarning);
    await using client = await http2(async (request) => {
      const { body } = await echo(request);
      return new Response(body, { headers: { connection: 'keep-alive', 'keep-alive': 'timeout=5', 'x-mine': 'yes' } });
    });
    const { status, head } = await client.get('/tasks');
    await new Promise(setImmediate);
    process.off('warning', onWarning);
    expect([status, head['x-mine'], head['connection'], head['keep-alive']]).toEqual([
      200,
      'yes',
      undefined,
      undefined,
    ]);
    expect(warnings).toEqual([]);
  });

  test('what the relay rejects with is a 500', async () => {
    await using client = await http2(() => Promise.reject(new Error('no grant')));
    expect((await client.get('/')).status).toBe(500);
  });
});
