import { QueryError, type Task, type Wire } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { DAY, generations, OBSERVED_AT, read, refusal, result, wires } from './reading.js';

const url = 'https://videos.example.com/a.mp4';
const bodies = {
  result: (status: string) => result({ status }),
  generations: (status: string) => generations({ status }),
};

/** Reads with what the transport and the query know beside the body. */
function readWith(wire: Wire, body: object, around: { readonly requestId?: string; readonly ahead?: number }): Task {
  const { requestId, ahead = 0 } = around;
  const context = {
    provider: 'acme',
    id: 'x',
    observedAt: OBSERVED_AT,
    retention: DAY,
    redact: (text: string) => text,
  };
  return wire.read({ status: 200, body: JSON.stringify(body), requestId }, { ...context, ahead });
}

describe.each(['result', 'generations'] as const)('the %s wire', (name) => {
  const wire = wires[name];
  const body = bodies[name];

  test('keeps the reply’s text of unknown and terminal tasks, and of no others', () => {
    expect(wire.name).toBe(name);
    for (const status of ['queued', 'processing']) expect(read(wire, body(status))).not.toHaveProperty('raw');
    for (const status of ['pondering', 'failed', 'cancelled']) {
      expect(read(wire, body(status))).toHaveProperty('raw', JSON.stringify(body(status)));
    }
  });

  test('keeps 64 KiB of it at most, and no half of a character', () => {
    const raw = (filler: string) => {
      const task = read(wire, { ...body('cancelled'), filler });
      return 'raw' in task ? String(task.raw) : '';
    };
    expect(raw('a'.repeat(100_000))).toHaveLength(65_536);
    const wide = raw('频'.repeat(100_000));
    expect(new TextEncoder().encode(wide).byteLength).toBeLessThanOrEqual(65_536);
    expect(wide.endsWith('频')).toBe(true);
    expect(wide.length).toBeGreaterThan(20_000);
  });

  test('takes the trace id of the headers where the body has none', () => {
    expect(readWith(wire, body('queued'), { requestId: 'trace-1' })).toHaveProperty('requestId', 'trace-1');
    expect(readWith(wire, body('queued'), {})).not.toHaveProperty('requestId');
  });

  test('trims what an error says, and its code', () => {
    const { message, code } = refusal(wire, { code: ' task_not_exist ', message: ' no such task ' }, { http: 400 });
    expect(code).toBe('task_not_exist');
    expect(message).toBe(
      'acme returned no usable status for task x: HTTP 400 [task_not_exist]: no such task. Right after creation this passes; later the id is wrong, or the record deleted.',
    );
  });

  test('names what came instead of a task, and the remedy', () => {
    const messageOf = (body: unknown, http?: number) => refusal(wire, body, http === undefined ? {} : { http }).message;
    const start = 'acme returned no usable status for task x: ';
    expect(messageOf('<html>', 200)).toBe(`${start}HTTP 200 without a JSON object. Check the base URL.`);
    expect(messageOf('<html>', 502)).toBe(`${start}HTTP 502 without a JSON object. The task is not affected.`);
    expect(messageOf({ id: 'x' })).toBe(`${start}the reply has no status. Check the base URL.`);
    expect(messageOf({ error: 'out of order' }, 500)).toBe(`${start}HTTP 500: out of order. The task is not affected.`);
    expect(messageOf({}, 401)).toBe(`${start}HTTP 401. The task is not affected; check the API key and its quota.`);
  });

  test.each([
    [199, 'misconfigured'],
    [299, 'server'],
    [300, 'misconfigured'],
    [599, 'server'],
    [600, 'server'],
    [999, 'server'],
  ])('HTTP %i with an object that tells nothing is %s', (http, kind) => {
    expect(refusal(wire, { error: 'no' }, { http }).kind).toBe(kind);
  });

  test('a byte order mark is passed over at the start, and only there', () => {
    const text = JSON.stringify(body('queued'));
    expect(read(wire, `\uFEFF${text}`).status).toBe('queued');
    expect(refusal(wire, text.replace(':', ':\uFEFF'))).toBeInstanceOf(QueryError);
  });

  test('a URL has a scheme of its own, at its start', () => {
    const completed = (place: string) =>
      name === 'result'
        ? result({ status: 'completed', video_url: place })
        : generations({ status: 'SUCCESS', url: place });
    for (const place of [url, url.replace('https', 'HTTP')]) {
      expect(read(wire, completed(place))).toMatchObject({ video: { url: place } });
    }
    for (const place of [`see ${url}`, `x${url}`, 'ftp://a.example/b.mp4', 'https://', 'https:// a', '//a.example/b']) {
      expect(refusal(wire, completed(place)).code).toBe('no-video');
    }
  });
});

