import { completedTask, processingTask } from 'rx-video-tasks/testing';
import { expect, test } from 'vitest';
import { urlsOf, withBareUrls, withUrls } from '../../src/fleet/snapshot.js';

test('Redis gets no URL with a query or a password, and a task without either as it is', () => {
  const video = { url: 'https://user:secret@v.example/v.mp4', coverUrl: 'https://v.example/c.jpg?Signature=secret' };
  const whole = completedTask({ video });
  const stored = withBareUrls(whole);
  expect(stored).toMatchObject({
    hasBareUrls: true,
    video: { url: 'https://v.example/v.mp4', coverUrl: 'https://v.example/c.jpg' },
  });
  expect(JSON.stringify(stored)).not.toContain('secret');
  expect(withUrls(stored, urlsOf(whole))).toEqual(whole);

  for (const task of [processingTask(), completedTask({ video: { url: 'https://v.example/v.mp4' } })]) {
    expect(withBareUrls(task)).toBe(task);
  }
});
