import fc from 'fast-check';
import { catchError, from, lastValueFrom, map, mergeMap, of, toArray } from 'rxjs';
import { isQueryError, type Task } from 'rx-video-tasks';
import { expect, test } from 'vitest';
import { reply } from '../fault-server.js';
import replies from '../fixtures/replies.json' with { type: 'json' };
import { kinds, stage } from './stage.js';
import { isLong } from '../repetitions.js';

/** Asked for through the whole library, on sockets; test/wire/properties.test.ts reads as many more without. */
const BODIES = isLong ? 1_000_000 : 5_000;
const BATCH = 1_000;

const known = replies.map(({ body }) => JSON.stringify(body));
const body = fc.oneof(
  fc.array(fc.nat(0x10_ff_ff), { maxLength: 60 }).map((codes) => String.fromCodePoint(...codes)),
  fc.json({ maxDepth: 4 }),
  // A reply seen in the wild, with a piece of it put elsewhere.
  fc
    .tuple(fc.constantFrom(...known), fc.nat(), fc.nat(20), fc.string({ maxLength: 4 }))
    .map(([text, at, length, put]) => {
      const start = at % text.length;
      return text.slice(0, start) + put + text.slice(start + length);
    }),
  fc
    .record(
      {
        code: fc.oneof(fc.constantFrom('success', 0, 200, 'task_not_exist', 429), fc.jsonValue({ maxDepth: 1 })),
        status: fc.oneof(fc.constantFrom('queued', 'SUCCESS', 'FAILURE', 'completed'), fc.jsonValue({ maxDepth: 1 })),
        data: fc.jsonValue({ maxDepth: 3 }),
        error: fc.jsonValue({ maxDepth: 2 }),
        progress: fc.jsonValue({ maxDepth: 1 }),
        video_url: fc.oneof(fc.webUrl(), fc.jsonValue({ maxDepth: 1 })),
      },
      { requiredKeys: [] },
    )
    .map((fields) => JSON.stringify(fields)),
);
const status = fc.oneof({ weight: 9, arbitrary: fc.constant(200) }, fc.constantFrom(400, 404, 418, 429, 500, 503));

const EXPECTED = new Set([
  ...['queued', 'processing', 'unknown', 'completed', 'failed', 'cancelled'],
  ...['malformed', 'server', 'not-found', 'unauthorized', 'rate-limited', 'misconfigured'],
]);

/** What no task may be, whatever it was read from. */
function flawOf(task: Task, nth: number): string | undefined {
  if (task.id !== String(nth)) return 'another id';
  if (task.status === 'completed' && !/^https?:/.test(task.video.url)) return 'a video that is nowhere';
  if (task.status === 'failed' && task.failure.message.trim() === '') return 'no reason';
  const { progress = 0 } = task;
  return progress >= 0 && progress <= 100 ? undefined : 'a progress beyond all bounds';
}

test(
  `F27 of ${BODIES} odd bodies each is a Task or a QueryError, and nothing else happens`,
  { timeout: 3_600_000 },
  async (context) => {
    const [undici] = kinds;
    if (!undici) throw new Error('no transport');
    // Some bodies say that they are throttled, which is not what this is about: nothing is paused.
    const { server, tracker } = await stage(undici, context, { gate: { admit: (_ticket, request) => request } });
    const unhandled: unknown[] = [];
    const note = (error: unknown) => unhandled.push(error);
    process.on('unhandledRejection', note);
    const seen = new Set<string>();
    for (let batch = 0; batch * BATCH < BODIES; batch++) {
      const bodies = fc.sample(fc.tuple(body, status), { numRuns: BATCH, seed: batch });
      server.route(({ path }) => {
        const [text, http] = bodies[Number(path.split('/').pop())] ?? ['', 500];
        return reply({ body: Buffer.from(text), status: http });
      });
      const outcomes = await lastValueFrom(
        from(bodies.keys()).pipe(
          mergeMap(
            (nth) =>
              tracker.query(String(nth)).pipe(
                map((task) => flawOf(task, nth) ?? task.status),
                catchError((error: unknown) => of(isQueryError(error) ? error.kind : String(error))),
                map((outcome) => [nth, outcome] as const),
              ),
            64,
          ),
          toArray(),
        ),
      );
      expect(outcomes).toHaveLength(BATCH);
      for (const [nth, outcome] of outcomes) {
        if (!EXPECTED.has(outcome)) expect.fail(`${outcome}: ${JSON.stringify(bodies[nth])}`);
        seen.add(outcome);
      }
    }
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
    expect(Object.keys(Object.prototype)).toEqual([]);
    // The bodies are odd in every way.
    expect([...EXPECTED].filter((outcome) => !seen.has(outcome))).toEqual([]);
  },
);
