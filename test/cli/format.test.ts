import { completedTask, processingTask } from 'rx-video-tasks/testing';
import { expect, test } from 'vitest';
import { withBareUrls } from '../../src/cli/format.js';

test('a log gets no URL with a query or a password', () => {
  const video = {
    url: 'https://user:secret@v.example/v.mp4?Signature=secret',
    coverUrl: 'https://v.example/c.jpg#secret',
    resolution: '720p',
    seed: 7,
  };
  const shown = withBareUrls(completedTask({ video }));
  expect(shown).toMatchObject({
    video: { url: 'https://v.example/v.mp4', coverUrl: 'https://v.example/c.jpg', resolution: '720p', seed: 7 },
  });
  const running = processingTask();
  expect(withBareUrls(running)).toBe(running);
});
