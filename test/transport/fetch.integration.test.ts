import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { forkJoin } from 'rxjs';
import { fetchTransport, type Transport } from 'rx-video-tasks';
import { Agent, fetch as undiciFetch } from 'undici';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { reply, reset, startFaultServer, type FaultServer } from '../fault-server.js';
import { failureOf, replyOf, transportContract } from './contract.js';

type Fetch = typeof globalThis.fetch;

const agents: Agent[] = [];

/** Node's own `fetch` shares its sockets among all tests; here each transport has its own, and may trust an authority. */
function isolatedFetch(ca?: string): Fetch {
  // An idle socket that is closed was closed by the test.
  const keepAlive = { keepAliveTimeout: 600_000, keepAliveMaxTimeout: 600_000 };
  const dispatcher = new Agent({ ...keepAlive, ...(ca !== undefined && { connect: { ca } }) });
  agents.push(dispatcher);
  return ((url: string, init: object) => undiciFetch(url, { ...init, dispatcher })) as Fetch;
}

function create(): Transport {
  return fetchTransport({ fetch: isolatedFetch() });
}

afterEach(async () => {
  await Promise.all(agents.splice(0).map((agent) => agent.destroy()));
});

describe('fetchTransport', () => {
  transportContract({ create: ({ ca, ...limits }) => fetchTransport({ ...limits, fetch: isolatedFetch(ca) }) });

  let server: FaultServer;

  beforeEach(async () => {
    server = await startFaultServer();
  });
  afterEach(() => server.close());

  const ask = (transport: Transport) => transport({ url: server.url, headers: {} });

  describe('cannot, by the nature of fetch,', () => {
    test('F7 send again what met a stale socket: that is a network error, the next request is answered', async () => {
      server.route(({ turn }) => (turn > 1 ? reset() : reply()));
      const transport = create();
      await replyOf(ask(transport));
      await sleep(10);
      expect(await failureOf(replyOf(ask(transport)))).toMatchObject({ kind: 'network' });
      expect(await replyOf(ask(transport))).toMatchObject({ status: 200 });
    });

    test('F11 refuse a compressed reply: it is unpacked', async () => {
      server.answer(reply({ headers: { 'content-encoding': 'gzip' }, body: gzipSync('{"status":"queued"}') }));
      expect((await replyOf(ask(create()))).body).toBe('{"status":"queued"}');
    });

    test('F30 bound its sockets: each request at once has its own', async () => {
      server.answer(reply({ delay: 50 }));
      const transport = create();
      await replyOf(forkJoin(Array.from({ length: 40 }, () => ask(transport))));
      expect(server.mostOpen).toBe(40);
    });
  });

  test('asks `fetch` for nothing that the page or the process has', async () => {
    const fetch = vi.fn<Fetch>(() => Promise.resolve(new Response('{}')));
    await replyOf(fetchTransport({ fetch })({ url: '/video-api/v1/result/a', headers: { accept: 'a/b' } }));
    expect(fetch).toHaveBeenCalledExactlyOnceWith('/video-api/v1/result/a', {
      headers: { accept: 'a/b' },
      redirect: 'manual',
      credentials: 'omit',
      cache: 'no-store',
      referrerPolicy: 'no-referrer',
      signal: expect.any(AbortSignal) as AbortSignal,
    });
  });

  test('F20 takes the redirect that a browser hides for one', async () => {
    const hidden = { type: 'opaqueredirect', status: 0, headers: new Headers() } as Response;
    const transport = fetchTransport({ fetch: () => Promise.resolve(hidden) });
    expect(await replyOf(ask(transport))).toEqual({ status: 302, headers: {}, body: '' });
  });

  test('uses the `fetch` that is global at the time of the request', async () => {
    const transport = fetchTransport();
    vi.stubGlobal('fetch', () => Promise.resolve(new Response('stub')));
    expect((await replyOf(ask(transport))).body).toBe('stub');
    vi.unstubAllGlobals();
    expect((await replyOf(ask(transport))).body).toBe('{}');
  });

  test('turns whatever `fetch` throws into a network error', async () => {
    for (const thrown of [new TypeError('Failed to fetch'), 'text', undefined, null]) {
      // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a foreign fetch may
      const transport = fetchTransport({ fetch: () => Promise.reject(thrown) });
      expect(await failureOf(replyOf(ask(transport)))).toMatchObject({ kind: 'network' });
    }
  });

  test('refuses a `fetch` that is no function when it is given', () => {
    expect(() => fetchTransport({ fetch: {} as Fetch })).toThrow(TypeError);
  });
});
