import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { answer } from './child.js';

/** What the server has seen since it was last asked. */
export interface ServerReport {
  readonly url: string;
  readonly requests: number;
  /** How many carried a request. */
  readonly sockets: number;
  /** From one request about a task to the next, in ms, for the tasks that never end; every tenth of them. */
  readonly gaps: readonly number[];
}

// Speaks both wires, and the two of the SDKs that can speak no other. An id ends in the number of the poll that finds its
// task done: `t1-5`; after `t1-never` none does.
const asked = new Map<string, number>();
const lastAsk = new Map<string, number>();
const sockets = new Set<Socket>();
let requests = 0;
let gaps: number[] = [];

const URL_OF_VIDEO = 'https://cdn.example.com/videos/v.mp4?Expires=1893456000&Signature=c2lnbmF0dXJl';

function isDone(id: string): boolean {
  const end = id.slice(id.lastIndexOf('-') + 1);
  if (end === 'never') {
    const at = performance.now();
    const before = lastAsk.get(id);
    if (before !== undefined && id.endsWith('0-never')) gaps.push(Math.round(at - before));
    lastAsk.set(id, at);
    return false;
  }
  const polls = (asked.get(id) ?? 0) + 1;
  if (polls < Number(end)) asked.set(id, polls);
  else asked.delete(id);
  return polls >= Number(end);
}

function resultBody(id: string): object {
  const done = isDone(id);
  return {
    id,
    object: 'video',
    created: 1761635478,
    model: 'seedance_1_5_pro_720p',
    status: done ? 'completed' : 'processing',
    video_url: done ? URL_OF_VIDEO : null,
    error: null,
  };
}

function generationsBody(id: string): object {
  const done = isDone(id);
  return {
    code: 'success',
    message: '',
    data: {
      task_id: id,
      action: 'generate',
      status: done ? 'SUCCESS' : 'IN_PROGRESS',
      fail_reason: done ? URL_OF_VIDEO : '',
      ...(done ? { result_url: URL_OF_VIDEO } : {}),
      submit_time: 1777288506,
      start_time: 1777288508,
      finish_time: done ? 1777288651 : 0,
      progress: done ? '100%' : '50%',
      data: { id: 'cgt-1', model: 'doubao-seedance-2-0', status: done ? 'succeeded' : 'running', duration: 5 },
    },
  };
}

function bodyOf(path: string): object {
  const words = path.split('?', 1)[0]?.split('/') ?? [];
  const id = words.at(-1) ?? '';
  if (path.startsWith('/v1/result/')) return resultBody(id);
  if (path.startsWith('/v1/video/')) return generationsBody(id);
  if (path.startsWith('/predictions/')) return { id, status: isDone(id) ? 'succeeded' : 'processing', output: null };
  // /OWNER/APP/requests/ID/status, the queue of fal.
  return { status: isDone(words.at(-2) ?? '') ? 'COMPLETED' : 'IN_PROGRESS', logs: null };
}

const server = createServer({ keepAliveTimeout: 120_000 }, (request, response) => {
  requests++;
  sockets.add(request.socket);
  const body = JSON.stringify(bodyOf(request.url ?? ''));
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
});
server.on('connection', (socket) => {
  // A client that was stopped in the middle of its work.
  socket.on('error', () => socket.destroy());
});

const listening = new Promise<string>((resolve) => {
  server.listen({ port: 0, host: '127.0.0.1', backlog: 16_384 }, () => {
    resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
});

// `hang up` closes what the contestant before has left open: some take ten thousand sockets.
answer(async (question: string) => {
  if (question === 'hang up') server.closeIdleConnections();
  const report: ServerReport = { url: await listening, requests, sockets: sockets.size, gaps };
  requests = 0;
  sockets.clear();
  gaps = [];
  return report;
});
