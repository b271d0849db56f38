import { describe, expect, test } from 'vitest';
import { problemsOf } from './release-checks.mjs';

type Release = Parameters<typeof problemsOf>[0];

const READY: Release = {
  pkg: {
    name: 'rx-video-tasks',
    version: '1.2.0',
    license: 'MIT',
    repository: { url: 'git+https://github.com/acme/rx-video-tasks.git' },
    bugs: { url: 'https://github.com/acme/rx-video-tasks/issues' },
    homepage: 'https://acme.example',
    publishConfig: { access: 'public', provenance: true },
  },
  lock: { version: '1.2.0' },
  changelog: '# Changelog\n\n## 1.2.0 - 2027-02-01\n\n### Added\n\n- a provider\n\n## 1.1.0 - 2027-01-01\n\n- a wire\n',
  today: '2027-02-03',
  npmVersion: '11.5.1',
  changes: [],
  branch: 'main',
  tags: ['v1.1.0'],
  remote: 'git@github.com:acme/rx-video-tasks.git',
  files: [
    ...['LICENSE', 'CHANGELOG.md', 'README.md', 'package.json'],
    ...['index.js', 'index.d.ts', 'cli.js', 'THIRD-PARTY-NOTICES.txt'].map((file) => `dist/${file}`),
  ],
};
const pkg = (fields: Partial<Release['pkg']>) => ({ pkg: { ...READY.pkg, ...fields } });
const without = (...names: (keyof Release['pkg'])[]) => ({
  pkg: Object.fromEntries(
    Object.entries(READY.pkg).filter(([name]) => !names.includes(name as never)),
  ) as Release['pkg'],
});

test('a release that is ready has no problem', () => {
  expect(problemsOf(READY)).toEqual([]);
});

test.each([
  'https://github.com/acme/rx-video-tasks',
  'ssh://git@github.com/Acme/rx-video-tasks.git',
  'https://user:token@github.com/acme/rx-video-tasks.git',
])('the remote %s is the repository of package.json', (remote) => {
  expect(problemsOf({ ...READY, remote })).toEqual([]);
});

describe('a release is refused', () => {
  test.each<[string, Partial<Release>, string]>([
    ['without a repository', without('repository'), 'repository is missing'],
    ['without a place for bugs', without('bugs'), 'bugs is missing'],
    ['without a homepage', without('homepage'), 'homepage is missing'],
    [
      'from another repository',
      { remote: 'https://github.com/other/fork.git' },
      'is github.com/other/fork; provenance',
    ],
    [
      'with a version that is none',
      { ...pkg({ version: '1.2' }), lock: { version: '1.2' }, changelog: READY.changelog.replace('1.2.0', '1.2') },
      '"1.2" of package.json',
    ],
    ['with two versions', { lock: { version: '1.1.0' } }, 'package-lock.json has version 1.1.0'],
    ['a second time', { tags: ['v1.2.0'] }, 'the tag v1.2.0 exists'],
    ['while it is private', pkg({ private: true }), 'remove "private"'],
    ['with two licences', pkg({ license: 'ISC' }), 'license of package.json is ISC'],
    ['without its changes', { changelog: '# Changelog\n' }, 'no section for 1.2.0; write "## 1.2.0 - 2027-02-03"'],
    ['with a section that only begins like it', { changelog: '## 1.2.0-beta.1 - 2027-01-01\n\n- x\n' }, 'no section'],
    ['without a date', { changelog: '## 1.2.0 \n\n- x\n' }, 'has no date'],
    ['with a date to come', { changelog: '## 1.2.0 - 2027-02-04\n\n- x\n' }, 'lies in the future'],
    [
      'with a section that is empty',
      { changelog: '## 1.2.0 - 2027-02-01\n\n## 1.1.0 - 2027-01-01\n\n- x\n' },
      'lists no',
    ],
    ['with changes in no version', { changelog: `## Unreleased\n\n- y\n\n${READY.changelog}` }, 'move them to 1.2.0'],
    [
      'with changes that no commit has',
      { changes: [' M src/index.ts'] },
      '1 files differ from the last commit (M src/i',
    ],
    ['from a branch', { branch: 'topic' }, 'the branch is topic'],
    ['without provenance', without('publishConfig'), 'publishConfig lacks provenance'],
    ['by an npm without provenance', { npmVersion: '9.4.2' }, 'npm 9.4.2 cannot'],
    [
      'with a file that is not for users',
      { files: [...READY.files, 'test/bench/main.ts'] },
      'holds test/bench/main.ts',
    ],
    ['without its licence', { files: READY.files.filter((file) => file !== 'LICENSE') }, 'the tarball lacks LICENSE'],
  ])('%s', (_why, change, message) => {
    const problems = problemsOf({ ...READY, ...change });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });
});

test('no message holds the credentials of a remote', () => {
  const remote = 'https://user:token@github.com/other/fork.git';
  expect(problemsOf({ ...READY, remote }).join('\n')).not.toContain('token');
});
