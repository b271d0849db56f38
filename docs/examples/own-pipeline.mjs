// Your own pipeline: a query, the bare operators, and whatever else RxJS offers between and behind them.
//
//   npm ci && npm run build && node docs/examples/own-pipeline.mjs

import { finalize, from, map, mergeMap, timeInterval } from 'rxjs';
import { createQuery, dedupeStatus, pollUntilTerminal, withModelInterval } from 'rx-video-tasks';
import { startSandbox } from 'rx-video-tasks/sandbox';

const sandbox = await startSandbox({ speed: 60, seed: 1 });
const refs = [
  sandbox.create({ provider: 'alad', outcome: 'completed' }),
  sandbox.create({ provider: 'globalaiopc', outcome: 'completed' }),
  sandbox.create({ provider: 'xingchaoyiqing', outcome: 'cancelled' }),
];

// One GET per subscription. The operators decide when to subscribe again, and which answers are changes.
const query = createQuery({ provider: sandbox.providers });

// The documented waits divided by sixty, to suit this sandbox. For the real services write pollUntilTerminal() without
// numbers and, for anyfast and alad, withModelInterval(generationsWindows), for the others withModelInterval().
const waits = withModelInterval({ 'veo_*': { min: 500, max: 1_000 }, '*': { min: 250, max: 500 } });
const poll = pollUntilTerminal({
  interval: 500,
  minInterval: 250,
  deadline: 60_000,
  onMiss: ({ id, kind, nextPollIn }) => console.log(`${id}: no answer (${kind}), next ask in ${nextPollIn} ms`),
});

from(refs)
  .pipe(
    mergeMap((ref) =>
      query(ref).pipe(
        waits,
        poll,
        dedupeStatus({ by: 'status' }),
        timeInterval(),
        map(({ value, interval }) => `${value.provider}: ${value.status}, ${(interval / 1000).toFixed(1)} s later`),
      ),
    ),
    finalize(() => sandbox.close()),
  )
  .subscribe((line) => console.log(line));
