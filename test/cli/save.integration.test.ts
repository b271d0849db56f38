import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lastValueFrom, take } from 'rxjs';
import { alad, createTracker, mingyan } from 'rx-video-tasks';
import { fileJournal } from 'rx-video-tasks/node';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { startSandbox, type Sandbox } from 'rx-video-tasks/sandbox';
import { linesOf, runCli, temporary } from './run-cli.js';
import { runOnTerminal } from './terminal.js';

let sandbox: Sandbox;
let env: Record<string, string>;
let folder: string;
let video: Buffer;

beforeAll(async () => {
  sandbox = await startSandbox({ speed: 300, seed: 1 });
  env = { ALAD_API_KEY: sandbox.keys.alad, MINGYAN_API_KEY: sandbox.keys.mingyan };
  folder = mkdtempSync(join(tmpdir(), 'cli-save-'));
});
afterAll(async () => {
  await sandbox.close();
  rmSync(folder, { recursive: true });
});

const at = (service: string) => ['--base-url', `${sandbox.url}/${service}`, '--speed', '300'];
const host = () => ['--allow-host', new URL(sandbox.url).host];
const videosIn = (directory: string) => readdirSync(directory).filter((name) => name.endsWith('.mp4'));

describe('--save', () => {
  test('saves the videos, prints where, and exits with 0', async () => {
    const directory = join(folder, 'made', 'when-needed');
    const args = ['watch', 'alad', 'asyntask_a', 'asyntask_b', '--save', directory, ...host(), ...at('alad')];
    const { code, stdout } = await runCli(args, { env });
    expect(code).toBe(0);
    const saved = linesOf(stdout).filter((line) => line.includes(' saved '));
    expect(saved).toHaveLength(2);
    expect(videosIn(directory)).toHaveLength(2);
    for (const line of saved) {
      video = readFileSync(line.slice(line.indexOf(' saved ') + 7));
      expect(video.toString('latin1', 4, 8)).toBe('ftyp');
    }
  });

  test('saves from the host of --base-url without naming it', async () => {
    const directory = join(folder, 'allowed');
    const { code } = await runCli(['watch', 'alad', 'asyntask_a', '--save', directory, ...at('alad')], { env });
    expect(code).toBe(0);
    expect(videosIn(directory)).toHaveLength(1);
  });

  test('refuses a video from another host on this machine with exit code 1, and prints which flag allows it', async () => {
    const directory = join(folder, 'refused');
    const server = createServer((_, response) => {
      response.end(JSON.stringify({ id: 'video_1', status: 'completed', video_url: `${sandbox.url}/v.mp4` }));
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const args = ['watch', 'mingyan', 'video_1', '--save', directory, '--base-url', base];
    const { code, stdout } = await runCli(args, { env });
    server.close();
    expect(stdout).toMatch(/ mingyan video_1 not saved: 127\.0\.0\.1:\d+ is at 127\.0\.0\.1, .*--allow-host/);
    expect(stdout).not.toContain('allowHosts');
    expect(code).toBe(1);
    expect(videosIn(directory)).toEqual([]);
  });

  test('prints downloads in NDJSON, and shows them on the board', async () => {
    const directory = join(folder, 'board');
    const args = ['watch', 'alad', 'asyntask_c', '--save', directory, ...host(), ...at('alad')];
    const { stdout } = await runCli([...args, '--json'], { env });
    const lines = linesOf(stdout).map((line) => JSON.parse(line) as { status: string; task?: unknown });
    expect(lines.slice(-2)).toMatchObject([
      { status: 'saving' },
      { status: 'saved', id: 'asyntask_c', bytes: video.length },
    ]);
    expect(lines.at(-1)?.task).toBeUndefined();
    const board = await runOnTerminal(args, { env });
    expect(board.code).toBe(0);
    expect(board.screen).toMatch(/✔ alad +asyntask_c .*100%.*saved/);
    expect(board.screen).toMatch(/\nalad asyntask_c saved .*board\/alad-asyntask_c-/);
  });
});

test('saves a video that only the gateway serves, with the key', async () => {
  const directory = join(folder, 'gateway');
  const server = createServer(({ url = '', headers }, response) => {
    if (headers.authorization !== `Bearer ${sandbox.keys.mingyan}`) response.writeHead(401).end();
    else if (url.endsWith('/content')) response.setHeader('content-type', 'video/mp4').end(video);
    else response.end(JSON.stringify({ id: 'video_1', status: 'completed', video_url: '/v1/videos/video_1/content' }));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const args = ['watch', 'mingyan', 'video_1', '--save', directory, '--base-url', base];
  const { code, stdout } = await runCli(args, { env });
  server.close();
  expect(stdout).toContain(' mingyan video_1 saved ');
  expect(code).toBe(0);
  expect(videosIn(directory)).toHaveLength(1);
});

describe('--journal', () => {
  test('emits what was not delivered before, though it reads the journal first', async () => {
    const journal = join(folder, 'undelivered.journal');
    const { transport } = scriptedTransport(['q', 'never'], { latency: 0 });
    const provider = alad({ apiKey: 'test-key-0123456789' });
    const tracker = createTracker({ provider, transport, journal: fileJournal(journal) });
    const ids = ['asyntask_u', 'asyntask_w'];
    await lastValueFrom(tracker.trackAll(ids, { ack: 'manual' }).pipe(take(2)));
    tracker.close();
    const rest = ['--journal', journal, '--save', join(folder, 'undelivered'), '--json', ...host(), ...at('alad')];
    const { stdout } = await runCli(['resume', 'alad', ...rest], { env });
    const lines = linesOf(stdout).map((line) => JSON.parse(line) as { id: string; seq?: number });
    expect(lines.filter(({ seq }) => seq === 1).map(({ id }) => id)).toEqual(ids);
  });

  test('killed with -9 and resumed, it continues where it was: every video is saved', async () => {
    const journal = join(folder, 'tasks.journal');
    const directory = join(folder, 'journal');
    const ids = Array.from({ length: 6 }, () => sandbox.create({ provider: 'alad' }).id);
    const rest = ['--journal', journal, '--save', directory, ...host(), ...at('alad')];
    const first = await runCli(['watch', 'alad', ...ids, ...rest], {
      env,
      onOutput: (output, child) => {
        if (linesOf(output).length >= ids.length) child.kill('SIGKILL');
      },
    });
    expect(first.code).toBe('SIGKILL');
    const second = await runCli(['resume', 'alad', ...rest], { env });
    expect(second.code).toBe(0);
    expect(videosIn(directory)).toHaveLength(ids.length);
    expect(readFileSync(journal, 'utf8')).not.toContain(sandbox.keys.alad.slice(3, 11));
    expect(readFileSync(journal, 'utf8')).not.toMatch(/Signature|auth_key/);

    const third = await runCli(['resume', '--journal', journal], { env });
    expect(third).toEqual({ code: 0, stdout: '', stderr: 'Nothing in the journal is left to do.\n' });
  });

  test('a task that was lost for its key goes on with the right one, and its video is saved', async () => {
    const journal = join(folder, 'key.journal');
    const rest = ['--journal', journal, '--save', join(folder, 'key'), ...at('alad')];
    const wrong = { ALAD_API_KEY: 'test-key-0123456789' };
    const first = await runCli(['watch', 'alad', 'asyntask_l', ...rest], { env: wrong });
    expect(first).toMatchObject({ code: 1, stdout: expect.stringContaining(' alad asyntask_l lost: ') as string });
    const second = await runCli(['resume', 'alad', ...rest], { env });
    expect(second).toMatchObject({ code: 0, stdout: expect.stringContaining(' alad asyntask_l saved ') as string });
  });

  test('shows what it goes on with on a board, the downloads too', async () => {
    const journal = join(folder, 'board.journal');
    const directory = join(folder, 'board-journal');
    const rest = ['--journal', journal, '--save', directory, ...at('alad')];
    const failed = sandbox.create({ provider: 'alad', outcome: 'failed' }).id;
    expect((await runCli(['watch', 'alad', failed, ...rest], { env })).code).toBe(1);
    const { transport } = scriptedTransport(['s'], { latency: 0 });
    const provider = alad({ apiKey: 'test-key-0123456789' });
    const tracker = createTracker({ provider, transport, journal: fileJournal(journal) });
    await lastValueFrom(tracker.track('asyntask_j', { ack: 'manual' }));
    tracker.close();
    const { code, screen } = await runOnTerminal(['resume', 'alad', ...rest], { env });
    expect(screen).toMatch(/✔ alad +asyntask_j .*100%.*saved/);
    // The one that failed is done with.
    expect(screen).toMatch(/\b1 task: 1 completed, /);
    expect(screen).toMatch(/\nalad asyntask_j saved .*board-journal\/alad-asyntask_j-/);
    expect(code).toBe(0);
  });

  test('resumes the tasks whose keys are set, and prints which variable is missing for the others', async () => {
    const journal = join(folder, 'keys.journal');
    const { transport } = scriptedTransport(['p', 'never'], { latency: 0 });
    const apiKey = 'test-key-0123456789';
    const providers = [alad({ apiKey }), mingyan({ apiKey }), alad({ apiKey, name: 'acme' })];
    const tracker = createTracker({ provider: providers, transport, journal: fileJournal(journal) });
    const refs = providers.map(({ name }) => ({
      provider: name,
      id: { alad: 'asyntask_k', mingyan: 'video_k' }[name] ?? 'asyntask_other',
    }));
    await lastValueFrom(tracker.trackAll(refs, { ack: 'manual' }).pipe(take(3)));
    tracker.close();

    const none = await runCli(['resume', '--journal', journal], { env: {} });
    expect(none.stderr).toContain('1 task of alad stays in the journal: ALAD_API_KEY is not set\n');
    expect(none).toMatchObject({ code: 2, stdout: '' });

    const known = { ALAD_API_KEY: sandbox.keys.alad, ALAD_BASE_URL: `${sandbox.url}/alad` };
    const some = await runCli(['resume', '--journal', journal, '--speed', '300'], { env: known });
    expect(some.stdout).toMatch(/ alad asyntask_k completed /);
    expect(some.stdout).not.toMatch(/mingyan|acme/);
    expect(some.stderr).toContain('1 task of mingyan stays in the journal: MINGYAN_API_KEY is not set\n');
    expect(some.stderr).toContain('1 task of acme stays in the journal: not a provider of this command\n');
    expect(some.code).toBe(0);

    // What was left alone comes as if nothing had happened meanwhile.
    const later = { MINGYAN_API_KEY: sandbox.keys.mingyan, MINGYAN_BASE_URL: `${sandbox.url}/mingyan` };
    const rest = await runCli(['resume', '--journal', journal, '--speed', '300', '--json'], { env: later });
    expect(linesOf(rest.stdout).map((line) => (JSON.parse(line) as { seq: number }).seq)[0]).toBe(1);
  });

  test.each([
    ['no journal', ['resume'], 'write resume --journal FILE'],
    ['ids', ['resume', 'alad', 'asyntask_a', '--journal', 'x'], 'takes its tasks from the journal'],
    [
      'a base URL without its provider',
      ['resume', '--journal', 'x', '--base-url', 'http://127.0.0.1:1'],
      'write resume PROVIDER',
    ],
    ['a host without a directory', ['watch', 'alad', 'x', '--allow-host', 'h'], '--allow-host goes with --save'],
    ['a URL as a host', ['watch', 'alad', 'x', '--save', 'd', '--allow-host', 'http://h/'], 'is not a host'],
  ])('bad usage: %s', async (_what, args, message) => {
    const { code, stdout, stderr } = await runCli(args, { env });
    expect(stderr).toContain(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('a file that is no journal is refused and left as it is', async () => {
    const notes = join(folder, 'notes.txt');
    writeFileSync(notes, 'my notes\n');
    const { code, stderr } = await runCli(['resume', '--journal', notes], { env });
    expect(stderr).toMatch(/^rx-video-tasks: journal .*notes\.txt cannot be opened: it is no journal/);
    expect(code).toBe(2);
    expect(readFileSync(notes, 'utf8')).toBe('my notes\n');
  });
});

test('demo saves its videos into a temporary directory and prints where', async () => {
  const { code, stderr } = await runCli(['demo', '--speed', '600', '--json']);
  const directory = /The videos are in (\S+)/.exec(stderr)?.[1] ?? '';
  expect(directory.startsWith(temporary)).toBe(true);
  expect(videosIn(directory)).toHaveLength(10);
  expect(code).toBe(0);
});
