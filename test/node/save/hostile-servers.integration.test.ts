import { readdirSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { filter, firstValueFrom, from, lastValueFrom, of, toArray } from 'rxjs';
import { saveVideo, type SaveVideoOptions } from 'rx-video-tasks/node';
import { Agent } from 'undici';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeCertificates } from '../../certificates.js';
import { program, start, temporaryFolder } from '../children.js';
import { failureOf, saving, serving, task } from './saving.js';
import { mp4, send, serve, sha256 } from './video-server.js';

const FILE = mp4(200_000);

/** `ftyp`, then empty boxes, each of another type, until the connection is closed. */
const endlessBoxes: RequestListener = (_, response) => {
  response.write(FILE.subarray(0, 24));
  let type = 0x61616161;
  const more = () => {
    for (let goesOn = true; goesOn && !response.destroyed;) {
      const boxes = Buffer.alloc(65_536);
      for (let at = 0; at < boxes.length; at += 8) {
        boxes.writeUInt32BE(8, at);
        boxes.writeUInt32BE(type++, at + 4);
      }
      goesOn = response.write(boxes);
    }
  };
  response.on('drain', more);
  more();
};

describe('W8 servers that waste memory or time', () => {
  test('W8 a file of endless small boxes is no video, and is asked for once', async () => {
    const { url, directory, requests } = await serving(endlessBoxes);
    const error = failureOf((await saving(url, { directory })).end);
    expect(error).toMatchObject({ kind: 'not-a-video', message: expect.stringContaining('100000 boxes') as string });
    expect(requests).toHaveLength(1);
    expect(readdirSync(directory)).toEqual([]);
  });

  test('W8 a process with little memory survives endless small boxes', async () => {
    const { url, directory } = await serving(endlessBoxes);
    const file = await program(
      'endless-boxes',
      `import { of } from 'rxjs';
       import { saveVideo } from 'rx-video-tasks/node';
       const [directory, url] = process.argv.slice(2);
       const task = { id: 'x', provider: 'p', status: 'completed', rawStatus: 's', observedAt: 0, video: { url } };
       const before = process.memoryUsage().heapUsed;
       of(task).pipe(saveVideo({ directory, allowHosts: [new URL(url).host] })).subscribe((event) => {
         if (event.status === 'save-failed') console.log(event.error.kind, process.memoryUsage().heapUsed - before);
       });`,
    );
    const child = start(file, directory, url);
    expect(await child.ended).toBe(0);
    const [, kind, grown] = /^(\S+) (-?\d+)\n$/.exec(child.output()) ?? [];
    expect(kind).toBe('not-a-video');
    expect(Number(grown)).toBeLessThan(30_000_000);
  });

  const drip: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-length': FILE.length, etag: '"a"' });
    let at = 0;
    const timer = setInterval(() => response.write(FILE.subarray(at, ++at)), 10);
    response.on('close', () => {
      clearInterval(timer);
    });
  };
  const dripHeaders: RequestListener = (request) => {
    let sent = 0;
    request.socket.write('HTTP/1.1 200 OK\r\n');
    const timer = setInterval(() => request.socket.write(`x-${++sent}: 1\r\n`), 10);
    request.socket.on('close', () => {
      clearInterval(timer);
    });
  };
  const later: RequestListener = (_, response) => {
    response.writeHead(503, { 'retry-after': '900' }).end();
  };
  const laterByDate: RequestListener = (_, response) => {
    response.writeHead(429, { 'retry-after': new Date(Date.now() + 900_000).toUTCString() }).end();
  };

  test.each<[string, RequestListener]>([
    ['drip their bytes', drip],
    ['drip their headers', dripHeaders],
    ['never answer', () => undefined],
    ['say Retry-After 900', later],
    ['say Retry-After with a date', laterByDate],
  ])('W8 four servers that %s: a fifth video is saved meanwhile', async (_what, bad) => {
    const { host, directory, requests } = await serving((request, response) => {
      if (request.url === '/good') send(request, response, FILE);
      else bad(request, response);
    });
    const tasks = ['bad-1', 'bad-2', 'bad-3', 'bad-4', 'good'].map((id) => task(`http://${host}/${id}`, id));
    const retry = { count: 8, delay: 60_000 };
    const options: SaveVideoOptions = { directory, allowHosts: [host], timeout: 1_500, retry };
    const saved = await firstValueFrom(
      from(tasks).pipe(
        saveVideo(options),
        filter(({ status }) => status === 'saved' || status === 'save-failed'),
      ),
    );
    expect(saved).toMatchObject({ status: 'saved', id: 'good' });
    expect(requests.map(({ url }) => url).sort()).toEqual(['/bad-1', '/bad-2', '/bad-3', '/bad-4', '/good']);
  });

  test('W8 a download slower than minBytesPerSecond is resumed, and ends as network where that never helps', async () => {
    const { url, directory, requests } = await serving(drip);
    const options = { directory, timeout: 1_000, retry: { count: 2, delay: 0 } };
    const error = failureOf((await saving(url, options)).end);
    expect(error.kind).toBe('network');
    expect(error.message).toMatch(/3 downloads from 127\.0\.0\.1:\d+ were .* below minBytesPerSecond \(10000\)/);
    expect(requests[2]?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
  });

  test('W8 minBytesPerSecond: 0 lets a slow server take its time', async () => {
    const { url, directory, requests } = await serving((request, response) => {
      send(request, response, FILE, { pause: 30 });
    });
    const { end } = await saving(url, { directory, timeout: 1_000, minBytesPerSecond: 0 });
    expect(end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
    expect(requests).toHaveLength(1);
  });

  test('W8 a slow sink makes no server slow', async () => {
    const { url, host } = await serve((request, response) => {
      send(request, response, FILE);
    });
    const idle = () => Promise.resolve();
    const write = () => new Promise<void>((done) => setTimeout(done, 200));
    const draft = { restart: idle, write, commit: () => Promise.resolve('x'), close: idle, discard: idle };
    const sink = { begin: () => Promise.resolve(draft) };
    const options = { sink, allowHosts: [host], timeout: 2_000, minBytesPerSecond: 1e9, retry: { count: 0 } };
    const end = await lastValueFrom(of(task(url)).pipe(saveVideo(options)));
    expect(end.status).toBe('saved');
  });

  test('W8 when all servers fail: no more requests at once than places, and each task gets its turns', async () => {
    let inFlight = 0;
    let most = 0;
    const { host, directory, requests } = await serving((_, response) => {
      most = Math.max(most, ++inFlight);
      setTimeout(() => {
        // Before the reply: the next request can come before this response is seen as closed.
        inFlight--;
        response.writeHead(503).end();
      }, 1);
    });
    const tasks = Array.from({ length: 200 }, (_, n) => task(`http://${host}/${n}`, `t${n}`));
    const options = { directory, allowHosts: [host], concurrency: 3, retry: { count: 1, delay: 20 } };
    const events = await lastValueFrom(from(tasks).pipe(saveVideo(options), toArray()));
    expect(events.filter(({ status }) => status === 'save-failed')).toHaveLength(200);
    expect(requests).toHaveLength(400);
    expect(most).toBe(3);
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('W9 redirects', () => {
  /** An https server on this machine, and a dispatcher that trusts it. */
  async function secure(answer: RequestListener) {
    const { ca, valid } = makeCertificates();
    const server = createServer(valid, answer);
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const dispatcher = new Agent({ connect: { ca } });
    onTestFinished(async () => {
      server.close();
      server.closeAllConnections();
      await dispatcher.destroy();
    });
    return { host: `localhost:${(server.address() as AddressInfo).port}`, dispatcher };
  }

  test('W9 a redirect from https to http is refused, though both hosts are allowed', async () => {
    const plain = await serve((_, response) => response.end(FILE));
    const { host, dispatcher } = await secure((_, response) => {
      response.writeHead(302, { location: plain.url }).end();
    });
    const options = { directory: temporaryFolder(), dispatcher, allowHosts: [host, plain.host] };
    const error = failureOf((await saving(`https://${host}/`, options)).end);
    expect(error.kind).toBe('refused');
    expect(error.message).toContain(`${host} redirects from https to http (${plain.host})`);
    expect(error.message).not.toContain('secret');
    expect(plain.connections()).toBe(0);
  });

  test('W9 a redirect from http to https, or within https, is followed', async () => {
    const { host, dispatcher } = await secure((request, response) => {
      if (request.url === '/there') response.end(FILE);
      else response.writeHead(308, { location: '/there' }).end();
    });
    const plain = await serving((_, response) => response.writeHead(302, { location: `https://${host}/` }).end());
    const options = { directory: plain.directory, dispatcher, allowHosts: [host, plain.host] };
    const { end } = await saving(plain.url, options);
    expect(end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
  });

  test('W9 a redirect to no URL, or to another scheme, is refused', async () => {
    for (const [location, message] of [
      ['http://[', /redirects to an invalid URL/],
      ['file:///etc/passwd', /only http and https/],
    ] as const) {
      const { url, directory } = await serving((_, response) => response.writeHead(302, { location }).end());
      expect(failureOf((await saving(url, { directory })).end).message).toMatch(message);
      expect(readdirSync(directory).filter((name) => name.endsWith('.mp4'))).toEqual([]);
    }
  });
});
