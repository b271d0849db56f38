import { expect, test } from 'vitest';
import { blocksOf, readPage } from './docs-blocks.js';

const readme = readPage('README.md');
const lines = readme.trimEnd().split('\n');

test('the README has at most 200 lines of at most 120 columns', () => {
  expect(lines.length).toBeLessThanOrEqual(200);
  expect(lines.filter((line) => line.length > 120)).toEqual([]);
});

test('its first example is a file for a narrow terminal', () => {
  const [first] = blocksOf('README.md');
  expect(first?.code).toContain("from 'rx-video-tasks/sandbox'");
  expect(first?.code.split('\n').filter((line) => line.length > 72)).toEqual([]);
});

test('it shows the board before anything else, and each of the three operators with its marble diagram', () => {
  expect(readme.indexOf('[board]')).toBeLessThan(readme.indexOf('## '));
  for (const name of ['board', 'run', 'with-model-interval', 'poll-until-terminal', 'dedupe-status']) {
    expect(readme).toMatch(new RegExp(`^!\\[.+\\]\\[${name}\\]$`, 'm'));
    expect(readme).toContain(`\n[${name}]: docs/pictures/${name}.svg`);
  }
});
