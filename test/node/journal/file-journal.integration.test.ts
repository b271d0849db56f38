import { execFileSync } from 'node:child_process';
import { appendFileSync, promises as fs, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { createTracker, xingchaoyiqing, type JournalEntry, type JournalStore } from 'rx-video-tasks';
import { fileJournal } from 'rx-video-tasks/node';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { fileStore } from '../../../src/node/journal/file-journal.js';
import { storeContract } from '../../journal/contract.js';
import { program, start, temporaryFolder } from '../children.js';
import { smallDisk } from '../small-disk.js';

storeContract({
  place: () => {
    const path = join(temporaryFolder(), 'tasks.journal');
    return Promise.resolve(() => fileStore(path));
  },
});

const entry = (id: string, seq = 0): JournalEntry => ({ provider: 'alad', id, trackedAt: 1e12, seq, acked: 0 });
const save = (store: JournalStore, one: JournalEntry) => store.save(one) as Promise<void>;
const line = (json: string) => `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;

async function read(path: string): Promise<readonly JournalEntry[]> {
  const store = fileStore(path);
  const entries = await (store.load() as Promise<readonly JournalEntry[]>);
  await (store.close() as Promise<void>);
  return entries;
}

/** A journal of which each line has one entry more, and how long it was after each. */
async function grown(path: string, lines: number): Promise<number[]> {
  const store = fileStore(path);
  await (store.load() as Promise<unknown>);
  const ends = [statSync(path).size];
  for (let n = 1; n <= lines; n++) {
    await save(store, entry(`task-${n}`, n));
    ends.push(statSync(path).size);
  }
  await (store.close() as Promise<void>);
  return ends;
}

describe('fileJournal', () => {
  test('is a file that only its owner reads, with lines that a tool can read', async () => {
    const path = join(temporaryFolder(), 'tasks.journal');
    await grown(path, 2);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readFileSync(path, 'utf8')).toBe(
      line('{"journal":"rx-video-tasks","version":1}') +
        line('[{"provider":"alad","id":"task-1","trackedAt":1000000000000,"seq":1,"acked":0}]') +
        line('[{"provider":"alad","id":"task-2","trackedAt":1000000000000,"seq":2,"acked":0}]'),
    );
    expect(await fs.readdir(join(path, '..'))).toEqual(['tasks.journal']);
  });

  test('what is saved at once is written and synced together', async () => {
    const path = join(temporaryFolder(), 'tasks.journal');
    const store = fileStore(path);
    await (store.load() as Promise<unknown>);
    await Promise.all(Array.from({ length: 500 }, (_, n) => save(store, entry(String(n)))));
    await (store.close() as Promise<void>);
    expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(3);
  });

  test('is rewritten when most of it is out of date, and stays as small as what it holds', async () => {
    const path = join(temporaryFolder(), 'tasks.journal');
    const store = fileStore(path);
    await (store.load() as Promise<unknown>);
    const ids = Array.from({ length: 500 }, (_, n) => `task-${n}`);
    let largest = 0;
    for (let round = 1; round <= 60; round++) {
      await Promise.all(ids.map((id) => save(store, entry(id, round))));
      largest = Math.max(largest, statSync(path).size);
    }
    await (store.close() as Promise<void>);
    expect(largest).toBeLessThan(1_200_000);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await read(path)).map(({ id, seq }) => `${id} ${seq}`)).toEqual(ids.map((id) => `${id} 60`));
  });

  test('refuses an empty path at call time, and a missing directory when it is used', async () => {
    expect(() => fileJournal('')).toThrow("write for example fileJournal('./tasks.journal')");
    await expect(read('/nowhere/at/all/tasks.journal')).rejects.toThrow(
      /^journal \/nowhere\/at\/all\/tasks\.journal cannot be opened: ENOENT/,
    );
  });

  test('refuses a file that is something else, and leaves it as it is', async () => {
    const path = join(temporaryFolder(), 'notes.txt');
    writeFileSync(path, 'my notes\n');
    await expect(read(path)).rejects.toThrow('it is no journal');
    expect(readFileSync(path, 'utf8')).toBe('my notes\n');
  });

  test('carries a tracker over a restart', async () => {
    const path = join(temporaryFolder(), 'tasks.journal');
    const provider = xingchaoyiqing({ apiKey: 'sk-test-key-0123456789', baseUrl: 'http://127.0.0.1:1' });
    const tracking = (script: Parameters<typeof scriptedTransport>[0]) => {
      const { transport } = scriptedTransport(script);
      return createTracker({ provider, journal: fileJournal(path), speed: 10_000, transport });
    };
    const first = tracking(['q', 'never']);
    await firstValueFrom(first.track('v'));
    first.close();
    const second = tracking(['q', 'p', 's']);
    const transitions = await lastValueFrom(second.resume().pipe(toArray()));
    expect(transitions.map(({ status, seq }) => `${status} ${String(seq)}`)).toEqual(['processing 2', 'completed 3']);
    second.close();
    expect(readFileSync(path, 'utf8')).not.toMatch(/sk-test|0123456789|Expires=|Signature/);
  });
});

describe('D2 damage', () => {
  test('D2 cut at any byte: exactly the entries before the cut, or refused', async () => {
    const folder = temporaryFolder();
    const whole = join(folder, 'whole');
    const ends = await grown(whole, 5);
    const bytes = readFileSync(whole);
    const cut = join(folder, 'cut');
    for (let length = 0; length <= bytes.length; length++) {
      writeFileSync(cut, bytes.subarray(0, length));
      if (length > 0 && length < (ends[0] ?? 0)) {
        await expect(read(cut)).rejects.toThrow('it is no journal, or its first line is damaged');
        continue;
      }
      const held = ends.filter((end) => end <= length).length - 1;
      expect((await read(cut)).map(({ id }) => id)).toEqual(
        Array.from({ length: Math.max(0, held) }, (_, n) => `task-${n + 1}`),
      );
      // What did not hold is gone: the next line follows one that holds.
      expect(statSync(cut).size).toBe(length === 0 ? ends[0] : ends[held]);
    }
  });

  test('D2 a flipped bit anywhere: an exact prefix, or refused and left as it is', async () => {
    const folder = temporaryFolder();
    const whole = join(folder, 'whole');
    await grown(whole, 5);
    const bytes = readFileSync(whole);
    const flipped = join(folder, 'flipped');
    const good = (await read(whole)).map((one) => JSON.stringify(one));
    let refused = 0;
    for (let n = 0; n < 400; n++) {
      const bit = Math.floor((n * bytes.length * 8) / 400);
      const damaged = Buffer.from(bytes);
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(flipped, damaged);
      try {
        const held = (await read(flipped)).map((one) => JSON.stringify(one));
        expect(held).toEqual(good.slice(0, held.length));
        // One in the last line costs that line; one in the line break before it, both.
        expect(held.length).toBeGreaterThanOrEqual(good.length - 2);
      } catch (error) {
        refused++;
        expect(String(error)).toMatch(/no journal|line \d is damaged/);
        expect(readFileSync(flipped).equals(damaged)).toBe(true);
      }
    }
    expect(refused).toBeGreaterThan(250);
  });

  test('D2 a tail of zeros, as after a power loss, is cut off', async () => {
    const path = join(temporaryFolder(), 'tasks.journal');
    await grown(path, 3);
    const size = statSync(path).size;
    appendFileSync(path, Buffer.alloc(4096));
    expect(await read(path)).toHaveLength(3);
    expect(statSync(path).size).toBe(size);
  });
});

test('D6 a journal of a newer version is refused, untouched', async () => {
  const path = join(temporaryFolder(), 'tasks.journal');
  const newer = line('{"journal":"rx-video-tasks","version":2}') + line('{"something":"else"}') + 'torn';
  writeFileSync(path, newer, { mode: 0o640 });
  const before = statSync(path);
  await expect(read(path)).rejects.toThrow('it is of version 2, this library reads 1');
  const after = statSync(path);
  expect(readFileSync(path, 'utf8')).toBe(newer);
  expect([after.mtimeMs, after.ino, after.mode]).toEqual([before.mtimeMs, before.ino, before.mode]);
});

describe('D5 one process at a time', () => {
  let holder: string;
  beforeAll(async () => {
    holder = await program(
      'holder',
      `import { fileStore } from './src/node/journal/file-journal.js';
       const store = fileStore(process.argv[2]);
       store.load().then(() => { console.log('holding'); setInterval(() => {}, 1000); }, (error) => console.log(String(error)));`,
    );
  });

  test('D5 the second gets a clear error; after a kill -9 the file is free within a second', async () => {
    const path = join(temporaryFolder(), 'tasks.journal');
    for (let round = 1; round <= 5; round++) {
      const child = start(holder, path);
      await child.printed('holding');
      await expect(read(path)).rejects.toThrow(
        `journal ${path} cannot be opened: it is in use by process ${String(child.process.pid)}`,
      );
      child.process.kill('SIGKILL');
      // The parent has not reaped it yet: opening tries for a second at most.
      expect(await read(path)).toEqual([]);
      await child.ended;
    }
    expect(await fs.readdir(join(path, '..'))).toEqual(['tasks.journal']);
  });

  test('D5 under any name of the file, and within one process too', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'tasks.journal');
    await grown(path, 1);
    await fs.symlink(path, join(folder, 'other'));
    const store = fileStore(path);
    await (store.load() as Promise<unknown>);
    await expect(read(join(folder, 'other'))).rejects.toThrow(`in use by process ${process.pid}`);
    await (store.close() as Promise<void>);
    expect(await read(join(folder, 'other'))).toHaveLength(1);
  });

  test('D5 of ten that start at once at most one gets it, and afterwards it is free', async () => {
    const path = join(temporaryFolder(), 'tasks.journal');
    const children = Array.from({ length: 10 }, () => start(holder, path));
    await Promise.all(
      children.map((child) => Promise.race([child.printed('holding'), child.ended, child.printed('in use')])),
    );
    await Promise.all(
      children.map((child) =>
        Promise.race([child.printed('in use'), child.printed('holding'), child.ended]).catch(() => null),
      ),
    );
    expect(children.filter((child) => child.output().includes('holding')).length).toBeLessThanOrEqual(1);
    for (const child of children) child.process.kill('SIGKILL');
    await Promise.all(children.map((child) => child.ended));
    expect(await read(path)).toEqual([]);
  });
});

describe('D9 the file that a path leads to', () => {
  const provider = xingchaoyiqing({ apiKey: 'sk-test-key-0123456789', baseUrl: 'http://127.0.0.1:1' });

  const MOVES = [
    ['moved away', (path: string) => fs.rename(path, `${path}.old`)],
    ['deleted', (path: string) => fs.rm(path)],
    ['replaced by a copy', async (path: string) => fs.rename(await copied(path), path)],
    ['replaced by a directory', (path: string) => fs.rename(path, `${path}.old`).then(() => fs.mkdir(path))],
  ] as const;

  async function copied(path: string): Promise<string> {
    await fs.copyFile(path, `${path}.copy`);
    return `${path}.copy`;
  }

  test.each(MOVES)(
    'D9 %s while it is in use: the next write errors, and what was accepted is there',
    async (how, move) => {
      const path = join(temporaryFolder(), 'tasks.journal');
      const { transport } = scriptedTransport({ v: ['q', 'p', 'p', 's'], w: ['q'] });
      const tracker = createTracker({ provider, journal: fileJournal(path), speed: 100, transport });
      const running = lastValueFrom(tracker.track('v'));
      await firstValueFrom(tracker.track('v'));
      await move(path);
      const errors = await Promise.all([running, firstValueFrom(tracker.track('w'))].map((one) => one.catch(String)));
      for (const error of errors)
        expect(error).toContain(`journal ${path} was moved, deleted or replaced while in use`);
      await expect(running).rejects.toMatchObject({ name: 'TrackingError', reason: 'journal', id: 'v' });
      tracker.close();
      // Nothing was written into what stands there now.
      if (how === 'replaced by a copy') expect((await read(path)).map(({ id }) => id)).toEqual(['v']);
    },
  );

  test('D9 a file that is put back is written again', async () => {
    const path = join(temporaryFolder(), 'tasks.journal');
    const store = fileStore(path);
    await (store.load() as Promise<unknown>);
    await save(store, entry('a'));
    await fs.rename(path, `${path}.old`);
    await expect(save(store, entry('b'))).rejects.toThrow('put the file back');
    await fs.rename(`${path}.old`, path);
    await save(store, entry('c'));
    await (store.close() as Promise<void>);
    expect((await read(path)).map(({ id }) => id)).toEqual(['a', 'c']);
  });

  test('D9 a lock file that is deleted by hand: the next write errors', async () => {
    const path = join(temporaryFolder(), 'tasks.journal');
    const store = fileStore(path);
    await (store.load() as Promise<unknown>);
    const [lock = ''] = (await fs.readdir(join(path, '..'))).filter((name) => name.includes('.lock.'));
    await fs.rm(join(path, '..', lock));
    await expect(save(store, entry('a'))).rejects.toThrow(`${lock} is gone: another process has taken it`);
    await (store.close() as Promise<void>);
    expect(await read(path)).toEqual([]);
  });

  test.each([
    ['a file', 'target.journal', true],
    ['a file that is not there yet', 'target.journal', false],
    ['another link to a file that is not there yet', 'link', false],
  ])('D9 a symbolic link to %s is followed', async (_, name, isThere) => {
    const folder = temporaryFolder();
    const elsewhere = temporaryFolder();
    const target = join(elsewhere, 'target.journal');
    const path = join(folder, 'tasks.journal');
    if (isThere) await grown(target, 1);
    if (name === 'link') await fs.symlink('target.journal', join(elsewhere, name));
    await fs.symlink(join(elsewhere, name), path);
    const store = fileStore(path);
    await (store.load() as Promise<unknown>);
    // Enough to be rewritten, too.
    const text = 'x'.repeat(1000);
    for (let round = 1; round <= 4; round++) {
      await Promise.all(Array.from({ length: 300 }, (__, n) => save(store, entry(`${n} ${text}`, round))));
    }
    await (store.close() as Promise<void>);
    expect((await fs.lstat(path)).isSymbolicLink()).toBe(true);
    expect((await fs.readdir(elsewhere)).sort()).toEqual(
      name === 'link' ? ['link', 'target.journal'] : ['target.journal'],
    );
    expect(await read(target)).toHaveLength(300 + Number(isThere));
  });

  test('D9 a link that leads in a circle, and a path that is no file, are refused', async () => {
    const path = join(temporaryFolder(), 'tasks.journal');
    await fs.symlink(path, path);
    await expect(read(path)).rejects.toThrow(/cannot be opened: ELOOP/);
    await fs.rm(path);
    await fs.mkdir(path);
    await expect(read(path)).rejects.toThrow('it is no file; name a file');
  });

  test('D9 a link in the place of the draft is not followed, at opening nor when the file is rewritten', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'tasks.journal');
    const other = join(temporaryFolder(), 'other');
    writeFileSync(other, 'not ours');
    await fs.symlink(other, `${path}.new`);
    const store = fileStore(path);
    await (store.load() as Promise<unknown>);
    await fs.symlink(other, `${path}.new`);
    const text = 'x'.repeat(1000);
    for (let round = 1; round <= 4; round++) {
      await Promise.all(Array.from({ length: 300 }, (_, n) => save(store, entry(`${n} ${text}`, round))));
    }
    await (store.close() as Promise<void>);
    expect(statSync(path).size).toBeLessThan(1_048_576);
    expect(readFileSync(other, 'utf8')).toBe('not ours');
    expect((await fs.lstat(path)).isSymbolicLink()).toBe(false);
    expect(await fs.readdir(folder)).toEqual(['tasks.journal']);
  });

  test('D9 stray files that are named like a lock have no effect, and stay', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'tasks.journal');
    const lock = `${path}.lock.${'0123456789abcdef'.repeat(2)}`;
    const strays = [`${path}.lock`, `${path}.lock.other.1234.5678.0123456789ab`, `${path}.lock.old`];
    for (const stray of strays) writeFileSync(stray, '');
    writeFileSync(lock, 'my notes');
    await fs.mkdir(`${path}.lock.${'f'.repeat(32)}`);
    execFileSync('mkfifo', [`${path}.lock.${'e'.repeat(32)}`]);
    await grown(path, 1);
    expect(await read(path)).toHaveLength(1);
    expect(await fs.readdir(folder)).toHaveLength(7);
  });
});

describe('lines that are whole, but not as this library writes them', () => {
  const good = { provider: 'alad', id: 'a', trackedAt: 1e12, seq: 1, acked: 0 };
  const last = { status: 'queued', at: 1e12 };
  const written = (record: unknown) => {
    const path = join(temporaryFolder(), 'tasks.journal');
    writeFileSync(path, line('{"journal":"rx-video-tasks","version":1}') + line(JSON.stringify([good, record])));
    return path;
  };

  test.each([
    ['a provider that is no text', 'provider', { ...good, provider: 7 }],
    ['an empty id', 'id', { ...good, id: '' }],
    ['a seq that is no count', 'seq', { ...good, seq: 1.5 }],
    ['acked that is negative', 'acked', { ...good, acked: -1 }],
    ['no trackedAt', 'trackedAt', { ...good, trackedAt: null }],
    ['an unknown status', 'last.status', { ...good, last: { ...last, status: 'done' } }],
    ['a removal that is not one', 'trackedAt', { provider: 'alad', id: 'a', removed: false }],
    ['something else', undefined, 'text'],
  ])('%s: refused and left as it is, with the line and the field', async (_, field, record) => {
    const path = written(record);
    const before = readFileSync(path);
    await expect(read(path)).rejects.toThrow(
      `line 2 is whole, but its record 2 ${field ? `has no valid ${field}` : 'is neither entry nor removal'}; it is left`,
    );
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  test('a description of the wrong type counts as absent, and an unknown field is ignored', async () => {
    const odd = { ...good, id: 'b', model: 7, hint: null, createdAt: 'today', extra: true };
    const path = written({ ...odd, last: { ...last, rawStatus: 1, progress: '50', url: {}, extra: [] } });
    expect(JSON.parse(JSON.stringify(await read(path)))).toEqual([good, { ...good, id: 'b', last }]);
  });
});

describe('D3 a disk that fails', () => {
  const isRoot = process.getuid?.() === 0;
  test('D3 a full disk: refused, nothing that was accepted is lost, and it continues when there is room', async ({
    skip,
  }) => {
    const small = smallDisk('64k', skip);
    const path = join(small, 'tasks.journal');
    const filler = join(small, 'filler');
    const store = fileStore(path);
    await (store.load() as Promise<unknown>);
    const accepted: string[] = [];
    let failure = '';
    for (let n = 0; n < 2000 && failure === ''; n++) {
      const id = `task-${n}-${'x'.repeat(200)}`;
      await save(store, entry(id)).then(
        () => accepted.push(id),
        (error: unknown) => (failure = String(error)),
      );
      if (n === 20) writeFileSync(filler, Buffer.alloc(30_000));
    }
    expect(failure).toContain('ENOSPC');
    expect(accepted.length).toBeGreaterThan(50);
    rmSync(filler);
    await save(store, entry('afterwards'));
    await (store.close() as Promise<void>);
    expect((await read(path)).map(({ id }) => id)).toEqual([...accepted, 'afterwards']);
  });

  test('D3 a failed sync: nothing more is accepted until it is opened again', async () => {
    const path = join(temporaryFolder(), 'tasks.journal');
    await grown(path, 1);
    const probe = await fs.open(path, 'r');
    const handles = Object.getPrototypeOf(probe) as { datasync: () => Promise<void> };
    await probe.close();
    const real = handles.datasync;
    onTestFinished(() => {
      handles.datasync = real;
    });
    const store = fileStore(path);
    await (store.load() as Promise<unknown>);
    await save(store, entry('before'));
    handles.datasync = () => Promise.reject(new Error('EIO: i/o error, fdatasync'));
    await expect(save(store, entry('during'))).rejects.toThrow('is read-only after a failed write: EIO');
    handles.datasync = real;
    await expect(save(store, entry('after'))).rejects.toThrow('make a new tracker once the disk has recovered');
    await (store.close() as Promise<void>);
    expect((await read(path)).map(({ id }) => id)).toEqual(expect.arrayContaining(['task-1', 'before']));
  });

  test('D3 a file that may not be written', async ({ skip }) => {
    const folder = temporaryFolder();
    const path = join(folder, 'tasks.journal');
    await grown(path, 1);
    let locked = false;
    try {
      execFileSync('chattr', ['+i', path], { stdio: 'ignore' });
      locked = true;
    } catch {
      await fs.chmod(path, 0o400);
      if (isRoot) skip('root writes what it likes, and this file system has no chattr +i');
    }
    try {
      await expect(read(path)).rejects.toThrow(/cannot be opened: E(PERM|ACCES)/);
    } finally {
      if (locked) execFileSync('chattr', ['-i', path]);
    }
  });
});

test('D7 100,000 open tasks are loaded at ten times the work of 10,000, and asked about one after the other', async () => {
  const file = await program(
    'resuming',
    `import { createTracker, xingchaoyiqing } from 'rx-video-tasks';
     import { fileJournal } from 'rx-video-tasks/node';
     import { NEVER } from 'rxjs';
     const before = process.cpuUsage();
     let first;
     let asks = 0;
     const ask = () => {
       if (asks++ === 0) first = { at: performance.now(), worked: process.cpuUsage(before) };
       if (asks < Number(process.argv[3])) return;
       const { user, system } = first.worked;
       console.log(JSON.stringify({ work: (user + system) / 1000, spread: performance.now() - first.at }));
       process.exit();
     };
     const tracker = createTracker({
       provider: xingchaoyiqing({ apiKey: 'k1234567' }),
       journal: fileJournal(process.argv[2]),
       transport: () => (ask(), NEVER),
       gate: { admit: (_ticket, request) => request },
     });
     tracker.resume().subscribe({ error: (error) => console.log(String(error)) });
`,
  );
  /** The CPU time until the first ask, which comes when all are loaded, and the time of so many asks, in ms. */
  const resume = async (count: number, asks: number) => {
    const path = join(temporaryFolder(), 'tasks.journal');
    const lines = [line('{"journal":"rx-video-tasks","version":1}')];
    const known = { provider: 'xingchaoyiqing', trackedAt: Date.now(), model: 'seedance_1_5_pro_720p', acked: 1 };
    const last = { status: 'queued', rawStatus: 'queued', at: Date.now() };
    for (let at = 0; at < count; at += 100) {
      const entries = Array.from({ length: 100 }, (_, n) => ({
        ...entry(`video_${at + n}_${'x'.repeat(24)}`, 1),
        ...known,
        last,
      }));
      lines.push(line(JSON.stringify(entries)));
    }
    writeFileSync(path, lines.join(''));
    const child = start(file, path, String(asks));
    expect(await child.ended).toBe(0);
    return JSON.parse(child.output()) as { work: number; spread: number };
  };
  const few = await resume(10_000, 1);
  const many = await resume(100_000, 5_000);
  console.log(`D7: 100,000 loaded with ${Math.round(many.work)} ms of work, 10,000 with ${Math.round(few.work)} ms`);
  expect(many.work / few.work).toBeLessThan(12);
  // All are asked over 30 to 60 s, so 5,000 take 1.5 s at least.
  expect(many.spread).toBeGreaterThan(1000);
});
