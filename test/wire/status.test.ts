import { isTerminal } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { generations, read, refusal, result, wires } from './reading.js';

const words = {
  queued: ['queued', 'pending', 'NOT_START', 'SUBMITTED', 'QUEUED'],
  processing: ['processing', 'running', 'IN_PROGRESS', 'PROCESSING'],
  completed: ['completed', 'succeeded', 'success', 'SUCCESS', 'succeed'],
  failed: ['failed', 'FAILURE', 'FAILED', 'expired'],
  cancelled: ['cancelled', 'canceled', 'CANCELLED'],
  unknown: ['UNKNOWN', 'paused', 'constructor', '__proto__', 'toString', '排队中'],
};
const rows = Object.entries(words).flatMap(([status, raws]) => raws.map((raw) => [raw, status] as const));

describe.each(Object.entries(wires))('status words on the %s wire', (name, wire) => {
  const say = (status: unknown) =>
    name === 'result'
      ? result({ status, video_url: 'https://cdn.example.com/v.mp4' })
      : generations({ status, result_url: 'https://cdn.example.com/v.mp4' });

  test.each(rows)('%s is %s', (raw, status) => {
    const task = read(wire, say(raw));
    expect(task).toMatchObject({ status, rawStatus: raw });
    expect(isTerminal(task)).toBe(['completed', 'failed', 'cancelled'].includes(status));
  });

  test.each(rows)('%s is %s in any case and padding, and the word is kept as it came', (raw, status) => {
    for (const spelled of [raw.toLowerCase(), raw.toUpperCase(), ` ${raw}\n`]) {
      expect(read(wire, say(spelled))).toMatchObject({ status, rawStatus: spelled });
    }
  });

  test.each([[null], [undefined], [''], ['  '], [5], [true], [{}], [['completed']]])('%j is no status', (status) => {
    expect(refusal(wire, say(status))).toMatchObject({ kind: 'malformed', retryable: true });
  });
});
