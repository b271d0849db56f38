// One task, from queued to its video.
//
//   npm ci && npm run build && node docs/examples/one-task.mjs

import { finalize } from 'rxjs';
import { createTracker } from 'rx-video-tasks';
import { startSandbox } from 'rx-video-tasks/sandbox';

// The sandbox stands in for the services, here sixty times faster than real. For a real task write
//   createTracker({ provider: xingchaoyiqing({ apiKey: process.env.XINGCHAOYIQING_API_KEY }) }).track('video_...')
const sandbox = await startSandbox({ speed: 60, seed: 1 });
const ref = sandbox.create({ provider: 'xingchaoyiqing', model: 'seedance_1_5_pro_480p', outcome: 'completed' });
const tracker = createTracker({ provider: sandbox.providers, speed: sandbox.speed });

tracker
  .track(ref)
  .pipe(finalize(() => sandbox.close()))
  .subscribe((task) => {
    console.log(task.status);
    if (task.status === 'completed') console.log(`the video: ${task.video.url}`);
    if (task.status === 'failed') console.log(`the reason: ${task.failure.message}`);
  });
