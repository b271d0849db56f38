// Awaiting one task: throwOnFailure() turns a failed, cancelled or lost task into an error, so that a promise can reject.
//
//   npm ci && npm run build && node docs/examples/throw-on-failure.mjs

import { filter, firstValueFrom } from 'rxjs';
import { createTracker, isTaskFailedError, isTerminal, isTrackingError, throwOnFailure } from 'rx-video-tasks';
import { startSandbox } from 'rx-video-tasks/sandbox';

const sandbox = await startSandbox({ speed: 60, seed: 1 });
const tracker = createTracker({ provider: sandbox.providers, speed: sandbox.speed });

/** @param {import('rx-video-tasks').TaskRef} ref */
async function videoOf(ref) {
  const { video } = await firstValueFrom(tracker.track(ref).pipe(throwOnFailure(), filter(isTerminal)));
  return video.url;
}

const good = sandbox.create({ provider: 'alad', outcome: 'completed' });
const bad = sandbox.create({ provider: 'alad', outcome: 'failed' });

for (const ref of [good, bad]) {
  try {
    console.log(`got ${await videoOf(ref)}`);
  } catch (error) {
    // The task itself failed: paid for or not, there will be no video.
    if (isTaskFailedError(error)) console.log(`no video: ${error.message}`);
    // Only tracking ended: the task may still be running, and can be tracked again by its id.
    else if (isTrackingError(error)) console.log(`not known: ${error.message}`);
    else throw error;
  }
}

await sandbox.close();
