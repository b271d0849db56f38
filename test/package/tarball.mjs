/** What the published tarball may hold: the build, the docs with their examples, and the usual files of a project. */
const KINDS = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
  /^dist\/[\w-]+(\.js|\.js\.map|\.d\.ts)$/,
  /^dist\/THIRD-PARTY-NOTICES\.txt$/,
  /^docs\/([\w-]+\/)*[\w-]+\.(md|svg|png)$/,
  /^docs\/examples\/([\w-]+\/)*[\w-]+\.(mjs|ts|tsx|js|html|css|md|json)$/,
];

/** Tools and pages of maintainers, lock files, the site. */
const UNWANTED = /bench|mutation|package-lock|node_modules|^docs\/site\/|\.test\./;

const REQUIRED = [
  'LICENSE',
  'CHANGELOG.md',
  'README.md',
  'dist/index.js',
  'dist/index.d.ts',
  'dist/cli.js',
  'dist/THIRD-PARTY-NOTICES.txt',
];

/**
 * What is wrong with a tarball that holds these files; empty where nothing is.
 *
 * @param {readonly string[]} files
 * @returns {string[]}
 */
export function problemsOfTarball(files) {
  const stray = files.filter((file) => UNWANTED.test(file) || !KINDS.some((kind) => kind.test(file)));
  const missing = REQUIRED.filter((file) => !files.includes(file));
  return [
    ...stray.map((file) => `the tarball holds ${file}; exclude it by "files" of package.json`),
    ...missing.map((file) => `the tarball lacks ${file}; build, or add it to "files" of package.json`),
  ];
}
