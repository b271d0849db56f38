import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Observable, of } from 'rxjs';
import { alad } from 'rx-video-tasks';
import { saveVideo, type VideoSink } from 'rx-video-tasks/node';
import { completedTask } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { program, start, temporaryFolder } from '../children.js';
import { only, saving, serving, task } from './saving.js';
import { mp4 } from './video-server.js';

const FILE = mp4(50_000);

describe('W12 unsubscribing', () => {
  test('W12 during the wait for another attempt: nothing keeps the process', async () => {
    const { url, directory } = await serving((_, response) => response.writeHead(503, { 'retry-after': '900' }).end());
    const file = await program(
      'unsubscribing',
      `import { of } from 'rxjs';
       import { saveVideo } from 'rx-video-tasks/node';
       const [directory, url] = process.argv.slice(2);
       const task = { id: 'x', provider: 'p', status: 'completed', rawStatus: 's', observedAt: 0, video: { url } };
       const subscription = of(task).pipe(saveVideo({ directory, allowHosts: [new URL(url).host] })).subscribe();
       setTimeout(() => subscription.unsubscribe(), 500);`,
    );
    const child = start(file, directory, url);
    expect(await child.ended).toBe(0);
    expect(child.output()).toBe('');
  });

  test('W12 before the request is sent: nothing keeps the process', async () => {
    const file = await program(
      'unsubscribing-early',
      `import { of } from 'rxjs';
       import { saveVideo } from 'rx-video-tasks/node';
       const video = { url: 'http://127.0.0.1:1/v.mp4' };
       const task = { id: 'x', provider: 'p', status: 'completed', rawStatus: 's', observedAt: 0, video };
       const idle = async () => undefined;
       const draft = { restart: idle, write: idle, commit: idle, close: idle, discard: idle };
       const begin = async () => {
         await new Promise(setImmediate);
         subscription.unsubscribe();
         return draft;
       };
       const options = { sink: { begin }, allowHosts: ['127.0.0.1:1'], timeout: 3_600_000 };
       const subscription = of(task).pipe(saveVideo(options)).subscribe();`,
    );
    const child = start(file);
    expect(await child.ended).toBe(0);
    expect(child.output()).toBe('');
  });

  test('W12 while the key function runs: that is unsubscribed from', async () => {
    let state = 'not asked';
    const apiKey = () =>
      new Observable<never>(() => {
        state = 'asked';
        return () => (state = 'unsubscribed');
      });
    const provider = alad({ apiKey, baseUrl: 'http://127.0.0.1:1' });
    const video = { url: 'http://127.0.0.1:1/content', requiresKey: true as const };
    const subscription = of(completedTask({ id: 'x', provider: 'alad', video }))
      .pipe(saveVideo({ directory: temporaryFolder(), provider }))
      .subscribe();
    await expect.poll(() => state).toBe('asked');
    subscription.unsubscribe();
    expect(state).toBe('unsubscribed');
  });

  test('W12 while another machine seems to save the same video: the wait ends, and its lock stays', async () => {
    const { url, directory } = await serving((_, response) => response.end(FILE));
    await saving(url, { directory });
    const path = only(directory);
    rmSync(path);
    const lock = `${path}.lock.${'0'.repeat(32)}`;
    const lease = { lock: 'rx-video-tasks', version: 1, renewals: '000000000000', host: 'elsewhere', pid: 1 };
    writeFileSync(lock, `${JSON.stringify(lease)}\n`);
    const file = await program(
      'unsubscribing-locked',
      `import { of } from 'rxjs';
       import { saveVideo } from 'rx-video-tasks/node';
       const [directory, url] = process.argv.slice(2);
       const task = { id: 'task', provider: 'scripted', status: 'completed', rawStatus: 's', observedAt: 0, video: { url } };
       const subscription = of(task).pipe(saveVideo({ directory, allowHosts: [new URL(url).host] })).subscribe();
       setTimeout(() => subscription.unsubscribe(), 500);`,
    );
    const child = start(file, directory, url);
    expect(await child.ended).toBe(0);
    expect(child.output()).toBe('');
    // A process that waits to the end removes an expired lease.
    expect(readdirSync(directory)).toEqual([basename(lock)]);
  });

  test('W12 while a sink waits: its signal is aborted', async () => {
    const begun: AbortSignal[] = [];
    const sink: VideoSink = {
      begin: (_task, { signal }) => {
        begun.push(signal);
        return new Promise(() => undefined);
      },
    };
    const subscription = of(task('http://127.0.0.1:1/v.mp4')).pipe(saveVideo({ sink })).subscribe();
    await expect.poll(() => begun.map(({ aborted }) => aborted)).toEqual([false]);
    subscription.unsubscribe();
    expect(begun.map(({ aborted }) => aborted)).toEqual([true]);
  });

  test('W12 during the query for a fresh URL: that is unsubscribed from', async () => {
    const { url, host, directory } = await serving((_, response) => response.writeHead(403).end());
    let state = 'not asked';
    const query = () =>
      new Observable<never>(() => {
        state = 'asked';
        return () => (state = 'unsubscribed');
      });
    const subscription = of(task(url))
      .pipe(saveVideo({ directory, allowHosts: [host], query }))
      .subscribe();
    await expect.poll(() => state).toBe('asked');
    subscription.unsubscribe();
    expect(state).toBe('unsubscribed');
  });
});
