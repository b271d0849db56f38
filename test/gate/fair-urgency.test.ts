import { asyncScheduler, defer, of } from 'rxjs';
import { createGate, createTracker, mingyan, type TaskRef, type Transport } from 'rx-video-tasks';
import { expect, test } from 'vitest';
import { chanceOf, drawExponential, drawLognormal, lognormal } from '../bench/chance.js';
import { marbles } from '../marbles.js';
import { isLong } from '../repetitions.js';

const FROM = 1_760_000_000_000;
/** How long tasks are created. */
const SPAN = isLong ? 3_600_000 : 1_800_000;

/** A family of tasks: how often they are created, how long they take, how to track them. Times in ms. */
interface Family {
  readonly every: number;
  readonly takes: readonly [number, number];
  readonly ref: Omit<Exclude<TaskRef, string>, 'id'>;
}

/**
 * For a key with 60 requests a minute. 480p tasks want a request every 15 s for about a minute, offline (flex) ones one
 * every 90 s for ten: together 1.3 requests a second.
 */
const families: Readonly<Record<string, Family>> = {
  '480p': { every: 4_000, takes: [30_000, 120_000], ref: { model: 'seedance_1_5_pro_480p' } },
  flex: { every: 20_000, takes: [300_000, 1_200_000], ref: { hint: 'flex', model: 'seedance_1_5_pro_480p' } },
};

/** The mean time from a task's end to its detection, by family, in ms. */
function latencies(): Record<string, number> {
  const random = chanceOf(3);
  const ends = new Map<string, number>();
  const late: Record<string, number[]> = {};
  const transport: Transport = ({ url }) =>
    defer(() => {
      const id = url.slice(url.lastIndexOf('/') + 1);
      const isDone = asyncScheduler.now() >= (ends.get(id) ?? Infinity);
      const [status, video_url] = isDone ? ['completed', 'https://cdn.example/v'] : ['processing', null];
      return of({ status: 200, headers: {}, body: JSON.stringify({ id, status, video_url }) });
    });
  marbles((m) => {
    m.scheduler.maxFrames = FROM + 2 * SPAN;
    m.scheduler.schedule(() => {
      const provider = mingyan({ apiKey: 'key-of-two-families' });
      const gate = createGate({ requestsPerMinute: 60 });
      const tracker = createTracker({ provider, transport, gate, random });
      for (const [name, { every, takes, ref }] of Object.entries(families)) {
        const found: number[] = (late[name] = []);
        let nth = 0;
        for (let at = 0; at < SPAN; at += drawExponential(every, random)) {
          const id = `${name}-${nth++}`;
          const endsAt = FROM + at + drawLognormal(lognormal(takes), random);
          ends.set(id, endsAt);
          m.scheduler.schedule(() => {
            tracker.track({ id, createdAt: FROM + at, ...ref }).subscribe({
              complete: () => found.push(asyncScheduler.now() - endsAt),
              error: (error: unknown) => expect.unreachable(String(error)),
            });
          }, at);
        }
      }
    }, FROM);
    m.flush();
  })();
  return Object.fromEntries(
    Object.entries(late).map(([name, all]) => [name, all.reduce((sum, ms) => sum + ms, 0) / all.length]),
  );
}

test('tasks without documented times and tasks with them wait alike for a busy key, each by its own window', () => {
  const { '480p': quick = NaN, flex = NaN } = latencies();
  // Windows of 15 s and 90 s: in parts of them, neither waits half as long again as the other.
  const ratio = quick / 15_000 / (flex / 90_000);
  expect(ratio).toBeGreaterThan(0.67);
  expect(ratio).toBeLessThan(1.5);
});
