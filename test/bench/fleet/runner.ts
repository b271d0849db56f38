// One engine in a process of its own: a worker of a fleet, or a tracker.
import { setTimeout as sleep } from 'node:timers/promises';
import { of } from 'rxjs';
import { createGate, createTracker, type Transport } from 'rx-video-tasks';
import { fleetWorker } from 'rx-video-tasks/bullmq';
import { Redis } from 'ioredis';
import { answer } from '../child.js';
import { acme, idsOf } from './fill.js';

export interface Job {
  readonly engine: 'worker' | 'tracker';
  /** Of Redis; the tracker leaves it alone. */
  readonly connection: string;
  readonly tasks: number;
  /** From answer to ask, in ms. */
  readonly interval: number;
  /** How long is measured, in ms, after every task was asked about once. */
  readonly duration: number;
}

export interface Bill {
  readonly polls: number;
  /** ms */
  readonly took: number;
  /** Of this process, in µs. */
  readonly cpu: number;
  /** Of Redis, in µs. */
  readonly redisCpu: number;
  /** From due to asked, in ms, sorted. */
  readonly delays: readonly number[];
}

let asked = 0;
let delays: number[] = [];
const answeredAt = new Map<string, number>();

/** Answers at once, as always running: what is measured is the engine. */
const transport =
  (interval: number): Transport =>
  (request) => {
    const id = request.url.slice(request.url.lastIndexOf('/') + 1);
    const now = performance.now();
    const before = answeredAt.get(id);
    if (before !== undefined) delays.push(now - before - interval);
    answeredAt.set(id, now);
    asked += 1;
    const body = `{"id":"${id}","object":"video","model":"videos","status":"processing","video_url":null,"error":null}`;
    return of({ status: 200, headers: {}, body });
  };

answer(async ({ engine, connection, tasks, interval, duration }: Job): Promise<Bill> => {
  const provider = acme({ apiKey: 'key' });
  const options = {
    provider,
    interval,
    minInterval: interval,
    transport: transport(interval),
    gate: createGate({ maxInFlight: 1_000, requestsPerMinute: Infinity }),
  };
  if (engine === 'worker') fleetWorker({ ...options, connection, concurrency: 200 }).subscribe();
  else createTracker(options).trackAll(idsOf(tasks)).subscribe();
  while (answeredAt.size < tasks) await sleep(50);
  await sleep(interval);
  const redis = new Redis(connection);
  const redisBefore = await cpuOf(redis);
  [asked, delays] = [0, []];
  const cpuBefore = process.cpuUsage();
  const from = performance.now();
  await sleep(duration);
  const { user, system } = process.cpuUsage(cpuBefore);
  const took = performance.now() - from;
  const polls = asked;
  const redisCpu = (await cpuOf(redis)) - redisBefore;
  return { polls, took, cpu: user + system, redisCpu, delays: delays.sort((a, b) => a - b) };
});

/** µs of CPU that the server has used. */
async function cpuOf(redis: Redis): Promise<number> {
  const info = await redis.info('cpu');
  const seconds = ['used_cpu_sys', 'used_cpu_user'].map((name) =>
    Number(new RegExp(`${name}:([\\d.]+)`).exec(info)?.[1]),
  );
  return seconds.reduce((sum, value) => sum + value, 0) * 1e6;
}
