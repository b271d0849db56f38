import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Task } from 'rx-video-tasks';
import { linesOf, runCli } from './run-cli.js';

describe('sandbox', () => {
  it('says how to talk to it, in commands that work as pasted, and ends with Ctrl-C', async () => {
    let visit: Promise<void> | undefined;
    const { code, stdout } = await runCli(['sandbox', '--speed', '300', '--seed', '7'], {
      onOutput: (told, child) => {
        if (!told.includes('watch alad')) return;
        visit ??= paste(told).finally(() => child.kill('SIGINT'));
      },
    });
    await visit;
    expect(code).toBe(130);
    const { url } = /(?<url>http:\S+:\d+),/.exec(stdout)?.groups ?? {};
    await expect(fetch(url ?? '')).rejects.toThrow('fetch failed');
  });

  it('says so when its port is taken', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const port = String((server.address() as AddressInfo).port);
    const { code, stderr } = await runCli(['sandbox', '--port', port]);
    server.close();
    expect(stderr).toContain(`--port: ${port} cannot be had (EADDRINUSE); write another`);
    expect(code).toBe(2);
  });
});

/** Does what the sandbox says: sets its keys, asks once at each service, watches at one. */
async function paste(welcome: string): Promise<void> {
  const env = Object.fromEntries(
    [...welcome.matchAll(/export (\w+)=(\S+)/g)].map(([, name, key]) => [name, key]),
  ) as Record<string, string>;
  expect(Object.keys(env)).toHaveLength(5);
  const questions = [...welcome.matchAll(/curl -H "Authorization: Bearer \$(\w+)" (\S+)/g)];
  expect(questions).toHaveLength(5);
  for (const [, name = '', url = ''] of questions) {
    const response = await fetch(url, { headers: { authorization: `Bearer ${env[name] ?? ''}` } });
    expect(response.status).toBe(200);
  }
  for (const [, args = ''] of welcome.matchAll(/cli\.js (watch .*)/g)) {
    const { code, stdout } = await runCli([...args.split(' '), '--json'], { env });
    expect(linesOf(stdout).filter((line) => line.includes('"completed"'))).toHaveLength(2);
    expect(code).toBe(0);
  }
}

describe('demo', () => {
  it('takes a dozen tasks of all five providers to their videos', async () => {
    const { code, stdout, stderr } = await runCli(['demo', '--speed', '600', '--json']);
    const tasks = linesOf(stdout).map((line) => JSON.parse(line) as Task);
    const videos = tasks.filter(({ status }) => status === 'completed');
    expect(videos).toHaveLength(12);
    expect(new Set(videos.map(({ provider }) => provider)).size).toBe(5);
    expect(stderr).toContain('export ALAD_API_KEY=...');
    expect(code).toBe(0);
  });

  it('says where your own tasks are when a key is set, and does not show it', async () => {
    const key = 'sk-verysecretkey1234567890';
    const { stdout, stderr } = await runCli(['demo', '--speed', '1000', '--json'], { env: { MINGYAN_API_KEY: key } });
    expect(stderr).toContain('MINGYAN_API_KEY is set');
    expect(stderr).toContain('watch mingyan ID...');
    expect(stdout + stderr).not.toContain(key);
  });
});