describe('when a video expires', () => {
  const finished = (finish_time: number) => generations({ status: 'SUCCESS', result_url: url, finish_time });
  const expiry = (task: Task) => task.status === 'completed' && task.video.expiresAt;

  test('F33 is counted from its end by our clock, however far ahead the service’s is', () => {
    const end = OBSERVED_AT / 1000 - 60;
    expect(expiry(readWith(wires.generations, finished(end), {}))).toBe(OBSERVED_AT - 60_000 + DAY);
    const hourAhead = readWith(wires.generations, finished(end + 3_600), { ahead: 3_600_000 });
    expect(expiry(hourAhead)).toBe(OBSERVED_AT - 60_000 + DAY);
  });

  test('is counted from now where the answer has no time', () => {
    const timeless = generations({ status: 'SUCCESS', result_url: url, submit_time: 0, finish_time: 0 });
    expect(expiry(readWith(wires.generations, timeless, { ahead: 3_600_000 }))).toBe(OBSERVED_AT + DAY);
  });

  test.each([
    ['Expires=1000000000', 1e12],
    ['Expires=1777300000', 1777300000000],
    ['Expires=17773000000000', undefined],
    ['Expires=x1777300000', undefined],
    ['Expires=1777300000s', undefined],
    ['Expires=86400', undefined],
    ['X-Tos-Date=20260427T111505Z&X-Tos-Expires=86400', Date.UTC(2026, 3, 28, 11, 15, 5)],
    ['X-Tos-Date=x20260427T111505Z&X-Tos-Expires=86400', undefined],
    ['X-Tos-Date=20260427T111505Zx&X-Tos-Expires=86400', undefined],
    ['X-Amz-Date=20260427T111505Z&X-Amz-Expires=60', Date.UTC(2026, 3, 27, 11, 16, 5)],
  ])('by its URL’s ?%s', (query, at) => {
    const signed = result({ status: 'completed', video_url: `${url}?${query}`, created: OBSERVED_AT / 1000 });
    expect(expiry(read(wires.result, signed))).toBe(at ?? OBSERVED_AT + DAY);
  });
});

describe('odd fields', () => {
  test('a time in ms begins where seconds would be in the year 5138', () => {
    const createdAt = (created: unknown) => read(wires.result, result({ created })).createdAt;
    expect(createdAt(99_999_999_999)).toBe(99_999_999_999_000);
    expect(createdAt(1e11)).toBe(1e11);
    expect(createdAt(8.64e15)).toBe(8.64e15);
    expect(createdAt(8.64e15 + 1)).toBeUndefined();
  });

  test('a percentage ends with its sign, or has none', () => {
    const progressOf = (progress: unknown) => read(wires.generations, generations({ progress })).progress;
    expect(progressOf('50 % ')).toBe(50);
    expect(progressOf('5%0')).toBeUndefined();
    expect(progressOf(true)).toBeUndefined();
  });

  test('a flag is true or false, nothing that looks like it', () => {
    const hasAudio = (generate_audio: unknown) => {
      const task = read(wires.generations, generations({ status: 'SUCCESS', url, data: { generate_audio } }));
      return task.status === 'completed' && task.video.hasAudio;
    };
    expect([true, false, 1, 'true', null].map(hasAudio)).toEqual([true, false, undefined, undefined, undefined]);
  });

  test('a code is found in the upstream’s words, however many blanks come before it', () => {
    const failed = (fail_reason: string) => {
      const task = read(wires.generations, generations({ status: 'FAILURE', fail_reason }));
      return task.status === 'failed' && task.failure;
    };
    const kind = 'invalid-input';
    for (const blanks of ['', ' ', '   ']) {
      const message = `task failed, code:${blanks}InvalidParameter, message: no`;
      expect(failed(message)).toEqual({ message, code: 'InvalidParameter', kind });
    }
  });

  test('the first text that stands where a URL belongs is the reason of a failure', () => {
    const task = read(wires.result, result({ status: 'failed', video_url: 'face not allowed', error: null }));
    expect(task).toMatchObject({ failure: { message: 'face not allowed' } });
  });
});
