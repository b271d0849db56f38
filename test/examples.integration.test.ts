import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';
import { linesOf, runProcess } from './cli/run-cli.js';

const folder = fileURLToPath(new URL('../docs/examples/', import.meta.url));

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
};

describe('docs/examples', () => {
  const files = readdirSync(folder).filter((file) => file.endsWith('.mjs'));

  test('are all tested', () => {
    expect(files.sort()).toEqual(Object.keys(expected).sort());
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

  test.concurrent.each(files)('%s runs', async (file) => {
    const { code, stdout, stderr } = await runProcess(process.execPath, [folder + file]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expected[file]?.(linesOf(stdout));
  });
});
