import { asyncScheduler, defer, of } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { resultWindows, windowOf, type Transport } from 'rx-video-tasks';
import { chanceOf, drawExponential, drawLognormal, lognormal } from '../chance.js';
import { mean, median, spread, type Findings, type Table } from '../figures.js';
import { clients, FIRST_IN_FIRST_OUT, MODEL, type ClientMaker } from './clients.js';

const REQUESTS_PER_MINUTE = 60;
const MINUTE = 60_000;
/** When the first task arrives. The service's own times are in seconds. */
const FROM = 1_760_000_000_000;

/** How a client did. */
interface Score {
  /** Of the tasks that were seen to end: from the end to the answer that shows it, in s. */
  readonly latency: number;
  /** Shares of the tasks, and of the requests. */
  readonly lost: number;
  readonly throttled: number;
}

/** A key with a limit, more tasks than it can poll as often as the documents say, and how far each client gets with it. */
export function budget(isQuick: boolean): Promise<Findings> {
  const hours = isQuick ? 1 : 3;
  const seeds = isQuick ? [1] : [1, 2, 3];
  const rates = isQuick ? [27] : [12, 18, 27];
  const tables: Table[] = [];
  for (const perMinute of rates) {
    const scores = Object.entries(clients).map(
      ([name, make]) => [name, seeds.map((seed) => play(make, perMinute, hours, seed))] as const,
    );
    const reference = scores.find(([name]) => name === FIRST_IN_FIRST_OUT)?.[1] ?? [];
    tables.push({
      title: `${perMinute} tasks a minute on a key with ${REQUESTS_PER_MINUTE} requests a minute`,
      note: `720p tasks that arrive over ${hours} h, in virtual time; ${seeds.length === 1 ? 'one run' : `median (least–most) of ${seeds.length} runs`}. Latency is from a task's end to the answer that shows it, over all tasks that were not lost.`,
      head: ['', 'latency, s', 'to first in, first out', 'tasks lost', 'requests throttled'],
      rows: scores.map(([name, runs]) => [
        name.includes('shipped') ? `**${name}**` : name,
        spread(
          runs.map(({ latency }) => latency),
          0,
        ),
        spread(runs.map(({ latency }, i) => latency / (reference[i] as Score).latency)),
        percent(runs.map(({ lost }) => lost)),
        percent(runs.map(({ throttled }) => throttled)),
      ]),
    });
  }
  return Promise.resolve({ tables });
}

function percent(shares: readonly number[]): string {
  return `${(100 * median(shares)).toFixed(1)} %`;
}

function play(make: ClientMaker, perMinute: number, hours: number, seed: number): Score {
  const chance = chanceOf(seed);
  const times = lognormal(windowOf(resultWindows, MODEL).generation as [number, number]);
  const tasks: { readonly id: string; readonly createdAt: number; readonly endsAt: number }[] = [];
  for (let at = FROM; at < FROM + hours * 60 * MINUTE; at += drawExponential(MINUTE / perMinute, chance)) {
    tasks.push({ id: `t${tasks.length}`, createdAt: at, endsAt: at + drawLognormal(times, chance) });
  }
  const service = serviceOf(new Map(tasks.map((task) => [task.id, task.endsAt])));
  const latencies: number[] = [];
  const scheduler = new TestScheduler(() => undefined);
  scheduler.run(() => {
    // A client that has not seen a task's end half a day later has lost it.
    scheduler.maxFrames = FROM + 12 * 60 * MINUTE;
    scheduler.schedule(() => {
      const track = make(service.transport, REQUESTS_PER_MINUTE, chanceOf(seed + 1));
      const arrive = (nth: number) => {
        const task = tasks[nth];
        if (!task) return;
        asyncScheduler.schedule(() => {
          arrive(nth + 1);
          track(task.id, task.createdAt).subscribe({
            error: () => undefined,
            complete: () => latencies.push((asyncScheduler.now() - task.endsAt) / 1000),
          });
        }, task.createdAt - asyncScheduler.now());
      };
      arrive(0);
    }, FROM);
  });
  const lost = tasks.length - latencies.length;
  return { latency: mean(latencies), lost: lost / tasks.length, throttled: service.throttled() / service.requests() };
}

/** Answers at once, and to no more requests than the limit in any 60 s. */
function serviceOf(ends: ReadonlyMap<string, number>): {
  readonly transport: Transport;
  readonly requests: () => number;
  readonly throttled: () => number;
} {
  let served: number[] = [];
  let requests = 0;
  let throttled = 0;
  const transport: Transport = ({ url }) =>
    defer(() => {
      const at = asyncScheduler.now();
      requests++;
      served = served.filter((time) => time > at - MINUTE);
      if (served.length >= REQUESTS_PER_MINUTE) {
        throttled++;
        return of({ status: 429, headers: {}, body: '' });
      }
      served.push(at);
      const id = url.slice(url.lastIndexOf('/') + 1);
      const isDone = at >= (ends.get(id) ?? Infinity);
      const [status, video_url] = isDone ? ['completed', 'https://cdn.example/v'] : ['processing', null];
      return of({ status: 200, headers: {}, body: JSON.stringify({ id, model: MODEL, status, video_url }) });
    });
  return { transport, requests: () => requests, throttled: () => throttled };
}
