import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { blocksOf, pages, ROOT, type Block } from './docs-blocks.js';

// Each block of code in README and docs compiles. By what it imports, it also runs:
// - `rx-video-tasks/sandbox` or `node:assert/strict`: a whole program. It runs as pasted and ends by itself. A `console`
//   block right behind it is what it prints, where `…` stands for any text. (One that listens on a port is left to the
//   test of its page.)
// - `vitest`: a test, which runs here.

const blocks = pages.flatMap(blocksOf);
const isProgram = ({ code }: Block) => /from '(rx-video-tasks\/sandbox|node:assert\/strict)'/.test(code);
const programs = blocks.filter((block) => isProgram(block) && !block.code.includes('.listen('));
const tests = blocks.filter(({ code }) => code.includes("from 'vitest'"));

describe('every code block compiles', () => {
  const { config } = ts.readConfigFile(`${ROOT}/tsconfig.json`, (path) => ts.sys.readFile(path)) as { config: object };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const lenient = { ...options, noUnusedLocals: false, noUnusedParameters: false, skipLibCheck: true };
  const host = ts.createCompilerHost(lenient);
  const codes = new Map(blocks.map(({ file, code }) => [file, `${code}\nexport {};\n`]));
  const plain = ts.createCompilerHost(lenient);
  host.fileExists = (file) => codes.has(file) || plain.fileExists(file);
  host.readFile = (file) => codes.get(file) ?? plain.readFile(file);
  host.getSourceFile = (file, version, ...rest) => {
    const code = codes.get(file);
    return code === undefined ? plain.getSourceFile(file, version, ...rest) : ts.createSourceFile(file, code, version);
  };
  const program = ts.createProgram([...codes.keys()], lenient, host);

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

test('the marble test of the README can fail', async () => {
  const block = programs.find(({ name, code }) => name.startsWith('README') && code.includes('TestScheduler'));
  const code = block?.code ?? '';
  const broken = code.replace("'-q 30s", "'-q 31s");
  expect(broken).not.toBe(code);
  await expect(print({ code: broken })).rejects.toThrow();
});
