import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { runCli } from './run-cli.js';

const SECRET = 'sk-verysecretkey1234567890';

describe('help and version', () => {
  test('prints the help that is asked for, also behind a command', async () => {
    for (const args of [['--help'], ['help'], ['-h'], ['watch', 'alad', '--help']]) {
      const { code, stdout, stderr } = await runCli(args);
      expect(stdout).toContain('rx-video-tasks watch PROVIDER ID...');
      expect(stdout.split('\n').filter((line) => line.length > 120)).toEqual([]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
  });

  test('prints the help without arguments, as bad usage', async () => {
    const { code, stdout, stderr } = await runCli([]);
    expect(stderr).toContain('rx-video-tasks watch PROVIDER ID...');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('prints the version of the package', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect((await runCli(['--version'])).stdout).toBe(`${version}\n`);
  });
});

describe('bad usage exits with 2 and prints what to write', () => {
  test.each([
    ['an unknown command', ['wach'], 'write watch, resume, worker, sandbox or demo'],
    ['no provider', ['watch'], 'write watch PROVIDER ID... or watch PROVIDER:ID...'],
    ['an unknown provider', ['watch', 'aladdin', 'x'], '"aladdin" is not a provider; write'],
    ['a name that every object has', ['watch', 'constructor', 'x'], '"constructor" is not a provider'],
    ['a missing key', ['watch', 'mingyan', 'x'], 'write export MINGYAN_API_KEY=...'],
    ['an unknown option', ['watch', 'alad', 'x', '--api-key', SECRET], 'this command takes --base-url, --model'],
    ['an option without its value', ['watch', 'alad', 'x', '--speed'], "'--speed <value>'"],
    ['no id', ['watch', 'alad'], 'or watch PROVIDER:ID..., or pipe ids in'],
    ['an id that would ask for another path', ['watch', 'alad', '..'], 'write the id as the service gave it'],
    ['a base URL that is not http', ['watch', 'alad', 'x', '--base-url', 'ftp://host'], 'is not an http(s) URL'],
    ['a speed that is no number', ['watch', 'alad', 'x', '--speed', 'fast'], 'write for example --speed 60'],
    ['a speed of zero', ['watch', 'alad', 'x', '--speed', '0'], 'write a number above 0'],
    ['a speed above 1 at a public service', ['watch', 'alad', 'x', '--speed', '2'], 'leave it at 1'],
    ['an argument of the sandbox', ['sandbox', 'x'], 'sandbox takes options only'],
    ['a port that is no port', ['sandbox', '--port', '70000'], 'port'],
    [
      'a task of the demo without its provider',
      ['demo', 'x'],
      '"x" is not a provider; write PROVIDER ID or PROVIDER:ID',
    ],
    ['a task of the demo of no provider', ['demo', 'alad:x', 'aladdin:x'], '"aladdin" is not a provider'],
    ['a task of the demo without a key', ['demo', 'alad:x', 'mingyan:x'], 'write export MINGYAN_API_KEY=...'],
    ['a task of the demo without an id', ['demo', 'alad:'], 'write the id as the service gave it'],
    ['a seed for what is no sandbox', ['demo', 'alad:x', '--seed', '1'], '--seed goes with the sandbox'],
    ['a host of the demo for no task', ['demo', '--allow-host', 'h'], 'write demo PROVIDER:ID... --allow-host'],
    ['a base URL for several providers', ['watch', 'alad:x', '--base-url', 'http://h'], 'set ALAD_BASE_URL and so on'],
    [
      'an id without its provider',
      ['watch', 'alad:x', 'y'],
      '"y" names no service; write PROVIDER:ID, for example alad:y',
    ],
    [
      'an insecure base URL',
      ['watch', 'alad', 'x', '--base-url', 'http://example.com'],
      'unencrypted; write an https URL',
    ],
    ['a speed above 1 of the demo at a public service', ['demo', 'alad:x', '--speed', '60'], 'leave it at 1'],
    ['a worker without Redis', ['worker'], 'write worker [PROVIDER...] --redis redis://HOST:6379'],
    ['a worker of no provider', ['worker', 'aladdin', '--redis', 'redis://h'], '"aladdin" is not a provider'],
    ['a worker without its key', ['worker', 'mingyan', '--redis', 'redis://h'], 'write export MINGYAN_API_KEY=...'],
    ['a Redis that is none', ['worker', '--redis', `http://:${SECRET}@h`], 'write redis://HOST:6379'],
    [
      'a password among the arguments',
      ['worker', '--redis', `redis://:${SECRET}@h`],
      'write export REDIS_PASSWORD=...',
    ],
    [
      'a limit that is none',
      ['worker', '--redis', 'redis://h', '--requests-per-minute', '0'],
      '--requests-per-minute:',
    ],
    [
      'a journal of a fleet',
      ['watch', 'alad', 'x', '--redis', 'redis://h', '--journal', 'j'],
      'keeps its tasks in Redis',
    ],
    [
      'a speed of a fleet',
      ['watch', 'alad', 'x', '--redis', 'redis://h', '--speed', '2'],
      '--speed goes with the worker',
    ],
    ['queues without a fleet', ['watch', 'alad', 'x', '--queue-per-provider'], 'goes with --redis URL'],
    ['a speed of the demo that is no speed', ['demo', '--speed', '-1'], 'speed'],
  ])('%s', async (_what, args, message) => {
    const { code, stdout, stderr } = await runCli(args, { env: { ALAD_API_KEY: SECRET } });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^rx-video-tasks: /);
    expect(stderr + stdout).not.toContain(SECRET);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  test('a key that no header can carry, without showing it', async () => {
    const { code, stderr } = await runCli(['watch', 'alad', 'x'], { env: { ALAD_API_KEY: `${SECRET} ` } });
    expect(stderr).toContain('white space');
    expect(stderr).not.toContain(SECRET);
    expect(code).toBe(2);
  });
});
