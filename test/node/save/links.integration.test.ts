import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../children.js';
import { failureOf, only, saving, serving } from './saving.js';
import { mp4, send, sha256 } from './video-server.js';

const FILE = mp4(200_000);

/** The name that the video gets, found by saving it once. */
async function prepared() {
  const server = await serving((request, response) => {
    send(request, response, FILE, { etag: '"a"' });
  });
  await saving(server.url, { directory: server.directory });
  const path = only(server.directory);
  rmSync(path);
  const precious = join(temporaryFolder(), 'precious');
  writeFileSync(precious, 'precious');
  return { ...server, path, precious };
}

describe.each(['.part', '.part.json'])('W9 a %s that another user has put there', (suffix) => {
  test.each<[string, (from: string, to: string) => void]>([
    [
      'symbolic link',
      (from, to) => {
        symlinkSync(to, from);
      },
    ],
    [
      'hard link',
      (from, to) => {
        linkSync(to, from);
      },
    ],
    [
      'symbolic link to a file not there yet',
      (from, to) => {
        symlinkSync(`${to}.new`, from);
      },
    ],
  ])('W9 %s: refused, and nothing is written through it', async (_what, link) => {
    const { url, directory, path, precious, requests } = await prepared();
    link(`${path}${suffix}`, precious);
    const error = failureOf((await saving(url, { directory })).end);
    expect(error.kind).toBe('storage');
    expect(error.message).toContain(`${path}${suffix} is a link`);
    expect(error.message).toContain('delete it');
    expect(readFileSync(precious, 'utf8')).toBe('precious');
    expect(readdirSync(join(precious, '..'))).toEqual(['precious']);
    expect(requests).toHaveLength(1);
    rmSync(`${path}${suffix}`);
    expect((await saving(url, { directory })).end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
  });

  test('W9 named pipe: refused, and nothing hangs', async ({ skip }) => {
    if (process.platform === 'win32') skip('Windows has no named pipes in directories');
    const { url, directory, path } = await prepared();
    execFileSync('mkfifo', [`${path}${suffix}`]);
    expect(failureOf((await saving(url, { directory })).end).kind).toBe('storage');
  });
});

test('W9 a link that appears during the download has no effect', async () => {
  const { directory, path, precious } = await prepared();
  const server = await serving((request, response) => {
    rmSync(`${path}.part.json`, { force: true });
    symlinkSync(precious, `${path}.part.json`);
    send(request, response, FILE, { etag: '"a"' });
  });
  expect(failureOf((await saving(server.url, { directory })).end).kind).toBe('storage');
  expect(readFileSync(precious, 'utf8')).toBe('precious');
});

test.each<[string, (path: string) => void]>([
  [
    'a directory',
    (path) => {
      mkdirSync(path);
    },
  ],
  [
    'a link to nowhere',
    (path) => {
      symlinkSync(`${path}-nowhere`, path);
    },
  ],
])('W9 %s where the video belongs: storage', async (_what, occupy) => {
  const { url, directory, path, requests } = await prepared();
  occupy(path);
  const error = failureOf((await saving(url, { directory })).end);
  expect(error.kind).toBe('storage');
  expect(error.message).toContain(path);
  expect(requests).toHaveLength(1);
});

test('W9 a directory where the part belongs: storage', async () => {
  const { url, directory, path } = await prepared();
  mkdirSync(`${path}.part`);
  const error = failureOf((await saving(url, { directory })).end);
  expect(error).toMatchObject({ kind: 'storage', message: expect.stringContaining(`${path}.part`) as string });
});

test('W9 a directory that takes the place of the part during the download: storage, and the lock is free', async () => {
  const { directory, path } = await prepared();
  const server = await serving((request, response) => {
    if (server.requests.length > 1) send(request, response, FILE);
    else {
      rmSync(`${path}.part`);
      mkdirSync(`${path}.part`);
      response.end('<html>');
    }
  });
  expect(failureOf((await saving(server.url, { directory })).end).kind).toBe('storage');
  rmSync(`${path}.part`, { recursive: true });
  expect((await saving(server.url, { directory })).end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
  only(directory);
});

test.each(['', '{', '[]', 'null', '{"validator":7,"total":"x"}'])(
  'a note that holds %j is ignored: the download begins anew',
  async (note) => {
    const { url, directory, path, requests } = await prepared();
    writeFileSync(`${path}.part`, 'something else');
    writeFileSync(`${path}.part.json`, note);
    expect((await saving(url, { directory })).end).toMatchObject({ status: 'saved', sha256: sha256(FILE) });
    expect(requests.at(-1)?.headers.range).toBeUndefined();
    only(directory);
  },
);
