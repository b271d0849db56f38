import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const pages = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `docs/${file}`),
];

/** The TypeScript blocks of a page, under the names of files at the project's root. */
const blocks = pages.flatMap((page) =>
  [...readFileSync(join(ROOT, page), 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ''], nth) => ({
    name: `${page} block ${nth + 1}`,
    file: join(ROOT, `${page.replace(/\W/g, '-')}-${nth + 1}.ts`),
    code,
  })),
);

describe('every code block compiles', () => {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)) as {
    config: object;
  };
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const lenient = { ...options, noUnusedLocals: false, skipLibCheck: true };
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

test('the first example of the README runs as pasted', async () => {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', blocks[0]?.code ?? ''], {
    cwd: ROOT,
  });
  expect(stdout).toMatch(/^alad completed http/m);
  expect(stdout).toMatch(/^globalaiopc completed http/m);
});

test('the marble test of the README passes', async () => {
  const code = blocks.find(({ code }) => code.includes('TestScheduler'))?.code ?? '';
  await run(process.execPath, ['--input-type=module', '--eval', code], { cwd: ROOT });
  const broken = code.replace("'-q 30s", "'-q 31s");
  expect(broken).not.toBe(code);
  await expect(run(process.execPath, ['--input-type=module', '--eval', broken], { cwd: ROOT })).rejects.toThrow();
});
