// The API reference: a page for each entry, from the comments of `src`.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Application, ReflectionKind } from 'typedoc';

/** The page of `.`: `index` is that of the reference. */
const MAIN = 'rx-video-tasks';

const titleOf = (/** @type {string} */ module) => (module === MAIN ? MAIN : `rx-video-tasks/${module}`);

/**
 * Writes the reference into `out`. Rejects where a public name has no comment, or a comment links to nothing.
 *
 * @param {string} root of the project
 * @param {string} out
 */
export async function writeReference(root, out) {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const entries = Object.keys(exports).filter((subpath) => subpath !== './package.json');
  const fileOf = (/** @type {string} */ subpath) => (subpath === '.' ? 'index' : subpath.slice(2));
  const application = await Application.bootstrapWithPlugins(
    /** @type {any} options of the plugins are among them */ ({
      plugin: ['typedoc-plugin-markdown'],
      router: 'module',
      tsconfig: join(import.meta.dirname, 'tsconfig.json'),
      entryPoints: entries.map((subpath) => join(root, 'src', `${fileOf(subpath)}.ts`)),
      name: 'API reference',
      readme: 'none',
      excludeInternal: true,
      excludePrivate: true,
      excludeExternals: true,
      disableSources: true,
      // What no entry exports is listed in test/package/api.
      validation: { invalidLink: true, notExported: false, notDocumented: false },
      treatWarningsAsErrors: true,
      out,
      entryFileName: 'index',
      pageTitleTemplates: {
        module: (/** @type {{ rawName: string }} */ { rawName }) => titleOf(rawName),
      },
      expandParameters: true,
      parametersFormat: 'table',
      interfacePropertiesFormat: 'table',
      typeAliasPropertiesFormat: 'table',
      propertyMembersFormat: 'table',
      hidePageHeader: true,
      hideBreadcrumbs: true,
      useCodeBlocks: true,
    }),
  );
  const project = await application.convert();
  if (!project) throw new Error('src does not compile: npm run typecheck shows why');
  for (const module of project.children ?? []) {
    if (module.name === 'index') module.name = MAIN;
  }
  application.validate(project);
  const names = undocumented(project);
  for (const name of names) application.logger.error(`${name} has no comment`);
  await application.generateOutputs(project);
  writeFileSync(join(out, 'index.md'), indexOf(entries.map(fileOf)));
  const { errorCount, warningCount } = application.logger;
  if (errorCount + warningCount > 0) throw new Error('the API reference is not complete: see above');
}

/** @param {string[]} modules */
function indexOf(modules) {
  const pages = modules.map((module) => (module === 'index' ? MAIN : module));
  return `# API reference

Find the exact type, unit and default of every public name. Each entry of the package has a page:

${pages.map((page) => `- [${titleOf(page)}](${page}.md)`).join('\n')}
`;
}

/**
 * The public names without a comment. TypeDoc's own check (`notDocumented`) also asks for comments on what stands inside
 * a type, such as `{ readonly status: 'completed' }` in a guard.
 *
 * @param {import('typedoc').ProjectReflection} project
 */
function undocumented(project) {
  const kinds =
    ReflectionKind.Function |
    ReflectionKind.Variable |
    ReflectionKind.Class |
    ReflectionKind.Interface |
    ReflectionKind.TypeAlias |
    ReflectionKind.Property |
    ReflectionKind.Method |
    ReflectionKind.Accessor;
  return project
    .getReflectionsByKind(kinds)
    .filter((reflection) => {
      if (reflection.getFullName().includes('__type')) return false;
      const { signatures = [], getSignature } = /** @type {import('typedoc').DeclarationReflection} */ (reflection);
      return ![reflection, ...signatures, getSignature].some((one) => one?.hasComment());
    })
    .map((reflection) => reflection.getFullName());
}
