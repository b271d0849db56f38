import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { linesOf, runCli } from './run-cli.js';
import { runOnTerminal } from './terminal.js';

const env = { MINGYAN_API_KEY: 'test-key-0123456789' };

/** Answers polls of each task in turn; the last answer again and again. */
async function service(answers: Readonly<Record<string, readonly (object | number)[]>>): Promise<string> {
  const polls = new Map<string, number>();
  const server = createServer(({ url = '' }, response) => {
    const id = url.split('/').at(-1) ?? '';
    const poll = polls.get(id) ?? 0;
    polls.set(id, poll + 1);
    const answer = answers[id]?.at(Math.min(poll, answers[id].length - 1)) ?? 404;
    if (typeof answer === 'number') response.writeHead(answer, { 'retry-after': '2' }).end();
    else response.end(JSON.stringify({ id, video_url: 'http://127.0.0.1/v.mp4', ...answer }));
  });
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const running = { status: 'processing', progress: 45, model: 'seedance_1_5_pro_480p' };
const answers = {
  video_1: [running, 503, { status: 'completed' }],
  video_2: [
    { ...running, progress: 60 },
    ...Array<object>(8).fill(running),
    { status: 'failed', error: '不合规的提示词' },
  ],
};

describe.for([80, 100, 120])('the board at %i columns', (columns) => {
  test('shows status, percentage, the reason of a miss and its countdown', async () => {
    const args = ['watch', 'mingyan', 'video_1', 'video_2', '--base-url', await service(answers), '--speed', '300'];
    const screens: string[] = [];
    const { screen } = await runOnTerminal(args, { env, columns, onScreen: (text) => screens.push(text) });
    const seen = screens.join('\n');
    expect(seen).toMatch(/^. mingyan +video_1 +45% +0:\d\d processing .*━━.*──/m);
    expect(seen).toMatch(/^. mingyan +video_1 +45% +0:\d\d retry in 0:02: server, HTTP 503/m);
    expect(seen).toMatch(/retry in 0:01: server, HTTP 503/);
    expect(screen).toMatch(/^✔ mingyan +video_1 +100% +0:\d\d completed +.*━━/m);
    expect(screen).toMatch(/^✖ mingyan +video_2 .* failed: 不合规的提示词/m);
    expect(seen.includes('seedance_1_5_pro_480p')).toBe(columns >= 100);
    // No line was wrapped: a wrapped one is read back as one that is longer than the terminal.
    for (const text of screens) {
      for (const line of linesOf(text)) if (/^. mingyan/.test(line)) expect(line.length).toBeLessThan(columns);
    }
  });
});

test('the board shows what a task cost, beside its end and with its URL below', async () => {
  const completed = { status: 'completed', amount: 0.32 };
  const args = ['watch', 'mingyan', 'mcp_1', '--base-url', await service({ mcp_1: [completed] }), '--speed', '300'];
  const { screen } = await runOnTerminal(args, { env, columns: 100 });
  expect(screen).toMatch(/^✔ mingyan +mcp_1 +100% +0:\d\d completed \(amount: 0\.32\)/m);
  expect(screen).toMatch(/^mingyan mcp_1 completed http\S+ \(amount: 0\.32\)$/m);
});

test('--stats shows the requests of each provider on the board, and as lines', async () => {
  const slow = { video_1: [...Array<object>(30).fill(running), { status: 'completed' }] };
  const args = ['watch', 'mingyan', 'video_1', '--stats', '--base-url', await service(slow), '--speed', '300'];
  const screens: string[] = [];
  await runOnTerminal(args, { env, onScreen: (text) => screens.push(text) });
  expect(screens.join('\n')).toMatch(/^mingyan: \d requests? waiting, \d in flight/m);
  const { stderr } = await runCli([...args.slice(0, -3), await service(slow), '--speed', '300'], { env });
  expect(stderr).toMatch(/^mingyan: \d requests? waiting, \d in flight/m);
  const json = await runCli([...args.slice(0, -3), await service(slow), '--speed', '300', '--json'], { env });
  const stats = linesOf(json.stdout)
    .map((line) => JSON.parse(line) as { status: string })
    .find(({ status }) => status === 'stats');
  expect(stats).toMatchObject({ active: true, providers: { mingyan: { tasks: { processing: 1 } } } });
});

test('the board at 40 columns shows the essentials', async () => {
  const args = ['watch', 'mingyan', 'video_1', 'video_2', '--base-url', await service(answers), '--speed', '300'];
  const screens: string[] = [];
  const { screen } = await runOnTerminal(args, { env, columns: 40, onScreen: (text) => screens.push(text) });
  expect(screens.join('\n')).toMatch(/^. video_1 +45% retry in 0:0\d: serv/m);
  expect(screen).toMatch(/^✔ video_1 +100% completed *$/m);
  expect(screen).toMatch(/^✖ video_2 .* failed: 不/m);
});

test('the board survives resizing both ways', async () => {
  const args = ['watch', 'mingyan', 'video_1', 'video_2', '--base-url', await service(answers), '--speed', '300'];
  const widths = [50, 100, 45, 120];
  let last = '';
  const { screen } = await runOnTerminal(args, {
    env,
    columns: 110,
    onScreen: (text, terminal) => {
      last = text;
      const isDrawn = text.includes('2 tasks');
      const next = isDrawn ? widths.shift() : undefined;
      if (next !== undefined) terminal.resize(next);
    },
  });
  expect(widths).toEqual([]);
  expect(last).not.toBe('');
  const lines = linesOf(screen);
  expect(lines.filter((line) => line.includes('video_1'))).toHaveLength(2);
  expect(lines.filter((line) => line.includes('video_2'))).toHaveLength(2);
  expect(lines.filter((line) => line.includes('2 tasks'))).toHaveLength(1);
});

test('a board of more tasks than the terminal has rows shows the open ones, and all of them at the end', async () => {
  const ids = Array.from({ length: 30 }, (_, nth) => `video_${nth}`);
  const most = Object.fromEntries(
    ids.map((id, nth) => [
      id,
      nth === 29 ? [...Array<object>(6).fill(running), { status: 'completed' }] : [{ status: 'completed' }],
    ]),
  );
  const args = ['watch', 'mingyan', ...ids, '--base-url', await service(most), '--speed', '300'];
  const screens: string[] = [];
  const { screen } = await runOnTerminal(args, { env, rows: 12, onScreen: (text) => screens.push(text) });
  const board = screens.find((text) => text.includes('29 completed, 1 running')) ?? '';
  expect(board).toMatch(/^. mingyan +video_29 /m);
  expect(board).toContain('and 21 more');
  for (const id of ids) expect(screen).toMatch(new RegExp(`✔ mingyan +${id} `));
});

test('the demo shows all that a board can, in time with its summary', async () => {
  const screens: string[] = [];
  const args = ['demo', '--speed', '300'];
  const { code, screen } = await runOnTerminal(args, { columns: 80, onScreen: (text) => screens.push(text) });
  expect(screens.join('\n')).toMatch(/^. globalaiopc .* retry in 0:0\d: server, HTTP 503/m);
  expect(screen).toMatch(/^✖ mingyan .* failed: the prompt violates/m);
  expect(screen).toMatch(/^✖ xingchaoyiqing .* cancelled/m);
  expect(screen.match(/^✔ .* saved/gm)).toHaveLength(10);
  const times = [...screen.matchAll(/^[✔✖] .* (\d+:\d\d) \w/gm)].map(([, time = '']) => time);
  expect(screen).toMatch(
    new RegExp(`^12 tasks: 10 completed, 1 failed, 1 cancelled, ${times.sort().at(-1) ?? ''}$`, 'm'),
  );
  expect(code).toBe(0);
});
