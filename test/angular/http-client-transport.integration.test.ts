import './test-bed.js';
import { HttpClient, provideHttpClient, withFetch, withInterceptors, type HttpRequest } from '@angular/common/http';
import { firstValueFrom } from 'rxjs';
import { afterEach, describe, expect, test } from 'vitest';
import { createQuery, mingyan } from 'rx-video-tasks';
import { httpClientTransport } from 'rx-video-tasks/angular';
import { reply, startFaultServer, type FaultServer } from '../fault-server.js';
import { startApp, TestBed } from './test-bed.js';

let server: FaultServer | undefined;
afterEach(async () => {
  TestBed.resetTestingModule();
  await server?.close();
});

/** HttpClient over fetch, with an interceptor that sees each request and adds a header. */
async function client() {
  const seen: HttpRequest<unknown>[] = [];
  startApp(
    provideHttpClient(
      withFetch(),
      withInterceptors([
        (request, next) => {
          seen.push(request);
          return next(request.clone({ setHeaders: { 'x-mine': 'yes' } }));
        },
      ]),
    ),
  );
  server = await startFaultServer();
  return { seen, server, http: TestBed.inject(HttpClient) };
}

const ask = (transport: ReturnType<typeof httpClientTransport>, url: string) =>
  firstValueFrom(transport({ url, headers: { accept: 'application/json' } }));

describe('httpClientTransport', () => {
  test('gives one reply, whatever its status; interceptors apply, the transfer cache does not', async () => {
    const { seen, server, http } = await client();
    const transport = httpClientTransport(http);
    server.answer(
      reply({ body: '{"a":1}', headers: { 'X-Request-Id': 'r' } }),
      reply({ status: 503, body: 'down' }),
      reply({ status: 404, body: '' }),
    );
    expect(await ask(transport, server.url)).toMatchObject({
      status: 200,
      body: '{"a":1}',
      headers: { 'x-request-id': 'r' },
    });
    expect(await ask(transport, server.url)).toMatchObject({ status: 503, body: 'down' });
    expect(await ask(transport, server.url)).toMatchObject({ status: 404, body: '' });
    expect(server.requests[0]?.headers).toMatchObject({ accept: 'application/json', 'x-mine': 'yes' });
    expect(seen.map((request) => [request.method, request.transferCache])).toEqual(Array(3).fill(['GET', false]));
  });

  test('text that is no JSON is a reply too: what it means is not for a transport to say', async () => {
    const { server, http } = await client();
    server.answer(reply({ body: '<html>' }));
    expect((await ask(httpClientTransport(http), server.url)).body).toBe('<html>');
  });

  test('no reply is a QueryError: network, or timeout, and then the request is aborted', async () => {
    const { server, http } = await client();
    server.answer(
      (socket) => void socket.destroy(),
      () => undefined,
    );
    await expect(ask(httpClientTransport(http), server.url)).rejects.toMatchObject({
      name: 'QueryError',
      kind: 'network',
    });
    const limited = httpClientTransport(http, { totalTimeout: 50 });
    await expect(ask(limited, server.url)).rejects.toMatchObject({ kind: 'timeout', message: 'no reply within 50 ms' });
    await expect.poll(() => server.open).toBe(0);
  });

  test('unsubscribing aborts', async () => {
    const { server, http } = await client();
    server.answer(() => undefined);
    const subscription = httpClientTransport(http)({ url: server.url, headers: {} }).subscribe({
      error: expect.unreachable,
    });
    await expect.poll(() => server.requests.length).toBe(1);
    subscription.unsubscribe();
    await expect.poll(() => server.open).toBe(0);
  });

  test('a query over it, to a backend that adds the key itself', async () => {
    const { server, http } = await client();
    server.answer(
      reply({ body: JSON.stringify({ id: 'v', model: 'videos', status: 'queued', created: 1_777_000_000 }) }),
    );
    const provider = mingyan({ apiKey: null, baseUrl: server.url });
    const task = await firstValueFrom(createQuery({ provider, transport: httpClientTransport(http) })('v'));
    expect(task).toMatchObject({ id: 'v', status: 'queued' });
    expect(server.requests[0]?.headers).not.toHaveProperty('authorization');
  });

  test('options that cannot be meant', () => {
    expect(() => httpClientTransport(undefined as never)).toThrow(
      'http: undefined is not usable; write inject(HttpClient)',
    );
    startApp(provideHttpClient());
    expect(() => httpClientTransport(TestBed.inject(HttpClient), { totalTimeout: NaN })).toThrow(
      'totalTimeout: NaN is not usable',
    );
  });
});
