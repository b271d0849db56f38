import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { expect, test } from 'vitest';

// Who may import whom. A part is a file or a folder directly below src; the words (task, errors, windows) serve everyone
// above them. A new part or edge is written here first.
const LAW: Record<string, readonly string[]> = {
  task: [],
  windows: [],
  fields: [],
  durations: [],
  options: ['durations'],
  redact: ['task', 'fields'],
  errors: ['task', 'redact', 'fields'],
  'tracking-error': ['task', 'errors', 'redact'],
  'tracked-task': ['task', 'errors', 'tracking-error', 'fields'],
  clock: ['rxjs'],
  diagnostics: [],
  queue: [],
  wire: ['task', 'errors', 'fields', 'zod/mini'],
  providers: ['errors', 'redact', 'wire', 'windows', 'rxjs'],
  transport: ['errors', 'queue', 'rxjs'],
  gate: ['errors', 'clock', 'queue', 'rxjs'],
  query: ['task', 'errors', 'clock', 'redact', 'providers', 'transport', 'gate', 'rxjs'],
  poll: ['task', 'windows', 'errors', 'tracking-error', 'fields', 'options', 'durations', 'clock', 'rxjs'],
  operators: ['poll', 'task', 'tracked-task', 'windows', 'errors', 'options', 'durations', 'rxjs'],
  journal: ['task', 'tracked-task', 'errors', 'tracking-error', 'redact', 'fields', 'durations', 'rxjs'],
  tracker: [
    ...['task', 'tracked-task', 'windows', 'options', 'durations', 'queue', 'diagnostics'],
    ...['query', 'poll', 'journal', 'providers', 'rxjs'],
  ],
  node: [
    ...['task', 'tracked-task', 'errors', 'redact', 'diagnostics', 'providers', 'transport', 'query', 'journal'],
    ...['rxjs', 'zod/mini', 'ipaddr.js', 'node:*'],
  ],
  testing: ['task', 'tracked-task', 'errors', 'windows', 'transport', 'query', 'rxjs'],
  sandbox: ['task', 'windows', 'providers', 'zod/mini', 'node:*'],
  'relay-client': [
    ...['task', 'tracked-task', 'errors', 'tracking-error', 'redact', 'fields', 'options', 'rxjs'],
    'eventsource-parser',
  ],
  relay: ['task', 'errors', 'redact', 'options', 'query', 'tracker', 'rxjs', 'node:*'],
  angular: ['tracked-task', 'errors', 'query', 'tracker', 'transport', 'rxjs', '@angular/*'],
  cli: ['rx-video-tasks', 'rx-video-tasks/*', 'rxjs', 'string-width', 'node:*'],
};

// A root file of src whose name is a subpath of the package: it hands names on, and nothing imports it.
const ENTRIES = ['index', 'node', 'testing', 'sandbox', 'relay', 'angular'];
// Only here may a Node-only package stand.
const NODE_ONLY: Record<string, readonly string[]> = {
  undici: ['transport/undici.ts', 'node/save/video-request.ts', 'node/save/save-options.ts'],
};

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

test('every part stands in the law', () => {
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

test('the law is not empty words: it sees the imports that are there', () => {
  expect(imports.length).toBeGreaterThan(80);
  expect(imports).toContainEqual({ file: 'transport/undici.ts', from: 'transport', to: 'undici' });
});
