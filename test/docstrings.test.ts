import { readFileSync } from 'node:fs';
import { join } from 'node:path/posix';
import ts from 'typescript';
import { expect, test } from 'vitest';
import { ENTRIES } from './package/import-law.js';
import { REFUSE_NOTHING } from './refuse-nothing.js';

// Callers read docstrings, in their editor and in the API reference: every public name has one, and so has every member
// of a public type. An option says what it is without it (`@default`), a function what it throws at call time (`@throws`).

type Declaration = ts.DeclarationStatement | ts.VariableDeclaration;

const SRC = join(import.meta.dirname, '../src');
const sources = new Map<string, ts.SourceFile>();

function sourceOf(file: string): ts.SourceFile {
  let source = sources.get(file);
  if (!source) {
    source = ts.createSourceFile(file, readFileSync(join(SRC, file), 'utf8'), ts.ScriptTarget.Latest, true);
    sources.set(file, source);
  }
  return source;
}

/** The names that a module exports from others. */
function exportsOf(file: string): ts.ExportSpecifier[] {
  return sourceOf(file).statements.flatMap((statement) =>
    ts.isExportDeclaration(statement) && statement.exportClause && ts.isNamedExports(statement.exportClause)
      ? [...statement.exportClause.elements]
      : [],
  );
}

/** The module that an import or export names. */
function moduleOf({ moduleSpecifier }: ts.ExportDeclaration | ts.ImportDeclaration, file: string): string | undefined {
  const { text } = moduleSpecifier as ts.StringLiteral;
  return text.startsWith('.') ? join(file, '..', text).replace(/\.js$/, '.ts') : undefined;
}

/** The declarations of a name, followed through imports and exports; none for a name of another package. */
function declarationsOf(name: string, file: string): Declaration[] {
  const found: Declaration[] = [];
  for (const statement of sourceOf(file).statements) {
    if (ts.isVariableStatement(statement)) found.push(...statement.declarationList.declarations);
    else if (ts.isImportDeclaration(statement) || ts.isExportDeclaration(statement)) {
      const names = ts.isExportDeclaration(statement) ? statement.exportClause : statement.importClause?.namedBindings;
      const from = statement.moduleSpecifier && moduleOf(statement, file);
      if (!from || !names || !(ts.isNamedExports(names) || ts.isNamedImports(names))) continue;
      const same = names.elements.find((element) => element.name.text === name);
      if (same) return declarationsOf((same.propertyName ?? same.name).text, from);
    } else if ('name' in statement) found.push(statement as ts.DeclarationStatement);
  }
  return found.filter((declaration) => declaration.name?.getText() === name);
}

const isDocumented = (node: ts.Node) => ts.getJSDocCommentsAndTags(node).length > 0;
const hasTag = (node: ts.Node, tag: string) => ts.getJSDocTags(node).some(({ tagName }) => tagName.text === tag);

/** The members that a public type has: its own, those of its bases, and those of object types inside. */
function membersOf(declaration: Declaration): ts.NamedDeclaration[] {
  const file = declaration.getSourceFile().fileName;
  if (ts.isTypeAliasDeclaration(declaration)) return literalMembersOf(declaration.type);
  if (!ts.isInterfaceDeclaration(declaration) && !ts.isClassDeclaration(declaration)) return [];
  const bases = (declaration.heritageClauses ?? []).flatMap(({ types }) => types);
  const own = [...declaration.members].filter((member) => {
    const isPrivate = member.name && ts.isPrivateIdentifier(member.name);
    return (
      !isPrivate && !(ts.getCombinedModifierFlags(member) & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected))
    );
  });
  return [
    ...own,
    ...own.flatMap((member) => (ts.isPropertySignature(member) && member.type ? literalMembersOf(member.type) : [])),
    ...bases
      .flatMap((base) => base.getText().match(/\b[A-Z]\w+/g) ?? [])
      .flatMap((base) => declarationsOf(base, file))
      .flatMap(membersOf),
  ];
}

/** The members of the object types in a type, not of a callback's parameters, nor of what selects members of a union. */
function literalMembersOf(type: ts.TypeNode): ts.NamedDeclaration[] {
  if (ts.isFunctionTypeNode(type) || /^(?:Extract|Exclude)</.test(type.getText())) return [];
  if (ts.isTypeLiteralNode(type)) return [...type.members];
  const inner: ts.NamedDeclaration[] = [];
  ts.forEachChild(type, (child) => {
    if (ts.isTypeNode(child)) inner.push(...literalMembersOf(child));
  });
  return inner;
}

const publicNames = ENTRIES.flatMap((entry) =>
  exportsOf(`${entry}.ts`).map(({ name: { text } }) => ({
    name: text,
    declarations: declarationsOf(text, `${entry}.ts`),
  })),
);

const members = publicNames.flatMap(({ name, declarations }) =>
  declarations.flatMap(membersOf).map((member) => ({
    path: `${name}.${member.name?.getText() ?? ts.SyntaxKind[member.kind]}`,
    member,
  })),
);

test('every public name has a docstring', () => {
  expect(publicNames.length).toBeGreaterThan(150);
  expect(publicNames.filter(({ declarations }) => declarations.length === 0)).toEqual([]);
  const bare = publicNames.filter(({ declarations }) => !declarations.some(isDocumented));
  expect(bare.map(({ name }) => name)).toEqual([]);
});

test('every member of a public type has a docstring', () => {
  expect(members.length).toBeGreaterThan(500);
  const bare = members.filter(({ member }) => !isDocumented(member));
  expect([...new Set(bare.map(({ path }) => path))]).toEqual([]);
});

test('every option says what holds without it', () => {
  const bare = members
    .filter(({ path }) => /^\w+(Options|Config|Definition|Cors)\./.test(path))
    .filter(({ member }) => 'questionToken' in member && member.questionToken && !hasTag(member, 'default'));
  expect([...new Set(bare.map(({ path }) => path))]).toEqual([]);
});

test('every function that refuses something says what it throws', () => {
  const functions = publicNames.filter(
    ({ name, declarations }) =>
      declarations.some(
        (declaration) =>
          ts.isFunctionDeclaration(declaration) ||
          (ts.isVariableDeclaration(declaration) &&
            /^\S*\bdefineProvider\(/.test(declaration.initializer?.getText() ?? '')),
      ) && !REFUSE_NOTHING.includes(name),
  );
  expect(functions.length).toBeGreaterThan(35);
  const silent = functions.filter(({ declarations }) => !declarations.some((one) => hasTag(one, 'throws')));
  expect(silent.map(({ name }) => name)).toEqual([]);
});
