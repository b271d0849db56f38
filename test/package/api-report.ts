import { dirname, join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';

const ROOT = join(import.meta.dirname, '../..');
const DIST = join(ROOT, 'dist');

/**
 * The public names of each entry as Markdown, from the built declarations: each name with its type, without its comment,
 * in the order of the alphabet. Types that no entry exports but that appear in the type of a public name stand at the end.
 */
export async function apiReports(entries: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const program = ts.createProgram(entries.map(pathOf), {
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts'],
    types: ['node'],
    strict: true,
    skipLibCheck: true,
  });
  const checker = program.getTypeChecker();
  const resolve = (symbol: ts.Symbol): ts.Symbol =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;

  const exportsOf = (entry: string): Symbols => {
    const file = program.getSourceFile(pathOf(entry));
    const module = file && checker.getSymbolAtLocation(file);
    if (!module) throw new Error(`${pathOf(entry)} declares nothing; npm run build writes it`);
    return new Map(checker.getExportsOfModule(module).map((symbol) => [resolve(symbol), symbol.name]));
  };
  const exported = new Map(entries.map((entry) => [entry, exportsOf(entry)]));
  const isPublic = (symbol: ts.Symbol) => [...exported.values()].some((symbols) => symbols.has(symbol));

  /** The types of this package that these refer to, however deep, and that no entry exports. */
  const innerTypesOf = (symbols: Symbols): Symbols => {
    const inner = new Map<ts.Symbol, string>();
    const visit = (node: ts.Node): void => {
      const target = ts.isIdentifier(node) ? checker.getSymbolAtLocation(node) : undefined;
      const symbol = target && resolve(target);
      if (symbol && isTopLevel(symbol) && !isPublic(symbol) && !inner.has(symbol)) {
        inner.set(symbol, symbol.name);
        declarationsOf(symbol).forEach(visit);
      }
      ts.forEachChild(node, visit);
    };
    for (const symbol of symbols.keys()) declarationsOf(symbol).forEach(visit);
    return inner;
  };

  const options = { ...(await resolveConfig(DIST)), parser: 'markdown' };
  const reports = new Map<string, string>();
  for (const [entry, symbols] of exported) {
    const title = entry === 'index' ? 'rx-video-tasks' : `rx-video-tasks/${entry}`;
    const sections = [`# ${title}`, 'Written by `npm run build && npx vitest run test/package -u`.', block(symbols)];
    const inner = innerTypesOf(symbols);
    if (inner.size > 0) sections.push('## Types that no entry exports', block(inner));
    reports.set(entry, await format(sections.join('\n\n'), options));
  }
  return reports;
}

/** Symbols, and the names under which they are exported. */
type Symbols = ReadonlyMap<ts.Symbol, string>;

const pathOf = (entry: string) => join(DIST, `${entry}.d.ts`);

/** The declarations of a symbol that this package has: not those of RxJS or of TypeScript's library. */
function declarationsOf(symbol: ts.Symbol): ts.Declaration[] {
  return (symbol.declarations ?? []).filter((declaration) => dirname(declaration.getSourceFile().fileName) === DIST);
}

function isTopLevel(symbol: ts.Symbol): boolean {
  return declarationsOf(symbol).some(
    (declaration) => ts.isSourceFile(declaration.parent) || ts.isVariableDeclarationList(declaration.parent),
  );
}

function block(symbols: Symbols): string {
  const texts = [...symbols].sort(([, a], [, b]) => (a < b ? -1 : 1)).map(([symbol, name]) => textOf(symbol, name));
  return `\`\`\`ts\n${texts.join('\n\n')}\n\`\`\``;
}

function textOf(symbol: ts.Symbol, name: string): string {
  const declarations = declarationsOf(symbol).map(print);
  if (symbol.name !== name) declarations.push(`export { ${symbol.name} as ${name} };`);
  return declarations.join('\n');
}

const printer = ts.createPrinter({ removeComments: true });

function print(declaration: ts.Declaration): string {
  const text = printer
    .printNode(ts.EmitHint.Unspecified, declaration, declaration.getSourceFile())
    .replaceAll(/^\s*(#private|private .*);\n/gm, '')
    .replace(/^declare /, '');
  return ts.isVariableDeclaration(declaration) ? `const ${text};` : text;
}
