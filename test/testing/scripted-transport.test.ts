import {
  alad,
  createQuery,
  createTracker,
  generationsWire,
  isQueryError,
  mingyan,
  QueryError,
  resultWire,
  type QueryErrorKind,
} from 'rx-video-tasks';
import { lastValueFrom, toArray } from 'rxjs';
import { errorReply, generationsReply, resultReply, scriptedTransport, type ScriptTask } from 'rx-video-tasks/testing';
import { describe, expect, test } from 'vitest';
import { marbles } from '../marbles.js';

const providers = [
  ['result', mingyan({ apiKey: 'any' }), resultWire, resultReply],
  ['generations', alad({ apiKey: 'any' }), generationsWire, generationsReply],
] as const;

const context = { provider: 'p', id: 'a', observedAt: 1e12, retention: 1, redact: (text: string) => text };
const createdAt = 1_777_288_506_000;
const video = { url: 'https://cdn.example.com/a.mp4', durationSeconds: 7 };
const tasks: ScriptTask[] = [
  { status: 'queued' },
  { status: 'processing' },
  { status: 'unknown', rawStatus: 'MODERATING' },
  { status: 'completed', video },
  { status: 'failed', failure: { message: 'no faces', code: 'policy_violation', kind: 'policy' } },
  { status: 'cancelled' },
];

describe.each(providers)('the %s wire', (name, provider, wire, reply) => {
  test.each(tasks)('reads its own fixture back: $status', (fields) => {
    const task = wire.read(reply({ id: 'a', createdAt, ...fields }), context);
    expect(task).toMatchObject({ id: 'a', status: fields.status, createdAt });
    if (fields.status === 'unknown') expect(task.rawStatus).toBe('MODERATING');
    if (task.status === 'completed') expect(task.video).toMatchObject(video);
    if (task.status === 'failed') expect(task.failure.kind).toBe('policy');
  });

  const kinds = [
    'unauthorized',
    'forbidden',
    'not-found',
    'rate-limited',
    'server',
    'malformed',
    'misconfigured',
  ] as const;
  test.each(kinds)('reads errorReply as %s', (kind) => {
    const read = () => wire.read(errorReply(kind), context);
    expect(read).toThrow(QueryError);
    expect(kindOf(read)).toBe(kind);
  });

  test('is spoken to a tracker, in virtual time', () => {
    marbles((m) => {
      const { transport, log } = scriptedTransport({ a: ['q', errorReply('rate-limited', 95), 'p', 's'] });
      const tracker = createTracker({ provider, transport, cadence: 'uniform', random: () => 0 });
      const seen: string[] = [];
      tracker.track('a').subscribe({ next: ({ status }) => seen.push(status), error: () => seen.push('error') });
      m.flush();
      expect(seen).toEqual(['queued', 'processing', 'completed']);
      const wait = name === 'result' ? 30_000 : 15_000;
      expect(log.map(({ type, at }) => `${type} ${at}`)).toEqual([
        'request 0',
        'answer 1',
        `request ${wait + 2}`,
        `answer ${wait + 3}`,
        `request ${wait + 95_003}`,
        `answer ${wait + 95_004}`,
        `request ${2 * wait + 95_005}`,
        `answer ${2 * wait + 95_006}`,
      ]);
    })();
  });

  test('is spoken to a query, in real time', async () => {
    const { transport } = scriptedTransport({ 'a/b': [{ status: 'completed', video }, 'network', 'expired', 'empty'] });
    const query = createQuery({ provider, transport });
    const [task] = await lastValueFrom(query('a/b').pipe(toArray()), { defaultValue: [] });
    expect(task).toMatchObject({ id: 'a/b', provider: provider.name, video });
    await expect(lastValueFrom(query('a/b'), { defaultValue: 0 })).rejects.toMatchObject({ kind: 'network' });
    const old = { id: 'a/b', createdAt: Date.now() - 2 * 86_400_000 };
    await expect(lastValueFrom(query(old), { defaultValue: 0 })).rejects.toMatchObject({ kind: 'expired' });
    await expect(lastValueFrom(query('a/b'), { defaultValue: 'empty' })).resolves.toBe('empty');
    await expect(lastValueFrom(query('c'), { defaultValue: 0 })).rejects.toMatchObject({ kind: 'not-found' });
  });
});

test('super-resolution tasks tell the enhanced video, the original and what is billed', () => {
  const enhanced = {
    url: 'https://cdn.example.com/u.mp4',
    originalUrl: 'https://cdn.example.com/o.mp4',
    resolution: '1080p',
  };
  const usage = { totalTokens: 50_638, completionTokens: 50_638, billedTokens: 114_441 };
  const reply = generationsReply({ id: 'a', status: 'completed', video: enhanced, usage });
  expect(generationsWire.read(reply, context)).toMatchObject({ status: 'completed', video: enhanced, usage });
});

test('the words are those of each wire', () => {
  const words = (reply: typeof resultReply) => tasks.map((task) => /"status":"(\w+)"/.exec(reply(task).body)?.[1]);
  expect(words(resultReply)).toEqual(['queued', 'processing', 'MODERATING', 'completed', 'failed', 'cancelled']);
  expect(words(generationsReply)).toEqual(['QUEUED', 'IN_PROGRESS', 'MODERATING', 'SUCCESS', 'FAILURE', 'CANCELLED']);
});

function kindOf(read: () => unknown): QueryErrorKind | undefined {
  try {
    read();
  } catch (error) {
    if (isQueryError(error)) return error.kind;
  }
  return undefined;
}
