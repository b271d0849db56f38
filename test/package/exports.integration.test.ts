import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const pkg = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  exports: Record<string, string | Record<string, string | null>>;
  bin: Record<string, string>;
};
const subpaths = Object.entries(pkg.exports).filter(([, target]) => typeof target !== 'string') as [
  string,
  Record<string, string | null>,
][];

test('each entry file of src is a subpath of the package, and each subpath was built', () => {
  const entries = readdirSync(join(ROOT, 'src')).filter((file) => file.endsWith('.ts'));
  const inner = [
    'task.ts',
    'windows.ts',
    'errors.ts',
    'fields.ts',
    'tracked-task.ts',
    'tracking-error.ts',
    'options.ts',
    'public-id.ts',
    'durations.ts',
    'clock.ts',
    'diagnostics.ts',
    'redact.ts',
    'queue.ts',
    'query.ts',
    'query-trace.ts',
    'to-stream.ts',
    'track-many.ts',
    'task-plan.ts',
  ];
  const named = subpaths.map(([subpath]) => `${subpath === '.' ? 'index' : subpath.slice(2)}.ts`);
  expect(named.sort()).toEqual(entries.filter((file) => !inner.includes(file)).sort());
  for (const [, target] of subpaths) {
    for (const file of Object.values(target)) if (file !== null) expect(existsSync(join(ROOT, file)), file).toBe(true);
  }
  expect(existsSync(join(ROOT, pkg.bin['rx-video-tasks'] as string))).toBe(true);
});

test('types come first in every subpath', () => {
  for (const [subpath, target] of subpaths) expect(Object.keys(target)[0], subpath).toBe('types');
});

test.each(subpaths.map(([subpath]) => subpath))('%s: what was built exports what src exports', async (subpath) => {
  const name = subpath === '.' ? 'index' : subpath.slice(2);
  const built = (await import(join(ROOT, `dist/${name}.js`))) as object;
  const source = (await import(join(ROOT, `src/${name}.ts`))) as object;
  expect(Object.keys(built).sort()).toEqual(Object.keys(source).sort());
});

test('entries that share code share one copy of it', async () => {
  const built = (entry: string) => import(join(ROOT, `dist/${entry}.js`)) as Promise<Record<string, unknown>>;
  const { isTerminal, defineProvider } = await built('index');
  expect(isTerminal).toBeTypeOf('function');
  const copies = readdirSync(join(ROOT, 'dist'))
    .filter((file) => file.endsWith('.js') && file !== 'cli.js')
    .filter((file) => readFileSync(join(ROOT, 'dist', file), 'utf8').includes('function defineProvider('));
  expect(defineProvider).toBeTypeOf('function');
  expect(copies).toHaveLength(1);
});
