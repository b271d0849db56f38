import { EMPTY, from, NEVER } from 'rxjs';
import { completedTask } from 'rx-video-tasks/testing';
import { expect, test, vi } from 'vitest';
import { showJson } from '../../src/cli/line-view.js';

const tasks = Array.from({ length: 16_000 }, (_, nth) => completedTask({ id: `task-${nth}` }));

/** The CPU time of a piece of work, in µs: the least of some runs, since other work can only add to it. */
async function cost(work: () => unknown): Promise<number> {
  const costs: number[] = [];
  for (let run = 0; run < 3; run++) {
    const before = process.cpuUsage();
    await work();
    costs.push(process.cpuUsage(before).user);
  }
  return Math.min(...costs);
}

test('a line costs the same however many tasks came before it', async () => {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  const track = () => from(tasks);
  const shown = await cost(() =>
    showJson({ refs: [], track, misses: NEVER, stats: EMPTY, providers: [], speed: 1, stop: NEVER }),
  );
  const printed = await cost(() => {
    for (const task of tasks) console.log(JSON.stringify(task));
  });
  log.mockRestore();
  // A copy of all tasks at each line costs twenty times as much.
  expect(shown / printed).toBeLessThan(6);
});
