import { createServer } from 'node:https';
import type { RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { inspect } from 'node:util';
import {
  alad,
  defineProvider,
  resultWindows,
  resultWire,
  type CompletedTask,
  type Provider,
  type ProviderDefinition,
} from 'rx-video-tasks';
import { completedTask } from 'rx-video-tasks/testing';
import { Agent } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeCertificates } from '../../certificates.js';
import { temporaryFolder } from '../children.js';
import { failureOf, savingTask, serving } from './saving.js';
import { mp4, send, serve, sha256 } from './video-server.js';

const FILE = mp4(50_000);
const KEY = 'sk-0123456789abcdef';

const keyed = (url: string): CompletedTask =>
  completedTask({ id: 'x', provider: 'alad', video: { url, requiresKey: true } });

const acmeWith = (headers: NonNullable<ProviderDefinition['headers']>) =>
  defineProvider({ name: 'acme', baseUrl: 'https://acme.example', wire: resultWire, windows: resultWindows, headers });

/** A gateway that serves its video only with the key, as JSON otherwise. */
const content: RequestListener = (request, response) => {
  if (request.headers.authorization === `Bearer ${KEY}`) send(request, response, FILE);
  else response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"no key"}');
};

describe('W10 a video that only the gateway serves, against the API key', () => {
  test('W10 is saved from a gateway on this machine, also with a key function, without allowHosts', async () => {
    const { host, directory, requests } = await serving(content);
    const url = `http://${host}/v1/videos/x/content`;
    for (const apiKey of [KEY, () => KEY, () => Promise.resolve(KEY)]) {
      const provider = alad({ apiKey, baseUrl: `http://${host}` });
      const folder = temporaryFolder();
      const { end } = await savingTask(keyed(url), { directory: folder, provider });
      expect(end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
    }
    expect(requests.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill(`Bearer ${KEY}`));
    expect(directory).toBeTruthy();
  });

  test('W10 is saved over https', async () => {
    const { ca, valid } = makeCertificates();
    const server = createServer(valid, content);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const dispatcher = new Agent({ connect: { ca } });
    onTestFinished(async () => {
      server.close();
      server.closeAllConnections();
      await dispatcher.destroy();
    });
    const baseUrl = `https://localhost:${(server.address() as AddressInfo).port}`;
    const options = { directory: temporaryFolder(), provider: alad({ apiKey: KEY, baseUrl }), dispatcher };
    const { end } = await savingTask(keyed(`${baseUrl}/v1/videos/x/content`), options);
    expect(end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
  });

  test('W10 the key goes along a redirect within the origin, and to no other, nor back from there', async () => {
    const storage = await serve((request, response) => {
      if (request.url === '/back') response.writeHead(302, { location: `http://${gateway.host}/again` }).end();
      else send(request, response, FILE);
    });
    const gateway = await serving((request, response) => {
      const to = {
        '/content': '/moved',
        '/moved': `http://${storage.host}/back`,
        '/again': `http://${storage.host}/v`,
      };
      response.writeHead(307, { location: to[request.url as keyof typeof to] }).end();
    });
    const provider = alad({ apiKey: KEY, baseUrl: `http://${gateway.host}` });
    const options = { directory: gateway.directory, provider, allowHosts: [storage.host, gateway.host] };
    const { end } = await savingTask(keyed(`http://${gateway.host}/content`), options);
    expect(end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
    const seen = gateway.requests.map(({ url, headers }) => [url, headers.authorization]);
    expect(seen).toEqual([
      ['/content', `Bearer ${KEY}`],
      ['/moved', `Bearer ${KEY}`],
      ['/again', undefined],
    ]);
    expect(storage.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });

  test('W10 the redirect target is checked like any other: a gateway on this machine opens no other door', async () => {
    const inner = await serve((_, response) => response.end(FILE));
    const { host, directory } = await serving((_, response) => {
      response.writeHead(302, { location: inner.url }).end();
    });
    const provider = alad({ apiKey: KEY, baseUrl: `http://${host}` });
    const { end } = await savingTask(keyed(`http://${host}/content`), { directory, provider });
    expect(failureOf(end).kind).toBe('refused');
    expect(inner.connections()).toBe(0);
  });

  test('W10 without requiresKey no key is sent, anywhere', async () => {
    const { host, url, directory, requests } = await serving((request, response) => {
      send(request, response, FILE);
    });
    const provider = alad({ apiKey: KEY, baseUrl: `http://${host}` });
    const plain = completedTask({ id: 'x', provider: 'alad', video: { url } });
    expect((await savingTask(plain, { directory, provider, allowHosts: [host] })).end.status).toBe('saved');
    expect(requests[0]?.headers).not.toHaveProperty('authorization');
  });

  const at = (baseUrl: string, options: object = {}) => alad({ apiKey: KEY, baseUrl, ...options });
  test.each<[string, string, Provider | readonly Provider[], RegExp]>([
    ['no provider', 'http://HOST/v', [], /requires the API key; write saveVideo\(\{ provider \}\) .* named "alad"/],
    ['a provider of another name', 'http://HOST/v', at('http://127.0.0.1', { name: 'other' }), /named "alad"/],
    [
      'another origin',
      'http://HOST/v',
      at('http://127.0.0.1:1'),
      /is at http:\/\/HOST; the key goes to http:.*:1 only/,
    ],
    ['another scheme', 'http://gateway.example/v', at('https://gateway.example'), /the key goes to https:/],
    [
      'http that is not on this machine',
      'http://gateway.example/v',
      at('http://gateway.example', { allowInsecure: true }),
      /would travel unencrypted to http:\/\/gateway\.example/,
    ],
    [
      'a key that no header can carry',
      'http://HOST/v',
      alad({ apiKey: () => 'a b', baseUrl: 'http://localhost' }),
      /white/,
    ],
  ])('W10 %s: refused, and nothing is asked for', async (_what, url, provider, message) => {
    const { host, directory, requests } = await serving(content);
    const origin = `http://${host}`;
    const providers = [provider].flat().map((one) => (one.origin === 'http://localhost' ? { ...one, origin } : one));
    const { end } = await savingTask(keyed(url.replace('HOST', host)), {
      directory,
      provider: providers,
      allowHosts: [host],
    });
    const error = failureOf(end);
    expect(error.kind).toBe('refused');
    expect(error.message.replace(host, 'HOST')).toMatch(message);
    expect(error.message).not.toContain(KEY);
    expect(requests).toEqual([]);
  });

  test('W10 a refused key is no expired URL, and no error contains it', async () => {
    const { host, directory } = await serving(content);
    const provider = alad({ apiKey: 'sk-another-0123456789', baseUrl: `http://${host}` });
    const error = failureOf((await savingTask(keyed(`http://${host}/v`), { directory, provider })).end);
    expect(error).toMatchObject({ kind: 'refused', message: expect.stringContaining('HTTP 401') as string });
    expect(JSON.stringify(error)).not.toContain('sk-another');
  });

  test('W10 a provider that authenticates by other headers: these are sent, to its origin only', async () => {
    const storage = await serve((request, response) => {
      send(request, response, FILE);
    });
    const gateway = await serving((request, response) => {
      const isKeyed = request.headers['x-api-key'] === KEY;
      response.writeHead(isKeyed ? 302 : 401, { location: storage.url }).end();
    });
    const acme = acmeWith((apiKey) => ({ 'x-api-key': apiKey }));
    const provider = acme({ apiKey: () => KEY, baseUrl: `http://${gateway.host}` });
    const options = { directory: gateway.directory, provider, allowHosts: [storage.host] };
    const task = completedTask({
      id: 'x',
      provider: 'acme',
      video: { url: `http://${gateway.host}/content`, requiresKey: true },
    });
    expect((await savingTask(task, options)).end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
    expect(gateway.requests[0]?.headers).toMatchObject({ 'x-api-key': KEY });
    expect(gateway.requests[0]?.headers).not.toHaveProperty('authorization');
    expect(storage.requests[0]?.headers).not.toHaveProperty('x-api-key');
  });

  test('W10 a headers function that throws: refused, and no error contains the key', async () => {
    const { host, directory, requests } = await serving(content);
    const acme = acmeWith((apiKey) => {
      throw new Error(`no signature for ${apiKey}`);
    });
    const provider = acme({ apiKey: KEY, baseUrl: `http://${host}`, name: 'alad' });
    const error = failureOf((await savingTask(keyed(`http://${host}/v`), { directory, provider })).end);
    expect(error).toMatchObject({ kind: 'refused', message: expect.stringContaining('headers function of') as string });
    expect(inspect(error, { showHidden: true, depth: 10 })).not.toContain(KEY);
    expect(requests).toEqual([]);
  });

  test('W10 a key function that fails once is called again', async () => {
    const { host, directory } = await serving(content);
    let calls = 0;
    const apiKey = () => {
      calls += 1;
      if (calls === 1) throw new Error('vault is away');
      return KEY;
    };
    const provider = alad({ apiKey, baseUrl: `http://${host}` });
    expect((await savingTask(keyed(`http://${host}/v`), { directory, provider })).end.status).toBe('saved');
  });
});
