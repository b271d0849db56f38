import { createServer, type Server } from 'node:http';
import { once } from 'node:events';

/** A service on the result wire whose tasks end after so many polls, and which counts what it is asked. */
export interface Service {
  readonly baseUrl: string;
  /** Requests by task. */
  readonly asked: ReadonlyMap<string, number>;
  /** `performance.now()` of every request. */
  readonly times: readonly number[];
  /** The shortest time between two requests about one task, in ms. */
  readonly shortestGap: () => number;
  close(): Promise<void>;
}

export interface ServiceOptions {
  /** Polls until the end. @default 3 */
  readonly polls?: number;
  /** What the reply is, where it is not the ordinary one. */
  readonly reply?: (
    id: string,
    count: number,
  ) => { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown } | undefined;
}

export async function startService({ polls = 3, reply }: ServiceOptions = {}): Promise<Service> {
  const asked = new Map<string, number>();
  const lastAt = new Map<string, number>();
  const times: number[] = [];
  let shortest = Infinity;
  const server: Server = createServer((request, response) => {
    const id = decodeURIComponent((request.url ?? '').split('/').at(-1) ?? '');
    const count = (asked.get(id) ?? 0) + 1;
    const now = performance.now();
    asked.set(id, count);
    times.push(now);
    shortest = Math.min(shortest, now - (lastAt.get(id) ?? -Infinity));
    lastAt.set(id, now);
    const { status, headers, body } = reply?.(id, count) ?? {
      status: 200,
      headers: {},
      body: bodyOf(id, count, polls),
    };
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body ?? {}));
  });
  server.keepAliveTimeout = 30_000;
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as { port: number };
  return {
    baseUrl: `http://127.0.0.1:${port}`,
    asked,
    times,
    shortestGap: () => shortest,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function bodyOf(id: string, count: number, polls: number): object {
  const status = count >= polls ? 'completed' : count === 1 ? 'queued' : 'processing';
  return {
    id,
    object: 'video',
    model: 'seedance_1_5_pro_480p',
    status,
    video_url: status === 'completed' ? `https://videos.example/${id}.mp4?X-Signature=secret-of-${id}` : null,
    error: null,
  };
}
