import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lastValueFrom, take } from 'rxjs';
import { alad, createTracker } from 'rx-video-tasks';
import { fileJournal } from 'rx-video-tasks/node';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { startSandbox, type Sandbox } from 'rx-video-tasks/sandbox';
import { lastScreen, linesOf, runCli, runOnTerminal, temporary } from './run-cli.js';

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
  test('saves the videos, says where, and exits with 0', async () => {
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

  test('refuses a video on this machine unless its host is named: exit code 1, told with the reason', async () => {
    const directory = join(folder, 'refused');
    const { code, stdout } = await runCli(['watch', 'alad', 'asyntask_a', '--save', directory, ...at('alad')], { env });
    expect(stdout).toMatch(/ alad asyntask_a not saved: 127\.0\.0\.1:\d+ is at 127\.0\.0\.1, .* allowHosts/);
    expect(code).toBe(1);
    expect(videosIn(directory)).toEqual([]);
  });

  test('tells of it in NDJSON, and on the board', async () => {
    const directory = join(folder, 'board');
    const args = ['watch', 'alad', 'asyntask_c', '--save', directory, ...host(), ...at('alad')];
    const { stdout } = await runCli([...args, '--json'], { env });
    const told = linesOf(stdout).map((line) => JSON.parse(line) as { status: string; task?: unknown });
    expect(told.slice(-2)).toMatchObject([
      { status: 'saving' },
      { status: 'saved', id: 'asyntask_c', bytes: video.length },
    ]);
    expect(told.at(-1)?.task).toBeUndefined();
    const board = await runOnTerminal(args, { env });
    expect(board.code).toBe(0);
    const last = lastScreen(board.stdout);
    expect(last).toMatch(/✔ alad +asyntask_c .*100%.*saved/);
    expect(last).toMatch(/\nalad asyntask_c saved .*board\/alad-asyntask_c-/);
  });
});

describe('--journal', () => {
  test('tells what was not heard before, though it looks into the journal first', async () => {
    const journal = join(folder, 'unheard.journal');
    const { transport } = scriptedTransport(['q', 'never'], { latency: 0 });
    const provider = alad({ apiKey: 'test-key-0123456789' });
    const tracker = createTracker({ provider, transport, journal: fileJournal(journal) });
    const ids = ['asyntask_u', 'asyntask_w'];
    await lastValueFrom(tracker.trackAll(ids, { ack: 'manual' }).pipe(take(2)));
    tracker.close();
    const rest = ['--journal', journal, '--save', join(folder, 'unheard'), '--json', ...host(), ...at('alad')];
    const { stdout } = await runCli(['resume', 'alad', ...rest], { env });
    const told = linesOf(stdout).map((line) => JSON.parse(line) as { id: string; seq?: number });
    expect(told.filter(({ seq }) => seq === 1).map(({ id }) => id)).toEqual(ids);
  });

  test('killed with -9 and resumed, it goes on where it was: every video is saved', async () => {
    const journal = join(folder, 'tasks.journal');
    const directory = join(folder, 'journal');
    const ids = Array.from({ length: 6 }, () => sandbox.create({ provider: 'alad' }).id);
    const rest = ['--journal', journal, '--save', directory, ...host(), ...at('alad')];
    const first = await runCli(['watch', 'alad', ...ids, ...rest], {
      env,
      onOutput: (told, child) => {
        if (linesOf(told).length >= ids.length) child.kill('SIGKILL');
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

  test('shows what it goes on with on a board, the downloads too', async () => {
    const journal = join(folder, 'board.journal');
    const directory = join(folder, 'board-journal');
    const rest = ['--journal', journal, '--save', directory, ...at('alad')];
    const args = ['watch', 'alad', 'asyntask_j', sandbox.create({ provider: 'alad', outcome: 'failed' }).id];
    expect((await runCli([...args, ...rest], { env })).stdout).toContain('asyntask_j not saved: ');
    const { code, stdout } = await runOnTerminal(['resume', 'alad', ...rest, ...host()], { env });
    expect(lastScreen(stdout)).toMatch(/✔ alad +asyntask_j .*100%.*saved/);
    // The one that failed is done with.
    expect(lastScreen(stdout)).toMatch(/\b1 task: 1 completed, /);
    expect(lastScreen(stdout)).toMatch(/\nalad asyntask_j saved .*board-journal\/alad-asyntask_j-/);
    expect(code).toBe(0);
  });

  test.each([
    ['no journal', ['resume'], 'write resume --journal FILE'],
    ['ids', ['resume', 'alad', 'asyntask_a', '--journal', 'x'], 'takes its tasks from the journal'],
    ['a base URL of nobody', ['resume', '--journal', 'x', '--base-url', 'http://127.0.0.1:1'], 'write resume PROVIDER'],
    ['a host without a directory', ['watch', 'alad', 'x', '--allow-host', 'h'], '--allow-host goes with --save'],
    ['a URL as a host', ['watch', 'alad', 'x', '--save', 'd', '--allow-host', 'http://h/'], 'is no host'],
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

test('demo saves its videos into a temporary directory and says where', async () => {
  const { code, stderr } = await runCli(['demo', '--speed', '600', '--json']);
  const directory = /The videos are in (\S+)/.exec(stderr)?.[1] ?? '';
  expect(directory.startsWith(temporary)).toBe(true);
  expect(videosIn(directory)).toHaveLength(12);
  expect(code).toBe(0);
});
