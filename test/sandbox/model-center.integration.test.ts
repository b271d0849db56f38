import { lastValueFrom } from 'rxjs';
import { createTracker } from 'rx-video-tasks';
import { startSandbox } from 'rx-video-tasks/sandbox';
import { expect, test } from 'vitest';

test('a task of the model center has a path of its own, and its reply contains what it cost', async () => {
  const sandbox = await startSandbox({ speed: 600, seed: 5 });
  const tracker = createTracker({ provider: sandbox.providers, speed: sandbox.speed });
  try {
    const ref = sandbox.create({ provider: 'mingyan', model: 'sd_2.0_special' });
    expect(ref.id).toMatch(/^mcp_/);
    const task = await lastValueFrom(tracker.track(ref));
    expect(task).toMatchObject({ status: 'completed', model: 'sd_2.0_special', usage: { amount: 0.32 } });
    const headers = { authorization: `Bearer ${sandbox.keys.mingyan}` };
    const statusOf = async (path: string) => (await fetch(`${sandbox.url}/mingyan${path}`, { headers })).status;
    expect(await statusOf(`/v2/model-center/tasks/${ref.id}`)).toBe(200);
    expect(await statusOf(`/v1/result/${ref.id}`)).toBe(404);
    expect(await statusOf('/v2/model-center/tasks/video_1')).toBe(404);
  } finally {
    tracker.close();
    await sandbox.close();
  }
});
