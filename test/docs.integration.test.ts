import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { blocksOf, pages, ROOT, type Block } from './docs-blocks.js';

// Each block of code in README and docs compiles. By what it imports, it also runs:
// - `vitest`: a test. It runs here.
// - `rx-video-tasks/sandbox`, `rx-video-tasks/testing` or `node:assert/strict`: a whole program. It runs as pasted and
//   ends by itself. A `console` block right behind it is what it prints, where `…` stands for any text. Programs that
//   listen on a port are left to the tests of their page, those with jest's globals to the matrix.

const blocks = pages.flatMap(blocksOf);
const isTest = ({ code }: Block) => code.includes("from 'vitest'");
const isProgram = ({ code }: Block) => /from '(rx-video-tasks\/(sandbox|testing)|node:assert\/strict)'/.test(code);
const isRunElsewhere = ({ code }: Block) => code.includes('.listen(') || /^test\(/m.test(code);
const tests = blocks.filter(isTest);
const programs = blocks.filter((block) => isProgram(block) && !isTest(block) && !isRunElsewhere(block));

describe('every code block compiles', () => {
  const { config } = ts.readConfigFile(`${ROOT}/tsconfig.json`, (path) => ts.sys.readFile(path)) as { config: object };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const lenient = { ...options, noUnusedLocals: false, noUnusedParameters: false, types: ['node', 'vitest/globals'] };
  const host = ts.createCompilerHost(lenient);
  const codes = new Map(blocks.map(({ file, code }) => [file, `${code}\nexport {};\n`]));
  const plain = ts.createCompilerHost(lenient);
  host.fileExists = (file) => codes.has(file) || plain.fileExists(file);
  host.readFile = (file) => codes.get(file) ?? plain.readFile(file);
  host.getSourceFile = (file, version, ...rest) => {
    const code = codes.get(file);
    return code === undefined ? plain.getSourceFile(file, version, ...rest) : ts.createSourceFile(file, code, version);
  };
  const program = ts.createProgram([...codes.keys(), `${ROOT}/test/peers.d.ts`], lenient, host);

  test.each(blocks)('$name', ({ file }) => {
    const source = program.getSourceFile(file);
    const problems = [...program.getSemanticDiagnostics(source), ...program.getSyntacticDiagnostics(source)];
    expect(problems.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
  });
});

const run = promisify(execFile);

function toJavaScript({ code }: Pick<Block, 'code'>, module = ts.ModuleKind.ESNext): string {
  return ts.transpileModule(code, { compilerOptions: { module, target: ts.ScriptTarget.ES2022 } }).outputText;
}

/** Runs a block in a process of its own, on the built package. */
async function print(block: Pick<Block, 'code'>): Promise<string> {
  const args = ['--input-type=module', '--eval', toJavaScript(block)];
  const { stdout, stderr } = await run(process.execPath, args, { cwd: ROOT, timeout: 60_000 });
  expect(stderr).toBe('');
  return stdout;
}

function patternOf(output: string): RegExp {
  const escaped = output.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('…', '.*')}$`);
}

describe.concurrent('every whole program runs as pasted', () => {
  test.each(programs)('$name', async (block) => {
    const printed = await print(block);
    if (block.output !== undefined) expect(printed).toMatch(patternOf(block.output));
  });
});

describe('every block that is a test passes', async () => {
  for (const block of tests) {
    const names = [...block.code.matchAll(/ from '([^']+)'/g)].map(([, name = '']) => name);
    const modules = new Map(
      await Promise.all(names.map(async (name): Promise<[string, unknown]> => [name, await import(name)])),
    );
    // eslint-disable-next-line @typescript-eslint/no-implied-eval, @typescript-eslint/no-unsafe-call -- what is tested
    new Function('require', 'exports', toJavaScript(block, ts.ModuleKind.CommonJS))(
      (name: string) => modules.get(name),
      {},
    );
  }
});

test('the first example of the README follows both tasks to their end', async () => {
  const printed = await print(blocksOf('README.md')[0] ?? { code: '' });
  for (const provider of ['alad', 'globalaiopc']) {
    const seen = printed.split('\n').filter((line) => line.startsWith(`${provider} `));
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.at(-1)).toBe(`${provider} completed`);
  }
});

test('the marble test of the README can fail', async () => {
  const block = programs.find(({ name, code }) => name.startsWith('README') && code.includes('TestScheduler'));
  const code = block?.code ?? '';
  const broken = code.replace("'-q 30s", "'-q 31s");
  expect(broken).not.toBe(code);
  await expect(print({ code: broken })).rejects.toThrow();
});

test('the page on testing shows jest the file that the matrix runs', async () => {
  const { MARBLE_TEST } = (await import('./matrix/sources.mjs')) as { readonly MARBLE_TEST: string };
  expect(blocksOf('docs/testing.md').map(({ code }) => code.trim())).toContain(MARBLE_TEST.trim());
});
