import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import prettier from 'prettier';
import { budget } from './budget/budget.js';
import { cadence } from './cadence/cadence.js';
import { fleet } from './fleet/fleet.js';
import { markdown, type Findings, type Part } from './figures.js';
import { path } from './path/path.js';
import { reading } from './reading/reading.js';
import { starting } from './starting/starting.js';
import { waiting } from './waiting/waiting.js';

const parts: Readonly<Record<string, Part>> = { path, reading, waiting, starting, cadence, budget, fleet };

/** Runs the parts that are named, or all, and prints their tables. */
export async function main(words: readonly string[], docs: string): Promise<void> {
  const isQuick = words.includes('--quick');
  const isWriting = words.includes('--write');
  const named = words.filter((word) => word !== '--quick' && word !== '--write');
  const unknown = named.find((name) => !Object.hasOwn(parts, name));
  if (unknown !== undefined || (isQuick && isWriting)) {
    const what = unknown === undefined ? '--quick results are too few to write' : `${unknown} is no part`;
    throw new Error(`${what}; write npm run bench -- [--quick | --write] [${Object.keys(parts).join('] [')}]`);
  }
  for (const name of named.length > 0 ? named : Object.keys(parts)) {
    const from = performance.now();
    const found = await (parts[name] as Part)(isQuick);
    console.log(`${found.tables.map(markdown).join('\n')}\n(${name}: ${seconds(from)} s)\n`);
    if (isWriting) await write(name, found, docs);
  }
}

function seconds(from: number): string {
  return ((performance.now() - from) / 1000).toFixed(0);
}

/** Puts tables between the marks of their part in the page, wraps its prose, and puts plots beside it. */
async function write(part: string, { tables, plots = {} }: Findings, docs: string): Promise<void> {
  const page = join(docs, 'performance.md');
  const [open, close] = [`<!-- ${part} -->`, `<!-- /${part} -->`];
  const [before, rest] = split(readFileSync(page, 'utf8'), open);
  const [, after] = split(rest, close);
  const text = [before, open, '\n\n', tables.map(markdown).join('\n'), '\n', close, after].join('');
  const options = await prettier.resolveConfig(page);
  writeFileSync(page, await prettier.format(text, { ...options, parser: 'markdown', proseWrap: 'always' }));
  for (const [name, svg] of Object.entries(plots)) writeFileSync(join(docs, 'plots', name), svg);
}

function split(text: string, mark: string): [before: string, after: string] {
  const at = text.indexOf(mark);
  if (at < 0) throw new Error(`docs/performance.md has no mark ${mark}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}
