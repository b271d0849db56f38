import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isSettled, isTerminal, type Task, type TrackedTask } from 'rx-video-tasks';
import { startSandbox, type Sandbox, type SandboxOutcome } from 'rx-video-tasks/sandbox';
import { cli, linesOf, runCli, runProcess } from './run-cli.js';
import { runOnTerminal } from './terminal.js';

let sandbox: Sandbox;
let env: Record<string, string>;

beforeAll(async () => {
  sandbox = await startSandbox({ speed: 300, seed: 1 });
  env = { ALAD_API_KEY: sandbox.keys.alad, MINGYAN_API_KEY: sandbox.keys.mingyan };
});
afterAll(() => sandbox.close());

const at = (service: string) => ['--base-url', `${sandbox.url}/${service}`, '--speed', '300'];
let count = 0;
/** A task that completes begins when it is first asked about, so that its whole life is seen. */
const create = (outcome: SandboxOutcome) =>
  outcome === 'completed' ? `asyntask_${++count}` : sandbox.create({ provider: 'alad', outcome }).id;
const tasksOf = (ndjson: string) => linesOf(ndjson).map((line) => JSON.parse(line) as Task);

/** What may steer a terminal; a line ends with a line feed. */
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/;

describe('watch, into a pipe', () => {
  test('prints one line for each transition and exits with 0 when all completed', async () => {
    const ids = [create('completed'), create('completed')];
    const { code, stdout, stderr } = await runCli(['watch', 'alad', ...ids, ...at('alad')], { env });
    for (const id of ids) {
      const lines = linesOf(stdout).filter((line) => line.includes(` alad ${id} `));
      expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT\S+Z alad \S+ (queued|processing)/);
      expect(lines.at(-1)).toMatch(/ completed http:\/\/127\.0\.0\.1\S+\.mp4\S*$/);
      expect(lines.filter((line) => line.includes(' completed '))).toHaveLength(1);
    }
    expect(stderr).toMatch(/^2 tasks: 2 completed, \d+:\d\d\n$/);
    expect(code).toBe(0);
  });

  test('exits with 1 when one failed, and the other goes on to its video', async () => {
    const [bad, good] = [create('failed'), create('completed')];
    const { code, stdout } = await runCli(['watch', 'alad', bad, good, ...at('alad')], { env });
    expect(stdout).toMatch(new RegExp(` alad ${bad} failed: .+`));
    expect(stdout).toMatch(new RegExp(` alad ${good} completed http`));
    expect(code).toBe(1);
  });

  test('exits with 1 when tracking is lost, and never shows the key', async () => {
    const wrong = 'sk-wrongkey1234567890';
    const { code, stdout, stderr } = await runCli(['watch', 'alad', create('completed'), ...at('alad')], {
      env: { ALAD_API_KEY: wrong },
    });
    expect(stdout).toMatch(/ lost: .*401/);
    expect(stdout + stderr).not.toContain(wrong.slice(3));
    expect(code).toBe(1);
  });

  test('prints what a task of the model center cost, behind its URL and in NDJSON', async () => {
    const args = ['watch', 'mingyan', 'mcp_1', ...at('mingyan')];
    const { code, stdout } = await runCli(args, { env });
    expect(stdout).toMatch(/ mingyan mcp_1 completed http\S+ \(amount: 0\.32\)$/m);
    expect(code).toBe(0);
    const json = await runCli([...args, '--json'], { env });
    expect(tasksOf(json.stdout).at(-1)).toMatchObject({ status: 'completed', usage: { amount: 0.32 } });
  });

  test('prints NDJSON with --json: one Task a line, a lost one with its error', async () => {
    const id = create('completed');
    const { code, stdout, stderr } = await runCli(['watch', 'alad', id, '--json', ...at('alad')], { env });
    const tasks = tasksOf(stdout);
    expect(tasks.map(({ seq }) => seq)).toEqual(tasks.map((_, n) => n + 1));
    expect(tasks.map((task) => isTerminal(task))).toEqual(tasks.map((_, n) => n === tasks.length - 1));
    expect(tasks.at(-1)).toMatchObject({
      id,
      provider: 'alad',
      status: 'completed',
      video: { url: expect.stringMatching(/^http/) as string },
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });

    const lost = await runCli(['watch', 'alad', id, '--json', ...at('alad')], { env: { ALAD_API_KEY: 'wrong-key' } });
    expect(tasksOf(lost.stdout)).toMatchObject([{ id, status: 'lost', error: { reason: 'query' } }]);
  });

  test('takes each id once, from arguments, from "-" and from piped input', async () => {
    const [a, b, c] = [create('completed'), create('completed'), create('completed')];
    const idsIn = (ndjson: string) =>
      [
        ...new Set(
          tasksOf(ndjson)
            .filter(isTerminal)
            .map(({ id }) => id),
        ),
      ].sort();

    const piped = await runCli(['watch', 'alad', '--json', ...at('alad')], { env, input: `${a}\n\n  ${b}  \r\n${a}` });
    expect(idsIn(piped.stdout)).toEqual([a, b].sort());
    expect(piped.code).toBe(0);

    const mixed = await runCli(['watch', 'alad', c, '-', c, '--json', ...at('alad')], { env, input: `${a}\n` });
    expect(idsIn(mixed.stdout)).toEqual([a, c].sort());
    expect(tasksOf(mixed.stdout).filter(({ id, seq }) => id === c && seq === 1)).toHaveLength(1);

    const empty = await runCli(['watch', 'alad', ...at('alad')], { env, input: '\n \n' });
    expect(empty).toMatchObject({ code: 2, stdout: '' });
  });

  test('follows the ids of a pipe that stays open as they come', async () => {
    const [first, second] = [create('completed'), create('completed')];
    const { code, stdout } = await runCli(['watch', 'alad', '--json', ...at('alad')], {
      env,
      input: `${first}\n`,
      isInputOpen: true,
      onOutput: (output, child) => {
        if (output.includes('"completed"')) child.stdin?.end(second);
      },
    });
    expect(tasksOf(stdout).filter(isTerminal)).toMatchObject([{ id: first }, { id: second }]);
    expect(code).toBe(0);
  });

  /** A service that is overloaded for some polls. */
  const overloaded = (polls: number) => {
    let asked = 0;
    return listen((_, response) => {
      if (++asked <= polls) response.writeHead(503).end();
      else response.end(JSON.stringify({ id: 'video_1', status: 'completed', video_url: 'http://127.0.0.1/v.mp4' }));
    });
  };
  const watchVideo = (server: Server) => ['watch', 'mingyan', 'video_1', '--base-url', urlOf(server), '--speed', '300'];

  test('prints missed polls to standard error, and goes on', async () => {
    const { code, stdout, stderr } = await runCli(watchVideo(await overloaded(1)), { env });
    expect(stderr).toMatch(/^mingyan video_1 missed a poll: server, HTTP 503: .*; next poll in 0:0\d\n1 task: /);
    expect(stdout).toMatch(/^\S+ mingyan video_1 completed http\S+\n$/);
    expect(code).toBe(0);
  });

  test('prints missed polls as NDJSON with --json', async () => {
    const { code, stdout, stderr } = await runCli([...watchVideo(await overloaded(1)), '--json'], { env });
    expect(tasksOf(stdout)).toMatchObject([
      {
        ...{ status: 'missed', provider: 'mingyan', id: 'video_1', kind: 'server', misses: 1 },
        nextPollIn: expect.any(Number) as number,
        error: { name: 'QueryError', kind: 'server', httpStatus: 503, message: expect.stringMatching(/./) as string },
      },
      { status: 'completed', id: 'video_1' },
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('a closed standard error ends nothing', async () => {
    const { code, stdout } = await runCli(watchVideo(await overloaded(3)), { env, isErrorClosed: true });
    expect(stdout).toMatch(/^\S+ mingyan video_1 completed http\S+\n$/);
    expect(code).toBe(0);
  });

  test('watches tasks of several services, from arguments and standard input', async () => {
    const known = { ...env, ALAD_BASE_URL: `${sandbox.url}/alad`, MINGYAN_BASE_URL: `${sandbox.url}/mingyan` };
    const [a, b] = [create('completed'), create('completed')];
    const args = ['watch', `alad:${a}`, '-', '--speed', '300', '--json'];
    const input = `mingyan:video_several\nalad:${b}\nalad:${a}\nanyfast:asyntask_1\nacme:1\n`;
    const { code, stdout } = await runCli(args, { env: known, input });
    const ends = linesOf(stdout)
      .map((line) => JSON.parse(line) as TrackedTask)
      .filter(isSettled);
    expect(ends.map(({ provider, id, status }) => `${provider} ${id} ${status}`).sort()).toEqual(
      [
        `alad ${a} completed`,
        `alad ${b} completed`,
        'acme 1 lost',
        'anyfast asyntask_1 lost',
        'mingyan video_several completed',
      ].sort(),
    );
    const messages = ends.map((end) => (end.status === 'lost' ? end.error.message : '')).join();
    expect(messages).toContain('the key of anyfast is missing; write export ANYFAST_API_KEY=...');
    expect(messages).toContain('"acme" is not a provider');
    expect(code).toBe(1);
  });

  test('keeps a service’s text from steering the terminal, and in one line', async () => {
    const error = 'no\u001b[2J\nway\u202e\u009b\u007f';
    const server = await listen((_, response) => {
      response.end(JSON.stringify({ id: 'video_1', status: 'failed', video_url: null, error }));
    });
    const { stdout } = await runCli(['watch', 'mingyan', 'video_1', '--base-url', urlOf(server)], { env });
    expect(stdout).toMatch(/^\S+ mingyan video_1 failed: no\\u001b\[2J way\\u202e\\u009b\\u007f\n$/);

    const json = await runCli(['watch', 'mingyan', 'video_1', '--json', '--base-url', urlOf(server)], { env });
    expect(json.stdout).not.toMatch(UNSAFE);
    expect(tasksOf(json.stdout)).toMatchObject([{ failure: { message: error } }]);
  });

  test('keeps standard input from steering the terminal through an error', async () => {
    const input = 'alad\u001b]0;title\u0007\u009b2J\u202eid\n';
    const { code, stderr } = await runCli(['watch', '-'], { env, input });
    expect(stderr).toContain('"alad\\u001b]0;title\\u0007\\u009b2J\\u202eid" names no service');
    expect(stderr).not.toMatch(UNSAFE);
    expect(code).toBe(2);
  });

  test('polls by the window of the model that is given', async () => {
    const server = await listen((_, response) => response.writeHead(503).end());
    const nextPoll = async (...model: string[]) => {
      const { stderr } = await runCli(['watch', 'mingyan', 'video_1', '--base-url', urlOf(server), ...model], {
        env,
        onError: (output, child) => output.includes('next poll') && child.kill('SIGINT'),
      });
      return Number(/next poll in 0:(\d\d)/.exec(stderr)?.[1] ?? 60);
    };
    const seconds = await nextPoll('--model', 'seedance_1_5_pro_480p');
    expect(seconds).toBeGreaterThanOrEqual(10);
    expect(seconds).toBeLessThanOrEqual(20);
    expect(await nextPoll()).toBeGreaterThanOrEqual(30);
  });
});

describe('an early end', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)('%s ends a watch: nothing is asked afterwards', async (signal) => {
    let asked = 0;
    const server = await listen((_, response) => {
      asked += 1;
      response.end(JSON.stringify({ id: 'video_1', status: 'queued', video_url: null, error: null }));
    });
    const args = ['watch', 'mingyan', 'video_1', '-', '--base-url', urlOf(server), '--speed', '300'];
    const { code, stderr } = await runCli(args, {
      env,
      input: '',
      isInputOpen: true,
      onOutput: (_, child) => child.kill(signal),
    });
    expect(code).toBe(signal === 'SIGINT' ? 130 : 143);
    expect(stderr).toMatch(/^1 task: 1 running/);
    const askedAtTheEnd = asked;
    await expect.poll(() => connectionsOf(server)).toBe(0);
    expect(asked).toBe(askedAtTheEnd);
  });

  test('a reader that goes away ends it without a word', async () => {
    const args = ['watch', 'alad', create('never'), create('completed'), '--json', ...at('alad')];
    const command = `set -o pipefail; '${process.execPath}' '${cli}' ${args.join(' ')} | head -1`;
    const { code, stdout, stderr } = await runProcess('bash', ['-c', command], { env });
    expect(linesOf(stdout)).toHaveLength(1);
    expect({ code, stderr }).toEqual({ code: 141, stderr: '' });
  });
});

describe('watch, on a terminal', () => {
  test('shows a board with a bar for each task, a summary, and then the videos', async () => {
    let asked = 0;
    const server = await listen(({ url = '' }, response) => {
      // By count, not by time: the board is seen while something runs, however slow the machine.
      const status = url.endsWith('video_2') ? 'failed' : ++asked < 10 ? 'processing' : 'completed';
      const video_url = status === 'completed' ? 'http://127.0.0.1/v.mp4' : null;
      response.end(JSON.stringify({ id: url.split('/').at(-1), status, video_url, error: null }));
    });
    const args = ['watch', 'mingyan', 'video_1', 'video_2', '--base-url', urlOf(server), '--speed', '300'];
    const screens: string[] = [];
    const { code, screen } = await runOnTerminal(args, { env, onScreen: (text) => screens.push(text) });
    expect(screen).toMatch(/✔ mingyan +video_1 +100% +\d+:\d\d completed .*━━━━/);
    expect(screen).toMatch(/✖ mingyan +video_2 .*failed: /);
    expect(screen).toMatch(/2 tasks: 1 completed, 1 failed, \d+:\d\d\n/);
    expect(screen).toContain('\nmingyan video_1 completed http://127.0.0.1/v.mp4\n');
    expect(screens.some((text) => /1 running, \d:\d\d.*~ estimated/.test(text))).toBe(true);
    expect(code).toBe(1);
  });

  test('sums up also what was over before the board was drawn', async () => {
    const server = await listen((_, response) => {
      response.end(JSON.stringify({ id: 'video_1', status: 'completed', video_url: 'http://127.0.0.1/v.mp4' }));
    });
    const { code, screen } = await runOnTerminal(['watch', 'mingyan', 'video_1', '--base-url', urlOf(server)], { env });
    expect(screen).toMatch(
      /✔ mingyan .* completed +\S+\s+1 task: 1 completed, \d:\d\d\s+mingyan video_1 completed http/,
    );
    expect(code).toBe(0);
  });

  test('Ctrl-C ends it: the rows stay, the cursor comes back', async () => {
    let isPressed = false;
    const { code, screen, hasCursor } = await runOnTerminal(['watch', 'alad', create('never'), ...at('alad')], {
      env,
      onScreen: (text, terminal) => {
        if (isPressed || !text.includes('processing')) return;
        isPressed = true;
        terminal.write('\u0003');
      },
    });
    expect(screen).toMatch(/· alad .* processing .*\s+1 task: 1 running/);
    expect(hasCursor).toBe(true);
    expect(code).toBe(130);
  });
});

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

async function listen(answer: RequestListener): Promise<Server> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function connectionsOf(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => {
      if (error) reject(error);
      else resolve(count);
    });
  });
}
