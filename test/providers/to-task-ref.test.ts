import { alad, isQueryError, mingyan, toTaskRef, type QueryError } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';

const KEY = 'sk-create-0123456789abcdef';
const provider = alad({ apiKey: KEY, name: 'second' });

function refusal(reply: unknown): QueryError {
  try {
    toTaskRef(provider, reply);
  } catch (error) {
    if (isQueryError(error)) return error;
  }
  throw new Error('no QueryError');
}

describe('from a create reply to a ref', () => {
  test.each<[string, unknown]>([
    ['id', { id: 't1' }],
    ['task_id', { task_id: 't1', status: 'queued' }],
    ['data.id', { code: 'success', data: { id: 't1' } }],
    ['data.task_id', { code: 0, data: { task_id: 't1', id: 17 } }],
    ['data as text', { code: 'success', message: '', data: 't1' }],
    ['text', '{"task_id":"t1"}'],
    ['a status of the envelope', { status: 'success', data: { task_id: 't1' } }],
    ['a task with its upstream', { id: 't1', status: 'queued', data: null }],
  ])('%s', (_, reply) => {
    expect(toTaskRef(provider, reply)).toStrictEqual({ id: 't1', provider: 'second' });
  });

  test('of the model center, with model and time where it has them', () => {
    const reply = {
      id: 'mcp_1',
      object: 'video',
      model: 'sd_2.0_special',
      status: 'queued',
      created: 1761635478,
      error: null,
    };
    expect(toTaskRef(mingyan({ apiKey: KEY }), reply)).toStrictEqual({
      ...{ id: 'mcp_1', provider: 'mingyan', model: 'sd_2.0_special', createdAt: 1761635478000 },
    });
  });

  test.each<[unknown, RegExp]>([
    [{ code: 1001, msg: 'no balance', data: null }, /\[1001\]: no balance; looked for task_id, id, data\.task_id/],
    [{ code: 'invalid_request', message: 'no', id: 'req-1' }, /\[invalid_request\]: no/],
    [{ error: { code: 'quota', message: `key ${KEY}` } }, /\[quota\]: key sk-…/],
    [{ code: 'success', data: 'task is queued' }, /names no task/],
    ['<html>', /names no task/],
    [{}, /names no task/],
    [null, /names no task/],
    [undefined, /names no task/],
    [[{ id: 't1' }], /names no task/],
  ])('is refused: %#', (reply, message) => {
    expect(refusal(reply)).toMatchObject({ kind: 'malformed', provider: 'second' });
    expect(refusal(reply).message).toMatch(message);
    expect(refusal(reply).message).not.toContain('0123456789');
  });
});
