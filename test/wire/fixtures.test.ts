import { describe, expect, test } from 'vitest';
import replies from '../fixtures/replies.json' with { type: 'json' };
import seeds from '../fixtures/seeds.json' with { type: 'json' };
import seen from '../fixtures/seen.json' with { type: 'json' };
import { BASE_URL, OBSERVED_AT, read, refusal, wires } from './reading.js';

/** What a fixture says of its reading; a field that it does not name may have any value. */
interface Expected {
  readonly error?: string;
  readonly code?: string;
  readonly status?: string;
  readonly videoUrl?: string;
  readonly requiresKey?: boolean;
  readonly failureMessage?: string;
  readonly failureKind?: string;
  readonly failureCode?: string;
  readonly progress?: number;
  readonly model?: string;
  readonly createdAt?: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly durationSeconds?: number;
  readonly totalTokens?: number;
  readonly amount?: number;
}

interface Fixture {
  readonly name: string;
  readonly wire: string;
  readonly source: string;
  readonly http: number;
  readonly body: object;
  readonly expect: Expected;
}

/** The id that a reply names, which the caller has asked about. */
function idIn(body: object): string {
  const { id, task_id, data } = body as Record<'id' | 'task_id', string | undefined> & { data?: unknown };
  const inner = Object(data) as { id?: string; task_id?: string };
  return inner.task_id ?? inner.id ?? task_id ?? id ?? 'x';
}

describe.each([
  ['replies documented or seen', replies as readonly Fixture[]],
  ['replies seen since', seen as readonly Fixture[]],
])('%s', (_, fixtures) => {
  test.each(fixtures)('$name ($source)', ({ wire, http, body, expect: expected }) => {
    const asked = { id: idIn(body), http };
    const reader = wires[wire as keyof typeof wires];
    if (expected.error !== undefined) {
      const error = refusal(reader, body, asked);
      expect(error).toMatchObject({ kind: expected.error, httpStatus: http, id: asked.id });
      if (expected.code !== undefined) expect(error.code).toBe(expected.code);
      return;
    }
    const task = read(reader, body, asked);
    expect(task).toMatchObject({ status: expected.status, id: asked.id, provider: 'acme', observedAt: OBSERVED_AT });
    expect(task.progress).toBe(expected.progress);
    const { model, createdAt, startedAt, finishedAt } = expected;
    expect(task).toMatchObject(JSON.parse(JSON.stringify({ model, createdAt, startedAt, finishedAt })) as object);
    const video = task.status === 'completed' ? task.video : undefined;
    const url = expected.videoUrl?.startsWith('/') ? BASE_URL + expected.videoUrl : expected.videoUrl;
    expect(video?.url).toBe(url);
    expect(video?.requiresKey).toBe(expected.videoUrl?.startsWith('/') ? true : undefined);
    if (expected.durationSeconds !== undefined) expect(video?.durationSeconds).toBe(expected.durationSeconds);
    const usage = task.status === 'completed' ? task.usage : undefined;
    if (expected.totalTokens !== undefined) expect(usage?.totalTokens).toBe(expected.totalTokens);
    if (expected.amount !== undefined) expect(usage?.amount).toBe(expected.amount);
    const failure = task.status === 'failed' ? task.failure : undefined;
    expect(failure?.message.slice(0, expected.failureMessage?.length)).toBe(expected.failureMessage);
    if (expected.failureKind !== undefined) expect(failure?.kind).toBe(expected.failureKind);
  });
});

describe('examples of the seed documents, in every field', () => {
  test.each(seeds)('seed $seed ($provider): $name', ({ wire, body, expect: expected }) => {
    const id = idIn(body);
    const task = read(wires[wire as keyof typeof wires], body, { id });
    expect(task).toStrictEqual({ id, provider: 'acme', observedAt: OBSERVED_AT, ...expected });
  });

  test('super-resolution: the enhanced video is the video, billed by its own tokens', () => {
    const body = seeds.find(({ name }) => name.includes('super-resolution'))?.body ?? {};
    const task = read(wires.generations, body, { id: idIn(body) });
    if (task.status !== 'completed') throw new Error(task.status);
    expect(task.video.url).toContain('volcvideo');
    expect(task.video.originalUrl).toContain('volces');
    expect(task.video.resolution).toBe('720p');
    expect(task.usage?.billedTokens).toBe(114_441);
  });
});
