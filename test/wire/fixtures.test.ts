import { describe, expect, test } from 'vitest';
import replies from '../fixtures/replies.json' with { type: 'json' };
import seeds from '../fixtures/seeds.json' with { type: 'json' };
import { OBSERVED_AT, read, refusal, wires } from './reading.js';

/** The id that a reply names, as somebody asking would know it. */
function idIn(body: object): string {
  const { id, data } = body as { id?: string; data?: { task_id?: string } | null };
  return data?.task_id ?? id ?? 'x';
}

describe('replies seen in the wild', () => {
  test.each(replies)('$name ($source)', ({ wire, http, body, expect: expected }) => {
    const asked = { id: idIn(body), http };
    const reader = wires[wire as keyof typeof wires];
    if ('error' in expected) {
      expect(refusal(reader, body, asked)).toMatchObject({ kind: expected.error, httpStatus: http, id: asked.id });
      return;
    }
    const task = read(reader, body, asked);
    expect(task).toMatchObject({ status: expected.status, id: asked.id, provider: 'acme', observedAt: OBSERVED_AT });
    expect(task.progress).toBe('progress' in expected ? expected.progress : undefined);
    expect(task.status === 'completed' ? task.video.url : undefined).toBe(expected.videoUrl);
    expect(task.status === 'failed' ? task.failure.message : undefined).toBe(expected.failureMessage);
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
