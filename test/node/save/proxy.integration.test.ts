import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { ProxyAgent } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../children.js';
import { failureOf, RETRY, saving, serving } from './saving.js';
import { mp4, send, sha256 } from './video-server.js';

const FILE = mp4(200_000);

/** A CONNECT proxy (RFC 9110 section 9.3.6) on this machine, which knows one name that no DNS has. */
async function proxy(names: Readonly<Record<string, number>> = {}) {
  const asked: string[] = [];
  const server = createServer((_, response) => response.writeHead(405).end());
  server.on('connect', (request, socket) => {
    const target = request.url ?? '';
    asked.push(target);
    const [name = '', port] = target.split(':');
    const upstream = connect(names[name] ?? Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    for (const one of [upstream, socket])
      one.on('error', () => upstream.destroy(socket.destroy().errored ?? undefined));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const dispatcher = new ProxyAgent(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  onTestFinished(async () => {
    await dispatcher.destroy();
    server.close();
    server.closeAllConnections();
  });
  return { asked, dispatcher };
}

describe('W9 saving through a proxy', () => {
  test('W9 works by a dispatcher, cuts and resumes included', async () => {
    const { url, host, directory, requests } = await serving((request, response) => {
      send(request, response, FILE, { etag: '"a"', pause: 10, ...(requests.length <= 2 ? { cutAfter: 50_000 } : {}) });
    });
    const { asked, dispatcher } = await proxy();
    const { end } = await saving(url, { directory, dispatcher });
    expect(end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
    expect(new Set(asked)).toEqual(new Set([host]));
    expect(requests).toHaveLength(3);
    expect(requests[2]?.headers).toMatchObject({ range: /^bytes=\d+-$/, 'if-range': '"a"' });
    expect(Object.keys(requests[0]?.headers ?? {}).sort()).toEqual(['accept', 'connection', 'host', 'user-agent']);
  });

  test('W9 a name that only the proxy can resolve is the proxy’s to check', async () => {
    const { host, directory } = await serving((request, response) => {
      send(request, response, FILE);
    });
    const { asked, dispatcher } = await proxy({ 'video.invalid': Number(host.split(':')[1]) });
    const { end } = await saving('http://video.invalid/v.mp4', { directory, dispatcher, allowHosts: [] });
    expect(end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
    expect(asked).toEqual(['video.invalid:80']);
  });

  test.each(['http://127.0.0.1/', 'http://[::ffff:10.0.0.1]/', 'http://169.254.169.254/', 'http://localhost/'])(
    'W9 %s is refused before the proxy is asked',
    async (url) => {
      const { asked, dispatcher } = await proxy();
      const { end } = await saving(url, { directory: temporaryFolder(), dispatcher, allowHosts: [] });
      expect(failureOf(end).kind).toBe('refused');
      expect(asked).toEqual([]);
    },
  );

  test('W9 a redirect to such a place is refused too', async () => {
    const { url, directory } = await serving((_, response) => {
      response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end();
    });
    const { asked, dispatcher } = await proxy();
    expect(failureOf((await saving(url, { directory, dispatcher })).end).kind).toBe('refused');
    expect(asked).toHaveLength(1);
  });

  test('W9 a proxy that is away is a network error, with its reason', async () => {
    const dispatcher = new ProxyAgent('http://127.0.0.1:1');
    const options = { directory: temporaryFolder(), dispatcher, allowHosts: [], retry: { ...RETRY, count: 1 } };
    const error = failureOf((await saving('http://video.invalid/v', options)).end);
    expect(error.kind).toBe('network');
    expect(error.message).toMatch(/2 downloads from video\.invalid were not complete; the last: .*ECONNREFUSED/);
  });
});
