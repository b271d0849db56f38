import { readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Task } from 'rx-video-tasks';
import { startSandbox, type Sandbox } from 'rx-video-tasks/sandbox';
import { linesOf, runCli, runProcess, temporary } from './run-cli.js';
import { runOnTerminal } from './terminal.js';

describe('sandbox', () => {
  test('prints how to query it, in commands that work as pasted, and ends with Ctrl-C', async () => {
    let visit: Promise<void> | undefined;
    const { code, stdout } = await runCli(['sandbox', '--speed', '300', '--seed', '7'], {
      onOutput: (output, child) => {
        if (!output.includes('watch alad')) return;
        visit ??= paste(output).finally(() => child.kill('SIGINT'));
      },
    });
    await visit;
    expect(code).toBe(130);
    const { url } = /(?<url>http:\S+:\d+),/.exec(stdout)?.groups ?? {};
    await expect(fetch(url ?? '')).rejects.toThrow('fetch failed');
  });

  test('exits with a message when its port is taken', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const port = String((server.address() as AddressInfo).port);
    const { code, stderr } = await runCli(['sandbox', '--port', port]);
    server.close();
    expect(stderr).toContain(`--port: ${port} is not available (EADDRINUSE); write another`);
    expect(code).toBe(2);
  });
});

/** Does what the sandbox says: sets its keys, asks once at each service, watches at one. */
async function paste(welcome: string): Promise<void> {
  const env = Object.fromEntries(
    [...welcome.matchAll(/(\w+_(?:API_KEY|BASE_URL))=(\S+)/g)].map(([, name, value]) => [name, value]),
  ) as Record<string, string>;
  expect(Object.keys(env)).toHaveLength(10);
  const questions = [...welcome.matchAll(/curl -H "Authorization: Bearer \$(\w+)" (\S+)/g)];
  expect(questions).toHaveLength(5);
  for (const [, name = '', url = ''] of questions) {
    const response = await fetch(url, { headers: { authorization: `Bearer ${env[name] ?? ''}` } });
    expect(response.status).toBe(200);
  }
  // In any directory, and in a shell that has no such program on its PATH.
  const commands = [...welcome.matchAll(/^ +(node .* watch .*)$/gm)].map(([, command = '']) => command);
  expect(commands).toHaveLength(6);
  const runs = await Promise.all(
    commands.map((command) => runProcess('bash', ['-c', `${command} --json`], { env, cwd: temporary })),
  );
  for (const [nth, { code, stdout, stderr }] of runs.entries()) {
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const completed = linesOf(stdout).filter((line) => line.includes('"status":"completed"'));
    expect(completed).toHaveLength(nth < 5 ? 2 : 5);
  }
  expect(readdirSync(join(temporary, 'videos'))).toHaveLength(5);
}

describe('demo', () => {
  test('takes a dozen tasks of all five providers to their ends: a failure, a cancellation and a missed poll among them', async () => {
    const { code, stdout, stderr } = await runCli(['demo', '--speed', '600', '--json']);
    const tasks = linesOf(stdout).map((line) => JSON.parse(line) as Task);
    const videos = tasks.filter(({ status }) => status === 'completed');
    expect(videos).toHaveLength(10);
    const others = tasks
      .map(({ status }) => status as string)
      .filter((status) => /failed|cancelled|missed/.test(status));
    expect(others.sort()).toEqual(['cancelled', 'failed', 'missed']);
    expect(new Set(videos.map(({ provider }) => provider)).size).toBe(5);
    expect(stderr).toContain('export ALAD_API_KEY=...');
    expect(code).toBe(0);
  });

  test('prints how to watch your own tasks when keys are set, and does not show them', async () => {
    const key = 'sk-verysecretkey1234567890';
    const { stdout, stderr } = await runCli(['demo', '--speed', '1000', '--json'], {
      env: { ALAD_API_KEY: key, MINGYAN_API_KEY: key },
    });
    expect(stderr).toContain('MINGYAN_API_KEY, ALAD_API_KEY are set');
    expect(stderr).toContain('cli.js demo mingyan:ID alad:ID\n');
    expect(stdout + stderr).not.toContain(key);
  });

  describe('with tasks of your own', () => {
    let sandbox: Sandbox;
    let env: Record<string, string>;
    beforeAll(async () => {
      sandbox = await startSandbox({ speed: 300, seed: 1 });
      env = Object.fromEntries(
        (['alad', 'mingyan'] as const).flatMap((name) => [
          [`${name.toUpperCase()}_API_KEY`, sandbox.keys[name]],
          [`${name.toUpperCase()}_BASE_URL`, `${sandbox.url}/${name}`],
        ]),
      );
    });
    afterAll(() => sandbox.close());

    test('watches them at their services, saves their videos and says where', async () => {
      const args = ['demo', 'alad:asyntask_1', '-', '--speed', '300', '--allow-host', new URL(sandbox.url).host];
      const { code, stdout, stderr } = await runCli(args, { env, input: 'mingyan:video_1\nalad:asyntask_1\n' });
      expect(stdout).toMatch(/ alad asyntask_1 completed http/);
      expect(stdout).toMatch(/ mingyan video_1 completed http/);
      expect(stderr).toMatch(/^2 tasks: 2 completed/);
      const [, directory = ''] = /The videos are in (\S+)/.exec(stderr) ?? [];
      expect(readdirSync(directory)).toHaveLength(2);
      expect(code).toBe(0);
    });

    test('leaves no directory where nothing came, exits with 1, and prints why on a terminal too', async () => {
      const { id } = sandbox.create({ provider: 'alad', outcome: 'failed', reason: 'no faces' });
      const before = readdirSync(temporary);
      const { code, screen } = await runOnTerminal(['demo', `alad:${id}`, '--speed', '300'], { env });
      expect(screen).toContain(`\nalad ${id} failed: no faces`);
      expect(readdirSync(temporary)).toEqual(before);
      expect(code).toBe(1);
    });

    test('refuses a line that names no service, and loses one whose key is not set', async () => {
      const lost = await runCli(['demo', '-', '--speed', '300'], { env, input: 'anyfast:asyntask_1\n' });
      expect(lost.stdout).toMatch(/ anyfast asyntask_1 lost: .* write export ANYFAST_API_KEY=/);
      expect(lost.code).toBe(1);
      const { code, stderr } = await runCli(['demo', '-'], { env, input: 'asyntask_1\n' });
      expect(stderr).toContain('"asyntask_1" names no service; write PROVIDER:ID');
      expect(code).toBe(2);
      const none = await runCli(['demo', '-'], { input: 'alad:asyntask_1\n' });
      expect(none.stderr).toContain('no key is set');
      expect(none.code).toBe(2);
    });
  });
});
