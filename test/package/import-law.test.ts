import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { expect, test } from 'vitest';
import { ENTRIES, LAW, NODE_ONLY } from './import-law.js';

interface Import {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const SRC = join(import.meta.dirname, '../../src');
const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const imports = files.flatMap(importsOf);

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const found = text.matchAll(/^(?:import|export)\b[^;]*?\bfrom '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm);
  return [...found].map(([, named, bare, dynamic]) => {
    const target = (named ?? bare ?? dynamic) as string;
    const to = target.startsWith('.') ? posix.normalize(posix.join(dirname(file), target)) : target;
    return { file, from: partOf(file), to };
  });
}

function partOf(path: string): string {
  return (path.split('/')[0] as string).replace(/\.(ts|js)$/, '');
}

const isEntry = (path: string) => ENTRIES.includes(path.replace(/\.(ts|js)$/, ''));
const isInside = (path: string) => files.includes(path.replace(/\.js$/, '.ts'));

test('every import is allowed by the law', () => {
  const broken = imports
    .filter(({ file, from, to }) => {
      if (isInside(to))
        return isEntry(to) || (!isEntry(file) && from !== partOf(to) && !LAW[from]?.includes(partOf(to)));
      if (NODE_ONLY[to] !== undefined) return !NODE_ONLY[to].includes(file);
      return !isEntry(file) && !LAW[from]?.some((allowed) => matches(allowed, to));
    })
    .map(({ file, to }) => `${file} -> ${to}`);
  expect(broken).toEqual([]);
});

function matches(allowed: string, target: string): boolean {
  return allowed.endsWith('*') ? target.startsWith(allowed.slice(0, -1)) : target === allowed;
}

test('the policy is pure: it has no timer, no clock and no Observable', () => {
  const pure = ['poll/policy.ts', 'poll/cadence.ts'];
  expect(files).toEqual(expect.arrayContaining(pure));
  const allowed = [...pure, 'poll/poll-config.ts', 'task.ts', 'windows.ts', 'errors.ts', 'options.ts', 'durations.ts'];
  const broken = imports
    .filter(({ file, to }) => pure.includes(file) && !allowed.includes(to.replace(/\.js$/, '.ts')))
    .map(({ file, to }) => `${file} -> ${to}`);
  expect(broken).toEqual([]);
});

test('the law lists every part', () => {
  const parts = new Set(files.filter((file) => !isEntry(file)).map(partOf));
  expect([...parts].sort()).toEqual(Object.keys(LAW).sort());
});

test('no file imports itself through others', () => {
  const edges = new Map(
    files.map((file) => [file, imports.filter((one) => one.file === file).map(({ to }) => to.replace(/\.js$/, '.ts'))]),
  );
  const circles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    else for (const next of edges.get(file) ?? []) if (edges.has(next)) visit(next, [...path, file]);
  };
  for (const file of files) visit(file, []);
  expect(circles).toEqual([]);
});

test('the test sees the imports that exist', () => {
  expect(imports.length).toBeGreaterThan(80);
  expect(imports).toContainEqual({ file: 'transport/undici.ts', from: 'transport', to: 'undici' });
});
