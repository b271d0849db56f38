import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { NodeRelayListener } from 'rx-video-tasks/relay';

/** A server on the loopback interface whose connections can be cut. */
export interface NodeServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** How many connections are open. */
  readonly open: number;
}

export async function serve(listener: NodeRelayListener, protocol: 'http' | 'http2' = 'http'): Promise<NodeServer> {
  const server = protocol === 'http' ? createServer(listener) : createHttp2Server(listener);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await once(server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }), 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    get open() {
      return sockets.size;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A client on the bare socket: it asks, and what becomes of the answer is its own affair. */
export function ask(port: number, target: string, lastEventId?: string): Socket {
  const socket = connect(port, '127.0.0.1');
  const resume = lastEventId === undefined ? '' : `Last-Event-ID: ${lastEventId}\r\n`;
  socket.on('error', () => undefined);
  socket.write(`GET ${target} HTTP/1.1\r\nHost: x\r\n${resume}\r\n`);
  return socket;
}

export async function until(isTrue: () => boolean, ms = 60_000): Promise<void> {
  const end = performance.now() + ms;
  while (!isTrue() && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 5));
}
