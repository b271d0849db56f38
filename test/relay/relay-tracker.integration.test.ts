import { expect, test } from 'vitest';
import { relayTracker } from 'rx-video-tasks';
import { nodeRelay, relayHandler } from 'rx-video-tasks/relay';
import { completedTask, processingTask } from 'rx-video-tasks/testing';
import { fakeTracker } from './fake-tracker.js';
import { serve, until } from './node-server.js';

test('R1 connections cut on real sockets: nothing lost, nothing doubled, nothing out of order', async () => {
  const service = fakeTracker();
  const relay = relayHandler({ tracker: service, authorize: (_request, refs) => ({ subject: 's', refs }) });
  const listener = nodeRelay(relay);
  let cuts = 0;
  await using server = await serve((request, response) => {
    listener(request, response);
    if (cuts++ < 100) setTimeout(() => response.destroy(), Math.random() * 12);
  });
  // 3 s of the relay's become 3 ms.
  const fetchSoon: typeof fetch = async (url, init) => {
    const response = await fetch(url, init);
    const soon = new TransformStream<string, string>({
      transform: (text, controller) => {
        controller.enqueue(text.replace('retry: 3000', 'retry: 1'));
      },
    });
    const body = response.body?.pipeThrough(new TextDecoderStream()).pipeThrough(soon);
    return new Response(body?.pipeThrough(new TextEncoderStream()) as never, response);
  };
  const tracker = relayTracker({ url: server.url, fetch: fetchSoon, random: () => -0.499 });
  // A second subscriber, so that the tasks go on while this client is away.
  const keeper = await relay(new Request(`https://app.test/tasks?id=a&id=b`));
  const received = new Map<string, number[]>();
  let isOver = false;
  tracker.trackAll(['a', 'b']).subscribe({
    error: expect.unreachable,
    next: ({ id, seq }) => received.set(id, [...(received.get(id) ?? []), seq as number]),
    complete: () => (isOver = true),
  });
  let nth = 0;
  while (cuts < 100) {
    service.emit(processingTask({ id: nth % 2 ? 'a' : 'b', progress: nth++ % 100 }));
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
  for (const id of ['a', 'b']) service.emit(completedTask({ id }));
  await until(() => isOver);
  await keeper.body?.cancel();
  expect(isOver).toBe(true);
  for (const seqs of received.values()) {
    const first = seqs[0] as number;
    expect(seqs).toEqual(seqs.map((_seq, at) => first + at));
    expect(seqs.length).toBeGreaterThan(50);
  }
  expect([...received.keys()].sort()).toEqual(['a', 'b']);
});
