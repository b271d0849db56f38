import fc from 'fast-check';
import { isQueryError, isTerminal, type Task } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import replies from '../fixtures/replies.json' with { type: 'json' };
import seeds from '../fixtures/seeds.json' with { type: 'json' };
import seen from '../fixtures/seen.json' with { type: 'json' };
import { generations, read, wires } from './reading.js';
import { isLong, repetitions } from '../repetitions.js';

const wire = fc.constantFrom(...Object.values(wires));
const http = fc.oneof({ weight: 3, arbitrary: fc.constant(200) }, fc.integer({ min: 100, max: 599 }));
// Any code point. A string of fast-check's unit `binary` is as wide, but maps all 1,114,112 of them first, for seconds.
const text = fc.oneof(
  fc.string(),
  fc.array(fc.nat(0x10_ff_ff), { maxLength: 200 }).map((codes) => String.fromCodePoint(...codes)),
);
const fixtures = [...replies, ...seeds, ...seen].map(({ body }) => body as unknown);

function idIn(task: object): string {
  const { id, task_id } = task as { id?: string; task_id?: string };
  return task_id ?? id ?? 'x';
}

/** What any reading must come to. */
function check(outcome: () => Task): void {
  let task: Task;
  try {
    task = outcome();
  } catch (error) {
    expect(isQueryError(error), String(error)).toBe(true);
    return;
  }
  expect(task.id).toBe('x');
  expect(task.rawStatus.trim()).not.toBe('');
  if (task.status === 'completed') expect(new URL(task.video.url).protocol).toMatch(/^https?:$/);
  if (task.status === 'failed') expect(task.failure.message.trim()).not.toBe('');
  if (task.progress !== undefined) expect(task.progress >= 0 && task.progress <= 100).toBe(true);
  for (const time of [task.createdAt, task.startedAt, task.finishedAt]) {
    if (time !== undefined) expect(Number.isNaN(new Date(time).getTime())).toBe(false);
  }

  const { raw } = task as { raw?: string };
  expect(raw !== undefined).toBe(isTerminal(task) || task.status === 'unknown');
  expect(Object.keys(task)).not.toContain('raw');
  if (raw !== undefined) expect(Buffer.byteLength(raw)).toBeLessThanOrEqual(65_536);

  const copy = JSON.parse(JSON.stringify(task)) as Task;
  expect(copy).toStrictEqual({ ...task });
}

/** The same JSON with one place, at any depth, put in another value's hands. */
function mutate(value: unknown, path: readonly number[], other: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined || typeof value !== 'object' || value === null) return other;
  const names = Object.keys(value);
  const name = names[step % names.length];
  if (name === undefined) return other;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<string, unknown>;
  copy[name] = mutate(copy[name], rest, other);
  return copy;
}

const mutation = fc.tuple(
  fc.constantFrom(...fixtures),
  fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }),
  fc.oneof(
    fc.jsonValue(),
    fc.constantFrom(
      'SUCCESS',
      'FAILURE',
      'completed',
      'failed',
      '',
      'https://h/v.mp4',
      'ftp://h/v',
      0,
      -1,
      1e308,
      {},
      [],
    ),
  ),
);

describe('F27 whatever comes, a reading ends in a Task or a QueryError', () => {
  test('F27 any text', () => {
    fc.assert(
      fc.property(wire, text, http, (reader, body, status) => {
        check(() => read(reader, body, { http: status }));
      }),
      { numRuns: repetitions(5_000) },
    );
  });

  test('F27 any JSON', () => {
    fc.assert(
      fc.property(wire, fc.json({ maxDepth: 5 }), http, (reader, body, status) => {
        check(() => read(reader, body, { http: status }));
      }),
      { numRuns: repetitions(10_000) },
    );
  });

  test('F27 any mutation of a reply seen in the wild', () => {
    fc.assert(
      fc.property(
        wire,
        mutation,
        fc.array(mutation, { maxLength: 3 }),
        http,
        (reader, [fixture, path, other], more, status) => {
          const body = more.reduce((json, [, at, value]) => mutate(json, at, value), mutate(fixture, path, other));
          check(() => read(reader, body, { http: status }));
        },
      ),
      { numRuns: isLong ? 30_000 : 3_000 },
    );
  });

  test('F27 any cut and any flipped character of one', () => {
    fc.assert(
      fc.property(
        wire,
        fc.constantFrom(...fixtures),
        fc.nat(),
        fc.string({ maxLength: 2 }),
        fc.boolean(),
        (reader, fixture, at, put, cuts) => {
          const whole = JSON.stringify(fixture);
          const cut = at % whole.length;
          check(() => read(reader, whole.slice(0, cut) + put + (cuts ? '' : whole.slice(cut + 1))));
        },
      ),
      { numRuns: repetitions(5_000) },
    );
  });

  test('a completed task has its video, whatever reason stands beside it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (fail_reason, error) => {
        const body = generations({ status: 'SUCCESS', result_url: 'https://h/v.mp4', fail_reason, error });
        const task = read(wires.generations, body);
        expect(task).toMatchObject({ status: 'completed', video: { url: 'https://h/v.mp4' } });
      }),
      { numRuns: repetitions(2_000) },
    );
  });

  test('never a false end: a mutation of anything but status and URL leaves a running task running', () => {
    const running = [...replies, ...seen].filter(({ expect: { status } }) => /queued|processing/.test(`${status}`));
    expect(running.length).toBeGreaterThan(6);
    const names = ['code', 'message', 'error', 'fail_reason', 'result_url', 'url', 'content', 'metadata', 'progress'];
    const inner = fc.constantFrom<object>(
      { status: 'failed', error: { code: 'InternalError' } },
      { status: 'succeeded', content: { video_url: 'https://h/v.mp4' } },
      { code: 'success', data: { status: 'SUCCESS', result_url: 'https://h/v.mp4' } },
    );
    fc.assert(
      fc.property(
        fc.constantFrom(...running),
        fc.dictionary(fc.constantFrom(...names.slice(1), 'finish_time', 'seed'), fc.jsonValue({ maxDepth: 2 })),
        fc.option(inner),
        ({ wire: name, body }, fields, upstream) => {
          const { data } = body as { data?: object };
          const changed = { ...(data ?? body), ...fields, ...(upstream ? { data: upstream } : {}) };
          let task: Task;
          try {
            task = read(wires[name as keyof typeof wires], data ? { ...body, data: changed } : changed, {
              id: idIn(changed),
            });
          } catch (error) {
            expect(isQueryError(error), String(error)).toBe(true);
            return;
          }
          expect(isTerminal(task)).toBe(false);
        },
      ),
      { numRuns: repetitions(5_000) },
    );
  });

  test('the raw reply is cut to 64 KiB between characters', () => {
    for (const letter of ['a', 'é', '视', '🎬']) {
      const reason = letter.repeat(80_000);
      const task = read(wires.generations, generations({ status: 'FAILURE', fail_reason: reason })) as {
        raw?: string;
      };
      expect(Buffer.byteLength(task.raw ?? '')).toBeGreaterThan(65_530);
      expect(Buffer.byteLength(task.raw ?? '')).toBeLessThanOrEqual(65_536);
      expect(task.raw).not.toMatch(/\p{Surrogate}/u);
    }
  });
});
