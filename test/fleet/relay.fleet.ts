import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { once } from 'node:events';
import { lastValueFrom, tap, toArray } from 'rxjs';
import { afterEach, expect, test } from 'vitest';
import { isTerminal, relayTracker, type TrackedTask } from 'rx-video-tasks';
import { nodeRelay, relayHandler } from 'rx-video-tasks/relay';
import { serve } from '../relay/node-server.js';
import { closeAll, stage } from './stage.js';

afterEach(closeAll);

/** Forwards connections to the port that is given last, and cuts the others. */
async function forwarder(): Promise<{ url: string; to: (port: number) => void; close: () => void }> {
  const sockets = new Set<Socket>();
  let target = 0;
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
        sockets.delete(socket);
      });
    }
    client.pipe(upstream).pipe(client);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    to(port) {
      target = port;
      cut();
    },
    close() {
      cut();
      server.close();
    },
  };
}

test('R5: a browser that reconnects to another replica goes on without loss or doubling', async () => {
  const { tracker, worker, cleanUp } = await stage({ polls: 5 });
  const replicas = await Promise.all(
    [tracker(), tracker()].map((fleet) =>
      serve(
        nodeRelay(
          relayHandler({
            tracker: fleet,
            videoUrl: true,
            authorize: (_, ids) => ({ subject: 'anne', refs: [...ids] }),
          }),
        ),
      ),
    ),
  );
  for (const replica of replicas) cleanUp(() => replica[Symbol.asyncDispose]());
  const [first, second] = replicas as [(typeof replicas)[0], (typeof replicas)[0]];
  const proxy = await forwarder();
  cleanUp(() => {
    proxy.close();
  });
  proxy.to(first.port);
  worker();

  const browser = relayTracker({ url: `${proxy.url}/tasks` });
  cleanUp(() => {
    browser.close();
  });
  let seen = 0;
  const transitions: TrackedTask[] = await lastValueFrom(
    browser.trackAll(Array.from({ length: 10 }, (_, at) => `video_${at}`)).pipe(
      tap(() => {
        // In the middle of things, there and back.
        if (++seen === 12) proxy.to(second.port);
        if (seen === 18) proxy.to(first.port);
      }),
      toArray(),
    ),
  );
  for (let at = 0; at < 10; at++) {
    const own = transitions.filter(({ id }) => id === `video_${at}`);
    const numbers = own.map(({ seq = 0 }) => seq);
    expect(numbers, String(at)).toEqual([...new Set(numbers)].sort((a, b) => a - b));
    expect(own.filter(isTerminal).map(({ status }) => status)).toEqual(['completed']);
    expect(own[0]?.status).toBe('queued');
  }
});
