import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { appendFileSync, copyFileSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { JournalEntry } from 'rx-video-tasks';
import { expect, onTestFinished, test } from 'vitest';
import { fileStore } from '../../../src/node/journal/file-journal.js';
import { encodeRecords, HEADER } from '../../../src/node/journal/log-format.js';
import { program, start, temporaryFolder } from '../children.js';
import { isLong, repetitions } from '../../repetitions.js';

const KILLS = isLong ? 300 : repetitions(30);
const NEW_TASKS = 20;

/** A service that says queued, processing and completed about each task, one after the other; it goes on after every crash. */
async function startService() {
  const asked = new Map<string, number>();
  let onRequest = () => {};
  const server = createServer(({ url = '' }, response) => {
    onRequest();
    const id = url.slice(url.lastIndexOf('/') + 1);
    const times = (asked.get(id) ?? 0) + 1;
    asked.set(id, times);
    const status = ['queued', 'queued', 'processing', 'processing', 'processing'][times - 1] ?? 'completed';
    const video_url = status === 'completed' ? `http://127.0.0.1/${id}.mp4?token=${times}` : null;
    response.end(JSON.stringify({ id, status, video_url, error: null }));
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  /** Resolves when so many requests have come from now on. */
  const requests = (count: number) =>
    new Promise<void>((resolve) => {
      let left = count;
      onRequest = () => {
        if (--left === 0) resolve();
      };
    });
  return { asked, requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

test('D1 killed at random points: nothing accepted is lost, what was acknowledged does not come again, nothing twice after (task, seq)', async () => {
  const file = await program(
    'tracking',
    `import { appendFileSync } from 'node:fs';
       import { createTracker, isTerminal, xingchaoyiqing } from 'rx-video-tasks';
       import { fileJournal, undiciTransport } from 'rx-video-tasks/node';
       import { merge } from 'rxjs';
       const [folder, baseUrl, run, count] = process.argv.slice(2);
       const log = (line) => appendFileSync(folder + '/consumer.log', line + '\\n');
       const transport = undiciTransport();
       const tracker = createTracker({
         provider: xingchaoyiqing({ apiKey: 'k1234567', baseUrl }),
         transport, speed: 1000, journal: fileJournal(folder + '/tasks.journal'),
       });
       const ids = Array.from({ length: Number(count) }, (_, n) => 'task-' + run + '-' + n);
       console.log('started');
       const how = { ack: 'manual' };
       merge(tracker.resume(how), tracker.trackAll(ids, how)).subscribe({
         next: (task) => {
           log(['received', run, task.id, task.seq, task.status].join(' '));
           tracker.ack(task).subscribe({ complete: () => log(['acked', run, task.id, task.seq].join(' ')) });
         },
         error: (error) => console.log(String(error)),
         complete: () => { tracker.close(); transport.close(); },
       });`,
  );
  const folder = temporaryFolder();
  const { asked, requests, url } = await startService();
  for (let run = 1; run <= KILLS; run++) {
    // By count, not by time: a busy machine starts the process late, and a quick one is done early.
    const reached = requests(1 + Math.floor(Math.random() * 3 * NEW_TASKS));
    const child = start(file, folder, url, String(run), String(NEW_TASKS));
    await child.printed('started');
    await Promise.race([reached, child.ended]);
    await sleep(Math.random() * 5);
    child.process.kill('SIGKILL');
    await child.ended;
    expect(child.output()).toBe('started\n');
  }
  const last = start(file, folder, url, String(KILLS + 1), '0');
  expect(await last.ended).toBe(0);
  expect(last.output()).toBe('started\n');

  const acked = new Set<string>();
  const received = new Map<string, string>();
  const seqs = new Map<string, number[]>();
  let repeated = 0;
  for (const line of readFileSync(join(folder, 'consumer.log'), 'utf8').trimEnd().split('\n')) {
    const [what, , id = '', seq = '', status = ''] = line.split(' ');
    const key = `${id} ${seq}`;
    if (what === 'acked') {
      acked.add(key);
      continue;
    }
    expect(acked.has(key), `${key} came again after it was acknowledged`).toBe(false);
    if (received.has(key)) {
      repeated++;
      expect(received.get(key)).toBe(status);
    } else {
      received.set(key, status);
      seqs.set(id, [...(seqs.get(id) ?? []), Number(seq)]);
    }
  }
  // Asked about means accepted: a task is durable before its first poll.
  expect(asked.size).toBeGreaterThan(KILLS);
  expect([...seqs.keys()].sort()).toEqual([...asked.keys()].sort());
  for (const [id, numbers] of seqs) {
    expect(numbers, id).toEqual(numbers.map((_, n) => n + 1));
    const statuses = numbers.map((seq) => received.get(`${id} ${seq}`));
    expect(statuses.filter((status) => status === 'completed')).toHaveLength(1);
    expect(statuses.at(-1)).toBe('completed');
  }
  console.log(`D1: ${KILLS} kills, ${asked.size} tasks, ${received.size} transitions, ${repeated} came again`);
}, 600_000);

test('D4 a crash inside compaction, at each system call: the old file or the new one', async () => {
  const file = await program(
    'compacting',
    `import { promises as fs } from 'node:fs';
     import { fileStore } from './src/node/journal/file-journal.js';
     const [path, at, half] = process.argv.slice(2);
     const { writeSync } = require('node:fs');
     let calls = -Infinity;
     const count = (target, names) => {
       for (const name of names) {
         const real = target[name];
         target[name] = async function (...args) {
           if (++calls === Number(at)) {
             writeSync(1, 'killed at ' + name);
             // In the middle of a write, or before the call.
             if (half === 'half') {
               await real.call(this, args[0], args[1], Math.ceil(args[2] / 2), args[3]);
             }
             process.kill(process.pid, 'SIGKILL');
             return new Promise(() => {});
           }
           return real.apply(this, args);
         };
       }
     };
     (async () => {
       const probe = await fs.open(path, 'r');
       count(Object.getPrototypeOf(probe), ['write', 'sync', 'datasync', 'truncate', 'close', 'stat']);
       await probe.close();
       count(fs, ['open', 'rename', 'rm']);
       const store = fileStore(path);
       await store.load();
       calls = 0;
       await store.save({ provider: 'alad', id: 'new', trackedAt: 1e12, seq: 1, acked: 0 });
       console.log('saved');
       await store.close();
       console.log('calls ' + calls);
     })();`,
  );
  const folder = temporaryFolder();
  const big = join(folder, 'big');
  // 2,500 entries, of which each was saved four times: the next save rewrites the file.
  const ids = Array.from({ length: 2500 }, (_, n) => `task-${n}-${'x'.repeat(40)}`);
  const saved = [1, 2, 3, 4].map((seq) =>
    encodeRecords(ids.map((id) => ({ provider: 'alad', id, trackedAt: 1e12, seq, acked: 0 }))),
  );
  writeFileSync(big, Buffer.concat([HEADER, ...saved]));
  const bigSize = statSync(big).size;
  expect(bigSize).toBeGreaterThan(1_048_576);

  const path = join(folder, 'tasks.journal');
  const outcomes = { old: 0, new: 0 };
  let calls = Infinity;
  const writes = new Set<number>();
  for (const half of ['whole', 'half']) {
    for (let at = 1; at <= calls && at < 60; at++) {
      if (half === 'half' && !writes.has(at)) continue;
      copyFileSync(big, path);
      // A draft that an earlier crash left has no effect.
      appendFileSync(`${path}.new`, 'half a file');
      const child = start(file, path, String(at), half);
      const code = await child.ended;
      const isSaved = child.output().includes('saved');
      if (child.output().includes('killed at write')) writes.add(at);
      calls = Number(/calls (\d+)/.exec(child.output())?.[1] ?? calls);
      if (calls === Infinity) expect(code).toBe('SIGKILL');
      if (statSync(path).size < bigSize / 2) outcomes.new++;
      else outcomes.old++;

      const again = fileStore(path);
      const entries = await (again.load() as Promise<readonly JournalEntry[]>);
      await (again.close() as Promise<void>);
      const held = entries.filter(({ id }) => id !== 'new');
      expect(held.map(({ id }) => id)).toEqual(ids);
      expect(held.every(({ seq }) => seq === 4)).toBe(true);
      if (isSaved) expect(entries).toHaveLength(held.length + 1);
      expect(readdirSync(folder).sort()).toEqual(['big', 'tasks.journal']);
      writeFileSync(path, '');
    }
  }
  expect(calls).toBeGreaterThan(8);
  expect(calls).toBeLessThan(60);
  expect(writes.size).toBeGreaterThan(1);
  expect(outcomes.old).toBeGreaterThan(8);
  expect(outcomes.new).toBeGreaterThan(3);
  console.log(
    `D4: killed at each of ${calls} calls; found the old file ${outcomes.old} times, the new one ${outcomes.new}`,
  );
});
