// An engine of one's own on the library's poll policy: a plain loop over a table, as a cron job or a database would hold it.
//   npm ci && npm run build && node docs/examples/fleet/own-engine.mjs

import { createPollPolicy, createQuery, isTerminal } from 'rx-video-tasks';
import { startSandbox } from 'rx-video-tasks/sandbox';
import { firstValueFrom } from 'rxjs';

const speed = 120; // the sandbox's minutes pass in half seconds
const sandbox = await startSandbox({ speed });
const query = createQuery({ provider: sandbox.providers });
const policy = createPollPolicy({ interval: 10_000 / speed, minInterval: 10_000 / speed });

// The table: one row a task. `state` is plain JSON; a row can be written, read elsewhere and continued there.
const services = /** @type {const} */ (['xingchaoyiqing', 'mingyan', 'globalaiopc', 'anyfast', 'alad']);
const table = services.map((provider) => {
  const { id, createdAt } = sandbox.create({ provider });
  const { state, decision } = policy.start({ now: Date.now(), createdAt });
  return { id, provider, state: JSON.stringify(state), due: Date.now() + decision.delay, end: '' };
});

while (table.some(({ end }) => end === '')) {
  for (const row of table.filter(({ end, due }) => end === '' && due <= Date.now())) {
    let { state, decision } = policy.next(JSON.parse(row.state), { type: 'due' }, { now: Date.now() });
    if (decision.type === 'ask') {
      const outcome = await firstValueFrom(query({ id: row.id, provider: row.provider })).then(
        (task) => ({ type: /** @type {const} */ ('answer'), task }),
        (/** @type {unknown} */ error) => ({ type: /** @type {const} */ ('miss'), error }),
      );
      ({ state, decision } = policy.next(state, outcome, { now: Date.now() }));
      if (outcome.type === 'answer') {
        console.log(row.provider, outcome.task.status);
        if (isTerminal(outcome.task)) row.end = outcome.task.status;
      }
    }
    if (decision.type === 'end') row.end = `lost: ${decision.reason}`;
    row.state = JSON.stringify(state);
    row.due = Date.now() + (decision.type === 'wait' ? decision.delay : 0);
  }
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await sandbox.close();
