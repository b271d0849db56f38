import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..');

/** README and all pages, as paths below the root. Examples and the built site have their own tests. */
export const pages: readonly string[] = [
  'README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md') && !/^(examples|site|\.)|node_modules/.test(file))
    .map((file) => `docs/${file.replaceAll('\\', '/')}`)
    .sort(),
];

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

export interface Block {
  /** `docs/relay.md, block 2` */
  readonly name: string;
  /** A file of that content would have this path. */
  readonly file: string;
  readonly code: string;
  /** Of the `console` block right behind it: what the program prints. */
  readonly output: string | undefined;
}

const FENCE = /^( *)```(ts|js|mjs)\n(.*?)^\1```$(?:\s*^\1```console\n(.*?)^\1```$)?/gms;

/** The blocks of a page that are code: TypeScript (`ts`) and JavaScript (`js`, `mjs`). */
export function blocksOf(page: string): Block[] {
  return [...readPage(page).matchAll(FENCE)].map(([, indent = '', language, code = '', output], nth) => {
    const lines = (text: string) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
    return {
      name: `${page}, block ${nth + 1}`,
      file: join(ROOT, `${page.replace(/\W/g, '-')}-${nth + 1}.${language === 'ts' ? 'ts' : 'mjs'}`),
      code: lines(code),
      output: output === undefined ? undefined : lines(output),
    };
  });
}
