// A hundred tasks as one stream. One of them fails, which is a value like any other: the rest go on.
//
//   npm ci && npm run build && node docs/examples/hundred-tasks.mjs

import { finalize, auditTime } from 'rxjs';
import { createTracker, summarize } from 'rx-video-tasks';
import { startSandbox } from 'rx-video-tasks/sandbox';

const sandbox = await startSandbox({ speed: 120, seed: 1 });
const refs = Array.from({ length: 100 }, (_, n) =>
  sandbox.create({ provider: n % 2 === 0 ? 'alad' : 'mingyan', outcome: n === 41 ? 'failed' : 'completed' }),
);
const tracker = createTracker({ provider: sandbox.providers, speed: sandbox.speed });

/** @type {import('rx-video-tasks').Board | undefined} */
let last;

tracker
  .trackAll(refs)
  .pipe(
    summarize(),
    auditTime(500),
    finalize(() => sandbox.close()),
  )
  .subscribe({
    next: (board) => {
      last = board;
      const { queued, processing, completed, failed } = board.counts;
      console.log(`${queued} queued, ${processing} processing, ${completed} completed, ${failed} failed`);
    },
    complete: () => {
      for (const task of last?.tasks ?? []) {
        if (task.status === 'failed') console.log(`${task.provider} ${task.id} failed: ${task.failure.message}`);
      }
    },
  });
