import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { firstValueFrom, from, lastValueFrom, of, tap, throwError, toArray } from 'rxjs';
import type { CompletedTask, TrackedTask } from 'rx-video-tasks';
import { SaveError, saveVideo, type SaveVideoOptions, type VideoSink } from 'rx-video-tasks/node';
import { failedTask, lostTask, queuedTask } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { isLong, repetitions } from '../../repetitions.js';
import { program, start, temporaryFolder } from '../children.js';
import { smallDisk } from '../small-disk.js';
import { failureOf, only, RETRY, saving, serving, task } from './saving.js';
import { mp4, send, serve, sha256 } from './video-server.js';

const FILE = mp4(200_000);
const OTHER = mp4(190_000, 2);

describe('saveVideo', () => {
  test('passes every task on and saves the videos of completed ones', async () => {
    const { url, host, directory, requests } = await serving((request, response) => {
      send(request, response, FILE, { etag: '"a"' });
    });
    const tasks: TrackedTask[] = [queuedTask(), failedTask({ id: 'f' }), lostTask({ id: 'l' }), task(url)];
    const all = await lastValueFrom(from(tasks).pipe(saveVideo({ directory, allowHosts: [host] }), toArray()));
    expect(all.slice(0, 4)).toEqual(tasks);
    const saved = all.at(-1);
    expect(all.slice(4, -1).every(({ status }) => status === 'saving')).toBe(true);
    expect(all[4]).toEqual({ status: 'saving', id: 'task', provider: 'scripted', bytes: 0, task: tasks[3] });
    const path = only(directory);
    expect(saved).toEqual({
      ...{ status: 'saved', id: 'task', provider: 'scripted', path, bytes: FILE.length, sha256: sha256(FILE) },
      task: tasks[3],
    });
    expect(path).toMatch(/\/scripted-task-[0-9a-f]{16}\.mp4$/);
    expect(readFileSync(path).equals(FILE)).toBe(true);
    expect(Object.keys(requests[0]?.headers ?? {}).sort()).toEqual(['accept', 'connection', 'host', 'user-agent']);
  });

  test('emits progress at most once per progressInterval, with the total size', async () => {
    const { url, directory } = await serving((request, response) => {
      send(request, response, FILE, { pause: 10 });
    });
    const often = await saving(url, { directory });
    const progress = often.events.flatMap((event) => (event.status === 'saving' ? [event] : []));
    expect(progress.length).toBeGreaterThan(5);
    // Chunks that arrive together are one event: the first, so that the last one may not hold the last bytes.
    const bytes = progress.map(({ bytes }) => bytes);
    expect(bytes).toEqual([...new Set(bytes)].sort((a, b) => a - b));
    expect(progress.at(-1)?.total).toBe(FILE.length);
    expect(often.events.at(-1)).toMatchObject({ status: 'saved', bytes: FILE.length });
    const seldom = await saving(url, { directory: temporaryFolder(), progressInterval: 60_000 });
    expect(seldom.events.map(({ status }) => status)).toEqual(['saving', 'saved']);
  });

  test('downloads no more than concurrency at once, and one that fails does not stop the others', async () => {
    let now = 0;
    let most = 0;
    const { host, directory } = await serving((request, response) => {
      most = Math.max(most, ++now);
      const onEnd = () => now--;
      if (request.url !== '/3') send(request, response, FILE, { pause: 2, onEnd });
      else {
        onEnd();
        response.end('<html>');
      }
    });
    const tasks = Array.from({ length: 8 }, (_, n) => task(`http://${host}/${n}`, `t${n}`));
    const options = { directory, allowHosts: [host], concurrency: 2, retry: RETRY };
    const all = await lastValueFrom(from(tasks).pipe(saveVideo(options), toArray()));
    expect(all.filter(({ status }) => status === 'saved')).toHaveLength(7);
    expect(all.filter(({ status }) => status === 'save-failed')).toMatchObject([{ id: 't3' }]);
    expect(most).toBe(2);
  });

  test('a task that comes again while it is being saved, from a second stream, is saved once', async () => {
    const { url, directory, requests } = await serving((request, response) => {
      send(request, response, FILE, { pause: 5 });
    });
    const options = { directory, allowHosts: [new URL(url).host], progressInterval: 60_000 };
    const all = await lastValueFrom(from([task(url), task(url)]).pipe(saveVideo(options), toArray()));
    expect(all.map(({ status }) => status)).toEqual(['completed', 'completed', 'saving', 'saved']);
    expect(requests).toHaveLength(1);
  });

  test('unsubscribing stops the download and keeps what is there; the next one goes on', async () => {
    const { url, directory, requests } = await serving((request, response) => {
      send(request, response, FILE, { etag: '"a"', pause: requests.length === 1 ? 30 : 0 });
    });
    const stream = of(task(url)).pipe(saveVideo({ directory, allowHosts: [new URL(url).host], progressInterval: 0 }));
    await new Promise<void>((done) => {
      const subscription = stream
        .pipe(
          tap((event) => {
            if (event.status !== 'saving' || event.bytes < 60_000) return;
            done();
            setImmediate(() => {
              subscription.unsubscribe();
            });
          }),
        )
        .subscribe();
    });
    await expect
      .poll(() => readdirSync(directory).sort())
      .toEqual([expect.stringMatching(/\.mp4\.part$/), expect.stringMatching(/\.mp4\.part\.json$/)]);
    const { end } = await saving(url, { directory });
    expect(end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
    expect(requests[1]?.headers).toMatchObject({ range: /^bytes=\d+-$/, 'if-range': '"a"' });
    only(directory);
  });

  test('gives the stream to a sink of your own', async () => {
    const { url, host } = await serving((request, response) => {
      send(request, response, FILE);
    });
    const calls: string[] = [];
    let stored = Buffer.alloc(0);
    const sink: VideoSink = {
      begin: ({ id }) =>
        Promise.resolve({
          restart: () => {
            calls.push('restart');
            stored = Buffer.alloc(0);
            return Promise.resolve();
          },
          write: (bytes) => {
            stored = Buffer.concat([stored, bytes]);
            return Promise.resolve();
          },
          commit: () => {
            calls.push('commit');
            return Promise.resolve(`s3://bucket/${id}`);
          },
          close: () => {
            calls.push('close');
            return Promise.resolve();
          },
          discard: () => Promise.resolve(),
        }),
    };
    const end = await lastValueFrom(of(task(url)).pipe(saveVideo({ sink, allowHosts: [host] })));
    expect(end).toMatchObject({ status: 'saved', path: 's3://bucket/task', sha256: sha256(FILE) });
    expect(stored.equals(FILE)).toBe(true);
    expect(calls).toEqual(['restart', 'commit', 'close']);
  });

  test.each([
    [{}, 'one of the two'],
    [{ directory: 'x', sink: {} }, 'one of the two'],
    [{ directory: 'x', concurrency: 0 }, 'concurrency: 0'],
    [{ directory: 'x', maxBytes: NaN }, 'maxBytes: NaN'],
    [{ directory: 'x', retry: { delay: -1 } }, 'retry.delay: -1'],
    [{ directory: 'x', allowHosts: ['http://127.0.0.1'] }, 'write host names'],
    [undefined, 'saveVideo: the options are undefined; write saveVideo({ directory: "./videos" })'],
    ['./videos', 'saveVideo: the options are string; write'],
    [{ directory: 'x', concurency: 2 }, 'saveVideo: there is no option "concurency"; write one of directory, sink, '],
    [{ directory: 'x', retry: { counts: 1 } }, 'retry: there is no option "counts"; write one of count, '],
    [{ directory: 'x', retry: 3 }, 'retry: the options are number; write { count: 8 }'],
    [{ sink: {} }, 'sink: [object Object] is not usable; write an object with begin(task)'],
    [{ directory: 'x', minBytesPerSecond: -1 }, 'minBytesPerSecond: -1 is not usable; write a number of at least 0'],
    [{ directory: 'x', provider: 'alad' }, 'provider: "alad" is not usable; write alad({ apiKey })'],
    [{ directory: 'x', dispatcher: {} }, 'dispatcher: [object Object] is not usable; write one of undici 7'],
    [{ directory: 'x', ack: true }, 'ack: true is not usable; write tracker.ack'],
    [{ directory: 'x', query: {} }, 'query: [object Object] is not usable; write tracker.query'],
    [{ directory: 'x', userAgent: 'a\r\nb' }, 'write printable ASCII characters'],
  ])('refuses %j at call time', (options, message) => {
    expect(() => saveVideo(options as SaveVideoOptions)).toThrow(message);
  });

  test('an error of the source passes', async () => {
    const failing = throwError(() => new Error('mine')).pipe(saveVideo<TrackedTask>({ directory: tmpdir() }));
    await expect(lastValueFrom(failing)).rejects.toThrow('mine');
  });
});

describe('W1 bad transfers', () => {
  test('W1 cut 8 times: resumes each time', async () => {
    const { url, directory, requests } = await serving((request, response) => {
      send(request, response, FILE, { etag: '"a"', ...(requests.length <= 8 ? { cutAfter: 20_000 } : {}) });
    });
    const { end } = await saving(url, { directory, retry: { count: 8, delay: 0 } });
    expect(end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
    expect(requests).toHaveLength(9);
    const starts = requests.map(({ headers }) => Number(/\d+/.exec(headers.range ?? 'bytes=0-')?.[0]));
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    expect(starts.at(-1)).toBeGreaterThan(100_000);
  });

  test('W1 never a mixture: whatever the server does, the right bytes or an error', async () => {
    let random = () => 0;
    const { url, directory } = await serving((request, response) => {
      const what = random();
      const changed = random() < 0.3;
      const [file, etag] = changed ? [OTHER, '"b"'] : [FILE, '"a"'];
      const cut = random() < 0.6 ? { cutAfter: 16_384 * Math.floor(1 + random() * 8) } : {};
      if (what < 0.1) send(request, response, file, { etag, ignoresRange: true, ...cut });
      else if (what < 0.2) response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
      else if (what < 0.3) {
        // Another part than was asked for, of what may be another file.
        const part = file.subarray(50_000, 100_000);
        response.writeHead(206, { etag, 'content-range': `bytes 50000-99999/${file.length}` }).end(part);
      } else if (what < 0.4) {
        // Goes on with another file, as if it were the same.
        const from = Number(/\d+/.exec(request.headers.range ?? '')?.[0] ?? 0);
        const range = `bytes ${from}-${file.length - 1}/${file.length}`;
        response.writeHead(from > 0 ? 206 : 200, { etag, ...(from > 0 ? { 'content-range': range } : {}) });
        response.end(file.subarray(from));
      } else if (what < 0.5) response.writeHead(503).end();
      else send(request, response, file, { etag, ...cut });
    });
    const right = new Set([sha256(FILE), sha256(OTHER)]);
    const outcomes = { saved: 0, failed: 0 };
    for (let run = 1; run <= repetitions(200); run++) {
      let state = run * 7919;
      random = () => (state = (state * 48271) % 2147483647) / 2147483647;
      const { end } = await saving(url, { directory, retry: { count: 6, delay: 0 } }, `run-${run}`);
      if (end.status === 'saved') {
        outcomes.saved++;
        expect(right).toContain(end.sha256);
        expect(sha256(readFileSync(end.path))).toBe(end.sha256);
      } else {
        outcomes.failed++;
        expect(failureOf(end).kind).toMatch(/network|not-a-video/);
      }
    }
    console.log(`W1: ${outcomes.saved} saved, ${outcomes.failed} given up`);
    expect(outcomes.saved).toBeGreaterThan(repetitions(200) / 2);
    const whole = readdirSync(directory).filter((name) => name.endsWith('.mp4'));
    expect(whole).toHaveLength(outcomes.saved);
  });

  test('W1 all of it is there already: 416 ends it', async () => {
    const { url, directory, requests } = await serving((request, response) => {
      // The announced length is too large, and the connection is cut after the last byte.
      if (requests.length === 1) {
        response
          .writeHead(200, { etag: '"a"', 'content-length': FILE.length + 1 })
          .write(FILE, () => response.destroy());
      } else send(request, response, FILE, { etag: '"a"' });
    });
    const { end } = await saving(url, { directory });
    expect(end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
  });

  test('W1 without a strong validator it begins anew', async () => {
    const { url, directory, requests } = await serving((request, response) => {
      send(request, response, FILE, { etag: 'W/"a"', ...(requests.length === 1 ? { cutAfter: 50_000 } : {}) });
    });
    expect((await saving(url, { directory })).end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
    expect(requests.map(({ headers }) => headers.range)).toEqual([undefined, undefined]);
  });
});

test('W2 kill -9 while saving: what has its name is whole, and the next run resumes', async () => {
  const file = await program(
    'saving',
    `import { of } from 'rxjs';
     import { saveVideo } from 'rx-video-tasks/node';
     const [directory, url, id] = process.argv.slice(2);
     const task = { id, provider: 'scripted', status: 'completed', rawStatus: 's', observedAt: 0, video: { url } };
     of(task).pipe(saveVideo({ directory, allowHosts: [new URL(url).host], progressInterval: 0 })).subscribe((event) => {
       if (event.status !== 'completed') console.log(event.status, event.bytes ?? event.error.message);
     });`,
  );
  const big = mp4(1_000_000);
  const { url, directory, requests } = await serving((request, response) => {
    send(request, response, big, { etag: '"a"', pause: 1 });
  });
  const kills = isLong ? 500 : repetitions(50);
  const whole = new Set<string>();
  const isWhole = (name: string) => sha256(readFileSync(join(directory, name))) === sha256(big);
  let finished = 0;
  let round = 0;
  for (let kill = 1; kill <= kills; kill++) {
    const child = start(file, directory, url, `v${round}`);
    // Before all bytes are there, or, every third time, in what is done then.
    const pieces = 1 + Math.floor(Math.random() * 40);
    const isFar = (output: string) =>
      kill % 3 === 0 ? output.includes(`saving ${big.length}\n`) : output.split('saving').length > pieces;
    await Promise.race([child.printed(isFar), child.ended]);
    await sleep(Math.random() * 5);
    child.process.kill('SIGKILL');
    await child.ended;
    expect(child.output()).not.toContain('save-failed');
    for (const name of readdirSync(directory)) {
      if (!name.endsWith('.mp4') || whole.has(name)) continue;
      expect(isWhole(name)).toBe(true);
      whole.add(name);
    }
    if (child.output().includes('saved')) {
      finished++;
      round++;
    }
  }
  const last = start(file, directory, url, `v${round}`);
  expect(await last.ended).toBe(0);
  expect(last.output()).toContain('saved');
  const resumed = requests.filter(({ headers }) => headers.range !== undefined).length;
  console.log(`W2: ${kills} kills, ${finished + 1} videos, ${resumed} downloads resumed`);
  expect(resumed).toBeGreaterThan(kills / 10);
  const names = readdirSync(directory);
  expect(names.filter((name) => !name.endsWith('.mp4'))).toEqual([]);
  expect(names.filter((name) => !isWhole(name))).toEqual([]);
}, 600_000);

describe('W3 no video', () => {
  const bare = FILE.subarray(0, 150_000);
  test.each<[string, RequestListener, RegExp, Partial<SaveVideoOptions>?]>([
    ['HTML', (_, response) => response.end('<!doctype html><title>Sign in</title>'), /does not begin like an MP4/],
    ['JSON', (_, response) => response.end('{"error":"quota"}'), /does not begin like an MP4/],
    ['nothing', (_, response) => response.end(), /network|no ftyp/],
    ['something short', (_, response) => response.end('no'), /ends in the middle|not complete/],
    [
      'an encoded body',
      (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(FILE),
      /encoded \(gzip\)/,
    ],
    ['bad magic', (_, response) => response.end(Buffer.concat([Buffer.alloc(8), FILE])), /does not begin/],
    ['boxes that do not add up', (_, response) => response.end(Buffer.concat([FILE, Buffer.alloc(7, 1)])), /middle/],
    [
      'a truncated body of unannounced length',
      (_, response) => {
        response.writeHead(200, { connection: 'close' }).write(bare);
        response.end();
      },
      /middle/,
    ],
    [
      'an announced length above the limit',
      (_, response) => response.end(FILE),
      /larger than maxBytes/,
      { maxBytes: 1000 },
    ],
    [
      'an endless body',
      (_, response) => {
        const more = () => {
          while (!response.destroyed && response.write(FILE));
        };
        response.write(FILE.subarray(0, 24));
        response.on('drain', more);
        more();
      },
      /larger than maxBytes|boxes/,
      { maxBytes: 5_000_000 },
    ],
  ])('W3 %s', async (_what, answer, message, options = {}) => {
    const { url, directory } = await serving(answer);
    const { end } = await saving(url, { directory, ...options });
    const error = failureOf(end);
    expect(error).toBeInstanceOf(SaveError);
    expect(`${error.kind}: ${error.message}`).toMatch(message);
    expect(error.message).not.toContain('secret');
    expect(readdirSync(directory).filter((name) => name.endsWith('.mp4'))).toEqual([]);
    if (error.kind !== 'network') expect(readdirSync(directory)).toEqual([]);
  });
});

describe('W4 where no video is fetched from', () => {
  test.each([
    'http://127.0.0.1/',
    'http://127.1/',
    'http://0x7f000001/',
    'http://2130706433/',
    'http://0177.0.0.1/',
    'http://0.0.0.0/',
    'http://10.1.2.3/',
    'http://172.16.0.1/',
    'http://172.31.255.254/',
    'http://192.168.1.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://100.64.0.1/',
    'http://100.100.100.200/',
    'http://198.18.0.1/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://[::1]/',
    'http://[::]/',
    'http://[fe80::1]/',
    'http://[fd00:ec2::254]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[64:ff9b::a00:1]/',
    'http://[2002:7f00:1::]/',
    'http://[ff02::1]/',
    'http://localhost/',
    'file:///etc/passwd',
  ])('W4 %s is refused before connecting', async (url) => {
    const directory = temporaryFolder();
    const { end } = await saving(url, { directory, allowHosts: [] });
    const error = failureOf(end);
    expect(error.kind).toBe('refused');
    expect(error.message).toMatch(/allowHosts|only http/);
    expect(readdirSync(directory).filter((name) => name.endsWith('.mp4'))).toEqual([]);
  });

  test('W4 a redirect to such a place is refused before connecting, from one that is allowed', async () => {
    const inner = await serve((_, response) => response.end(FILE));
    const { url, directory, host } = await serving((_, response) => {
      response.writeHead(302, { location: inner.url }).end();
    });
    expect(failureOf((await saving(url, { directory, allowHosts: [host] })).end).kind).toBe('refused');
    expect(inner.connections()).toBe(0);
    const allowed = await saving(url, { directory, allowHosts: [host, inner.host] });
    expect(allowed.end.status).toBe('saved');
  });

  test('a name and password in a URL, or in where it redirects, are never sent', async () => {
    const { host, directory, requests } = await serving((request, response) => {
      if (request.url !== '/there') response.writeHead(302, { location: `http://me:secret@${host}/there` }).end();
      else send(request, response, FILE);
    });
    const { end } = await saving(`http://me:secret@${host}/`, { directory });
    expect(end.status).toBe('saved');
    for (const { headers } of requests) expect(headers).not.toHaveProperty('authorization');
    expect(requests).toHaveLength(2);
  });

  test('W4 five redirects are followed, not six', async () => {
    const { host, directory } = await serving((request, response) => {
      const left = Number(request.url?.slice(1));
      if (left > 0) response.writeHead(307, { location: `/${left - 1}` }).end();
      else response.end(FILE);
    });
    expect((await saving(`http://${host}/5`, { directory })).end.status).toBe('saved');
    const { end } = await saving(`http://${host}/6`, { directory, retry: { count: 0 } }, 'other');
    expect(failureOf(end).message).toContain('more than 5 times');
  });
});

test('W5 hostile ids: inside the directory, unique, and no name that a system keeps for itself', async () => {
  const { url, host, directory } = await serving((request, response) => {
    send(request, response, FILE);
  });
  const ids = [
    ...[
      '../../etc/passwd',
      '/etc/passwd',
      '..\\..\\boot.ini',
      'C:\\x',
      'a/b',
      'a_b',
      'A_b',
      'con',
      'nul.mp4',
      '.hidden',
    ],
    ...['-rf', 'x'.repeat(256), '%2e%2e%2f', 'ünï 😀', 'a\u202egpj.exe', '~/.ssh', '$(rm -rf .)', 'a:b', 'a*b?'],
  ];
  const tasks = ids.map((id) => task(url, id));
  const all = await lastValueFrom(from(tasks).pipe(saveVideo({ directory, allowHosts: [host] }), toArray()));
  expect(all.filter(({ status }) => status === 'saved')).toHaveLength(ids.length);
  const names = readdirSync(directory);
  expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(ids.length);
  for (const name of names) expect(name).toMatch(/^scripted-[\w-]{1,120}-[0-9a-f]{16}\.mp4$/);
});

describe('W6 storage', () => {
  test('W6 a full disk: a clean error, and the stored part is resumed', async ({ skip }) => {
    const directory = smallDisk('256k', skip);
    const { url, requests } = await serve((request, response) => {
      send(request, response, FILE, { etag: '"a"' });
    });
    const filler = join(directory, 'filler');
    writeFileSync(filler, Buffer.alloc(120_000));
    const error = failureOf((await saving(url, { directory })).end);
    expect(error).toMatchObject({ kind: 'storage', message: expect.stringContaining('ENOSPC') as string });
    rmSync(filler);
    expect((await saving(url, { directory })).end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
    expect(requests.at(-1)?.headers.range).toMatch(/^bytes=[1-9]\d+-$/);
  });

  test('W6 a directory that is missing is made at subscription', async () => {
    const { url, host } = await serve((_, response) => response.end(FILE));
    const directory = join(temporaryFolder(), 'made', 'when-needed');
    const stream = of(task(url)).pipe(saveVideo({ directory, allowHosts: [host] }));
    expect(existsSync(directory)).toBe(false);
    expect(await lastValueFrom(stream)).toMatchObject({ status: 'saved', path: only(directory) });
  });

  test('W6 a directory that cannot be made is an error at subscription, before any task', async () => {
    const notADirectory = join(temporaryFolder(), 'file');
    writeFileSync(notADirectory, '');
    const seen: TrackedTask[] = [];
    const source = of(queuedTask()).pipe(tap((one) => seen.push(one)));
    const directory = join(notADirectory, 'videos');
    const error = await lastValueFrom(source.pipe(saveVideo({ directory }))).catch((cause: unknown) => cause);
    expect(error).toMatchObject({ name: 'SaveError', kind: 'storage' });
    expect((error as Error).message).toBe(`directory: ${directory} cannot be written to (ENOTDIR); choose another`);
    expect(seen).toEqual([]);
  });

  test('W6 a target that exists: a whole video is not fetched again, anything else is left as it is', async () => {
    const { url, directory, requests } = await serving((request, response) => {
      send(request, response, FILE);
    });
    await saving(url, { directory });
    const path = only(directory);
    expect((await saving(url, { directory })).end).toMatchObject({ status: 'saved', path, sha256: sha256(FILE) });
    expect(requests).toHaveLength(1);
    writeFileSync(path, 'my notes');
    const error = failureOf((await saving(url, { directory })).end);
    expect(error).toMatchObject({ kind: 'storage', message: expect.stringContaining('move it away') as string });
    expect(readFileSync(path, 'utf8')).toBe('my notes');
    only(directory);
  });
});

describe('W7 an expired URL', () => {
  test.each([403, 404, 410])('W7 %d: one fresh query, and the video comes from there', async (status) => {
    let queries = 0;
    const { url, host, directory } = await serving((request, response) => {
      if (request.url?.startsWith('/fresh')) send(request, response, FILE);
      else response.writeHead(status).end();
    });
    const query = (asked: CompletedTask) => {
      queries++;
      return of(task(`http://${host}/fresh`, asked.id));
    };
    expect((await saving(url, { directory, query })).end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
    expect(queries).toBe(1);
  });

  test('W7 the fresh one has expired too, or there is none: an expired error', async () => {
    let queries = 0;
    const { url, directory, requests } = await serving((_, response) => response.writeHead(403).end());
    const query = () => {
      queries++;
      return of(task(url));
    };
    expect(failureOf((await saving(url, { directory, query })).end).kind).toBe('expired');
    expect([queries, requests.length]).toEqual([1, 2]);
    const none = () => throwError(() => new Error('gone'));
    expect(failureOf((await saving(url, { directory, query: none })).end).kind).toBe('expired');
    expect(failureOf((await saving(url, { directory })).end).kind).toBe('expired');
  });
});

test('a save that fails and is resubscribed to is tried again', async () => {
  const { url, host, directory, requests } = await serving((request, response) => {
    if (requests.length === 1) response.writeHead(400).end();
    else send(request, response, FILE);
  });
  const stream = of(task(url)).pipe(saveVideo({ directory, allowHosts: [host] }));
  expect((await lastValueFrom(stream)).status).toBe('save-failed');
  expect((await lastValueFrom(stream)).status).toBe('saved');
  expect((await firstValueFrom(stream)).status).toBe('completed');
});
