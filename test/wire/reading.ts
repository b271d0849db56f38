import { generationsWire, isQueryError, resultWire, type QueryError, type Task, type Wire } from 'rx-video-tasks';

export const wires = { result: resultWire, generations: generationsWire } as const;

export const OBSERVED_AT = Date.UTC(2026, 3, 27, 12);
export const DAY = 86_400_000;
export const BASE_URL = 'https://gateway.example.com';

export interface Asked {
  readonly id?: string;
  readonly http?: number;
  readonly baseUrl?: string;
}

/** Reads a body (text, or a value that becomes JSON) as the reply to a query. */
export function read(wire: Wire, body: unknown, { id = 'x', http = 200, baseUrl = BASE_URL }: Asked = {}): Task {
  return wire.read(
    { status: http, body: typeof body === 'string' ? body : JSON.stringify(body) },
    { provider: 'acme', id, observedAt: OBSERVED_AT, retention: DAY, baseUrl, redact: (text) => text },
  );
}

/** The QueryError of a reply that describes no task. */
export function refusal(wire: Wire, body: unknown, asked?: Asked): QueryError {
  try {
    read(wire, body, asked);
  } catch (error) {
    if (isQueryError(error)) return error;
    throw error;
  }
  throw new Error('the reply was read as a task');
}

/** A documented generations reply with some fields of its task replaced. */
export function generations(fields: object, id = 'x'): object {
  return {
    code: 'success',
    message: '',
    data: {
      task_id: id,
      action: 'generate',
      status: 'IN_PROGRESS',
      fail_reason: '',
      submit_time: 1777288506,
      start_time: 1777288508,
      finish_time: 0,
      progress: '50%',
      data: null,
      ...fields,
    },
  };
}

/** A documented result reply with some fields replaced. */
export function result(fields: object): object {
  return {
    id: 'x',
    object: 'video',
    created: 1761635478,
    model: 'seedance_1_5_pro_720p',
    status: 'processing',
    video_url: null,
    error: null,
    ...fields,
  };
}
