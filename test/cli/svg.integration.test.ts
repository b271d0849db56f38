import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { runCli, temporary } from './run-cli.js';

const env = { MINGYAN_API_KEY: 'test-key-0123456789' };

/** Answers polls in turn; the last answer again and again. */
async function service(...answers: readonly (object | number)[]): Promise<string> {
  let polls = 0;
  const server = createServer((_, response) => {
    const answer = answers[Math.min(polls++, answers.length - 1)] ?? 404;
    if (typeof answer === 'number') response.writeHead(answer).end();
    else response.end(JSON.stringify({ id: 'video_1', video_url: 'http://127.0.0.1/v.mp4', ...answer }));
  });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const processing = { status: 'processing', model: 'seedance_1_5_pro_480p' };
const completed = { ...processing, status: 'completed' };
let files = 0;
const newFile = () => join(temporary, `run-${++files}.svg`);

test('watch --svg draws the polls, the missed one and the transitions of the run', async () => {
  const svg = newFile();
  const url = await service(processing, 503, processing, completed);
  const args = ['watch', 'mingyan', 'video_1', '--base-url', url, '--speed', '300', '--svg', svg];
  const { code, stderr } = await runCli(args, { env });
  const picture = readFileSync(svg, 'utf8');
  expect(picture).toContain('1 task, 4 polls (1 missed), 2 transitions');
  expect(picture).toContain('mingyan video_1');
  expect(picture).toContain('seedance_1_5_pro_480p');
  expect(picture).toContain('1 s is 300 s of a real service');
  expect(stderr).toContain('missed a poll');
  expect(readdirSync(temporary).filter((file) => file.startsWith('run-'))).toContain(`run-${files}.svg`);
  expect(readdirSync(temporary).filter((file) => file.startsWith(`run-${files}.svg.`))).toEqual([]);
  expect(code).toBe(0);
});

test('Ctrl-C leaves the picture of what happened until then', async () => {
  const svg = newFile();
  const args = ['watch', 'mingyan', 'video_1', '--base-url', await service(processing), '--svg', svg];
  const { code } = await runCli(args, { env, onOutput: (_, child) => child.kill('SIGINT') });
  expect(readFileSync(svg, 'utf8')).toContain('1 task, 1 poll, 1 transition');
  expect(code).toBe(130);
});

test('the picture is there while the run goes on', async () => {
  const svg = newFile();
  const args = ['watch', 'mingyan', 'video_1', '--base-url', await service(processing), '--svg', svg];
  let seen: string | undefined;
  await runCli(args, {
    env,
    onOutput: (_, child) => {
      const look = setInterval(() => {
        const picture = readFileSync(svg, 'utf8');
        expect(picture).toMatch(/^<svg [^]*<\/svg>\n$/);
        if (!picture.includes('1 transition')) return;
        seen = picture;
        clearInterval(look);
        child.kill('SIGTERM');
      }, 50);
    },
  });
  expect(seen).toContain('1 poll, 1 transition');
});

test('a file that cannot be written is bad usage, before anything is asked', async () => {
  const svg = join(temporary, 'no', 'such', 'run.svg');
  const { code, stdout, stderr } = await runCli(['watch', 'mingyan', 'video_1', '--svg', svg], { env });
  expect(stderr).toMatch(/--svg: ENOENT.*; write a file that can be written/);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
});

test('demo --svg draws a dozen tasks', async () => {
  const svg = newFile();
  const { code } = await runCli(['demo', '--speed', '300', '--svg', svg]);
  const picture = readFileSync(svg, 'utf8');
  expect(picture).toMatch(/12 tasks, \d+ polls \(1 missed\), \d+ transitions/);
  for (const word of ['completed', 'failed', 'cancelled']) expect(picture).toContain(`>${word}</text>`);
  expect(code).toBe(0);
});
