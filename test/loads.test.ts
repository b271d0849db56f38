import { expect, test } from 'vitest';

// Imported while the test runs: what fails at import fails here, as a test.
test.for([
  ['rx-video-tasks', () => import('rx-video-tasks')],
  ['rx-video-tasks/node', () => import('rx-video-tasks/node')],
  ['rx-video-tasks/testing', () => import('rx-video-tasks/testing')],
  ['rx-video-tasks/sandbox', () => import('rx-video-tasks/sandbox')],
] as const)('%s loads', async ([, load]) => {
  expect(Object.keys(await load())).not.toEqual([]);
});
