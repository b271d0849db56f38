import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { linesOf, runProcess } from './cli/run-cli.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const folder = `${ROOT}docs/examples/`;

/** Run by other tests: pages in `npm run test:browser`, the fleet in `npm run test:fleet`, the relay in test/relay. */
const ELSEWHERE = ['angular', 'fleet', 'plain-page', 'react', 'relay'];

/** What each example prints. */
const expected: Readonly<Record<string, (lines: string[]) => void>> = {
  'one-task.mjs': (lines) => {
    expect(lines.slice(-3, -1)).toEqual(['processing', 'completed']);
    expect(lines.at(-1)).toMatch(/^the video: http:.+\.mp4/);
  },
  'hundred-tasks.mjs': (lines) => {
    expect(lines.at(-2)).toBe('0 queued, 0 processing, 99 completed, 1 failed');
    expect(lines.at(-1)).toMatch(/^mingyan \S+ failed: .+/);
  },
  'own-pipeline.mjs': (lines) => {
    for (const start of ['alad: completed', 'globalaiopc: completed', 'xingchaoyiqing: cancelled']) {
      expect(lines.filter((line) => line.startsWith(`${start}, `))).toHaveLength(1);
    }
  },
  'throw-on-failure.mjs': (lines) => {
    expect(lines).toEqual([
      expect.stringMatching(/^got http:.+\.mp4/),
      expect.stringMatching(/^no video: alad task \S+ failed: .+/),
    ]);
  },
  'run.mjs docs/examples/opentelemetry-spans.ts': (lines) => {
    const [requests, tasks] = [
      /^GET \/(alad|mingyan)\/\S+: 200, \d+ ms$/,
      /^video task \S+: (completed|failed) \((OK|ERROR)\)/,
    ];
    expect(lines.filter((line) => requests.test(line)).length).toBeGreaterThan(3);
    expect(lines.filter((line) => tasks.test(line))).toHaveLength(2);
    expect(lines.filter((line) => !requests.test(line) && !tasks.test(line))).toEqual([]);
  },
  'express-postgres/demo.mjs': (lines) => {
    const ids = lines.flatMap((line) => /^POST \/tasks\/(\S+): 202, /.exec(line)?.[1] ?? []);
    expect(ids).toHaveLength(3);
    expect(lines.slice(3, 5)).toEqual(['the server is killed', 'the server is back']);
    // The restart continues where the first server was: what it had emitted has seq 1.
    for (const id of ids) {
      const after = lines.slice(5).filter((line) => line.includes(id));
      expect(after.at(-1)).toMatch(/: completed, seq [2-9]$/);
      expect(after.filter((line) => line.includes('completed'))).toHaveLength(1);
    }
  },
};

describe('docs/examples', () => {
  const commands = Object.keys(expected);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => /^(express-postgres\/)?[\w-]+\.mjs$/.test(file));

  test('are all tested, and listed with a picture and a command', () => {
    const folders = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    const tested = commands.map((command) => command.split(/[ /]/)[0]);
    const all = [...folders.map(({ name }) => name).filter((name) => name !== 'dist'), ...files];
    expect(all.filter((name) => ![...tested, ...commands, ...ELSEWHERE].includes(name))).toEqual([]);

    const list = readFileSync(`${folder}README.md`, 'utf8');
    const sections = list.split(/^## /m).slice(1);
    expect(sections.length).toBeGreaterThanOrEqual(10);
    for (const section of sections) {
      expect(section).toMatch(/^```sh\n(npm run|cd|node|\.?\/?docs)[^]*?^```$/m);
      expect(section).toMatch(/^!\[.+\]\(\.\.\/pictures\/examples\/[\w-]+\.(svg|png)\)$/m);
    }
    for (const command of commands) expect(list).toContain(`node docs/examples/${command}`);
  });

  test('agree with the types of the built package', () => {
    const program = ts.createProgram(
      files.map((file) => folder + file),
      {
        allowJs: true,
        checkJs: true,
        noEmit: true,
        strict: true,
        skipLibCheck: true,
        target: ts.ScriptTarget.ES2022,
        module: ts.ModuleKind.NodeNext,
        types: ['node'],
      },
    );
    const problems = ts.getPreEmitDiagnostics(program).map(({ messageText, file }) => {
      return `${file?.fileName ?? ''}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
    });
    expect(problems).toEqual([]);
  });

  test.concurrent.each(commands)('%s runs', async (command) => {
    const { code, stdout, stderr } = await runProcess(process.execPath, `docs/examples/${command}`.split(' '), {
      cwd: ROOT,
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expected[command]?.(linesOf(stdout));
  });

  test.concurrent('express-postgres/server.ts goes on when a task is lost', async ({ onTestFinished }) => {
    const gateway = createServer((_, response) => response.writeHead(401).end('{}'));
    await once(gateway.listen(0, '127.0.0.1'), 'listening');
    const data = mkdtempSync(join(tmpdir(), 'express-postgres-'));
    const server = spawn(process.execPath, [`${folder}run.mjs`, `${folder}express-postgres/server.ts`], {
      env: {
        ...process.env,
        ...{ DATA: data, PORT: '0', SPEED: '100', MINGYAN_API_KEY: 'revoked-0123456789' },
        MINGYAN_BASE_URL: `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`,
      },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    onTestFinished(async () => {
      gateway.close();
      server.kill('SIGKILL');
      await once(server, 'exit');
      rmSync(data, { recursive: true });
    });
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    const url = `${line.toString().trim()}/tasks/video_1`;
    const accepted = await fetch(url, { method: 'POST' });
    expect(accepted.status).toBe(502);
    expect(await accepted.text()).toContain('401');
    // The loss reaches the stream that is stored in the same turn, and the database answers within these.
    for (let nth = 0; nth < 5; nth++) expect((await fetch(url)).status).toBe(404);
  });
});
