import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { nodeRelay, relayHandler, type RelayOptions } from 'rx-video-tasks/relay';
import { completedTask, processingTask } from 'rx-video-tasks/testing';
import { eventsOf, type Event } from './events.js';
import { fakeTracker } from './fake-tracker.js';
import { ask, serve, until, type NodeServer } from './node-server.js';
import { repetitions } from '../repetitions.js';

const servers: NodeServer[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server[Symbol.asyncDispose]();
});

async function relayServer(options: Partial<RelayOptions> = {}) {
  const tracker = fakeTracker();
  const authorize: RelayOptions['authorize'] = (_request, refs) => ({ subject: 's', refs });
  const relay = relayHandler({ tracker, authorize, streamsPerSubject: 10_000, ...options });
  const server = await serve(nodeRelay(relay));
  servers.push(server);
  return { tracker, server };
}

const CUTS = repetitions(600);
const EVENTS = repetitions(400_000);

describe(`R1 a connection that is cut ${CUTS} times`, () => {
  test.each([
    ['one task', ['a']],
    ['three tasks', ['a', 'b', 'c']],
  ])('%s: nothing lost, nothing doubled, nothing out of order', { timeout: 120_000 }, async (_what, ids) => {
    const { tracker, server } = await relayServer();
    const target = `/tasks?${ids.map((id) => `id=${id}`).join('&')}`;
    // A second subscriber, so that the tasks go on while this client is away.
    const keeper = ask(server.port, `${target}&id=other`);
    keeper.resume();
    await until(() => tracker.subscriptions === ids.length + 1);
    const seen: Event[] = [];
    let lastEventId: string | undefined;
    const sent = new Map<string, number>();
    let last = '';
    let state = 1;
    /** 0..1, the same in every run. */
    const random = () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;

    for (let cut = 0; cut < CUTS; cut++) {
      const isLast = cut === CUTS - 1;
      const socket = ask(server.port, target, lastEventId);
      // Cut anywhere: before the answer, in its head, within an event or between two.
      const most = isLast ? Infinity : Math.floor(random() * 1500);
      let bytes = 0;
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.subarray(0, Math.max(0, most - bytes)).toString();
        bytes += chunk.length;
        // Of what was sent, no more will arrive than this.
        const isAll = most >= 500 && !isLast && text.includes(last);
        if (bytes >= most || isAll) socket.destroy();
      });
      const gone = new Promise((resolve) => socket.on('close', resolve));
      for (let nth = 0; nth < 3; nth++) {
        const id = ids[Math.floor(random() * ids.length)] as string;
        tracker.emit(processingTask({ id, progress: (cut * 3 + nth) % 100 }));
        sent.set(id, (sent.get(id) ?? 0) + 1);
        last = `"id":"${id}","provider":"scripted","status":"processing","seq":${sent.get(id) ?? 0},`;
        await turn();
      }
      if (isLast) for (const id of ids) tracker.emit(completedTask({ id }));
      else if (most < 500) setTimeout(() => socket.destroy(), 1);
      await gone;
      for (const [, frame = ''] of text.matchAll(/(id: .*\ndata: .*)\n\n/g)) {
        const [id = '', data = ''] = frame.split('\n');
        lastEventId = id.slice(4);
        seen.push({ id: lastEventId, task: JSON.parse(data.slice(6)) as Event['task'] });
      }
    }

    for (const id of ids) {
      const seqs = seen.filter(({ task }) => task.id === id).map(({ task }) => task.seq as number);
      const first = seqs[0] as number;
      expect(seqs).toEqual(seqs.map((_seq, nth) => first + nth));
      expect(seqs.length).toBeGreaterThan((2 * CUTS) / 3);
      expect(seen.findLast(({ task }) => task.id === id)?.task.status).toBe('completed');
    }
    keeper.destroy();
    await until(() => tracker.subscriptions === 0);
    expect(tracker.subscriptions).toBe(0);
  });

  test('a client that was away for more than 64 transitions gets a snapshot', async () => {
    const { tracker, server } = await relayServer();
    const keeper = ask(server.port, '/tasks?id=a');
    await until(() => tracker.subscriptions === 1);
    for (let progress = 1; progress <= 80; progress++) tracker.emit(processingTask({ id: 'a', progress }));
    const response = await fetch(`${server.url}/tasks?id=a`, { headers: { 'last-event-id': '15' } });
    const { value } = (await eventsOf(response).next()) as { value: Event };
    expect(value.task.seq).toBe(80);
    keeper.destroy();
  });
});

test(`R2 a client that never reads is dropped, and ${EVENTS} events cost no memory`, { timeout: 240_000 }, async () => {
  const { tracker, server } = await relayServer();
  // One reads, so that the events go on when the other is gone; and the process is warm when its memory is measured.
  const keen = ask(server.port, '/tasks?id=a');
  let tail = '';
  keen.on('data', (chunk: Buffer) => (tail = (tail + chunk.toString()).slice(-4000)));
  await until(() => tail !== '');
  // On a busy machine garbage lies around for long; it is no memory that is held.
  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;
  const held = () => {
    collectGarbage();
    return process.memoryUsage().rss;
  };
  let most = 0;
  const emit = async (times: number) => {
    most = held();
    for (let nth = 1; nth <= times; nth++) {
      tracker.emit(processingTask({ id: 'a', progress: nth % 100 }));
      if (nth % 200 === 0) await turn();
      if (nth % 10_000 === 0) most = Math.max(most, held());
    }
  };
  await emit(EVENTS / 4);

  const lazy = ask(server.port, '/tasks?id=a');
  lazy.pause();
  let dropped = false;
  lazy.on('close', () => (dropped = true));
  await until(() => server.open === 2);
  const before = held();
  await emit(EVENTS);
  lazy.resume();
  const last = `"seq":${EVENTS / 4 + EVENTS},`;
  await until(() => dropped && tail.includes(last));
  expect(tail).toContain(last);
  expect(dropped).toBe(true);
  expect((most - before) / 1e6).toBeLessThan(20);
  expect(server.open).toBe(1);
});

test('R3 foreign, unknown, unauthenticated and odd ids: one and the same 404', async () => {
  const tasks = new Map([
    ['mine', { owner: 'me', ref: 'task-1' }],
    ['foreign', { owner: 'you', ref: 'task-2' }],
  ]);
  const { tracker, server } = await relayServer({
    authorize: (request, ids) => {
      const who = request.headers.get('authorization');
      if (who === null) return undefined;
      const refs = ids.map((id) => (tasks.get(id)?.owner === who ? tasks.get(id)?.ref : undefined));
      return { subject: who, refs };
    },
  });
  const get = async (query: string, who?: string) => {
    const response = await fetch(
      `${server.url}/tasks${query}`,
      who === undefined ? {} : { headers: { authorization: who } },
    );
    const { date, ...headers } = Object.fromEntries(response.headers);
    expect(date).toBeDefined();
    return { status: response.status, headers, text: await response.text() };
  };
  const odd = ['', ' ', '.', '..', '../mine', '%00', 'mine%00', 'mine%0a', '%0d%0aid:', 'mine%20', '%ff', '%ED%A0%80'];
  odd.push(
    '__proto__',
    'constructor',
    'task-1',
    'MINE',
    'mine,mine',
    '*',
    '%25',
    "'%20OR%201=1",
    '<script>',
    '{}',
    '[]',
  );
  odd.push('a'.repeat(129), encodeURIComponent('視'.repeat(200)), 'http://evil.test/', 'null', 'undefined', '0', '-1');
  const answers = await Promise.all([
    get('?id=mine'),
    get('?id=foreign', 'me'),
    get('?id=unknown', 'me'),
    get('', 'me'),
    get('?', 'me'),
    get('?ID=mine', 'me'),
    get('?id=foreign&id=unknown', 'me'),
    ...odd.map((id) => get(`?id=${id}`, 'me')),
  ]);
  expect(answers.length).toBeGreaterThan(30);
  for (const answer of answers) expect(answer).toStrictEqual(answers[0]);
  expect(answers[0]).toMatchObject({ status: 404, text: '{"error":"not found"}' });
  expect(tracker.asked).toEqual([]);

  const granted = await fetch(`${server.url}/tasks?id=mine`, { headers: { authorization: 'me' } });
  expect(granted.status).toBe(200);
  await granted.body?.cancel();
});

test(
  'R4 1,000 clients, most of which go without a word: every event delivered, nothing left',
  { timeout: 120_000 },
  async () => {
    const { tracker, server } = await relayServer();
    const ids = Array.from({ length: 50 }, (_, nth) => `t${nth}`);
    const clients = Array.from({ length: 1000 }, (_, nth) => {
      const id = ids[nth % ids.length] as string;
      const client = { id, text: '', isOver: false, socket: ask(server.port, `/tasks?id=${id}`) };
      client.socket.on('data', (chunk: Buffer) => (client.text += chunk.toString()));
      client.socket.on('close', () => (client.isOver = true));
      return client;
    });
    await until(() => clients.every(({ text }) => text.includes('retry:')));
    expect(tracker.subscriptions).toBe(ids.length);

    for (const id of ids) tracker.emit(processingTask({ id, progress: 1 }));
    await until(() => clients.every(({ text }) => text.includes('"seq":1,')));
    const leaving = clients.filter((_client, nth) => nth % 10 < 6);
    for (const { socket } of leaving) socket.resetAndDestroy();
    for (const id of ids) {
      tracker.emit(processingTask({ id, progress: 2 }));
      tracker.emit(completedTask({ id }));
    }
    const staying = clients.filter((client) => !leaving.includes(client));
    await until(() => staying.every(({ text }) => text.endsWith('\r\n0\r\n\r\n')));
    for (const { id, text } of staying) {
      const received = [...text.matchAll(/data: (.*)\n/g)].map(([, data = '']) => JSON.parse(data) as Event['task']);
      expect(received.map((task) => `${task.id} ${task.seq ?? 0}`)).toEqual([`${id} 1`, `${id} 2`, `${id} 3`]);
    }
    expect(tracker.subscriptions).toBe(0);

    // And with nothing more to send, so that only the cut itself can be noticed.
    const silent = Array.from({ length: 200 }, (_, nth) => ask(server.port, `/tasks?id=silent${nth}`));
    await until(() => tracker.subscriptions === 200);
    expect(tracker.subscriptions).toBe(200);
    for (const socket of silent) socket.resetAndDestroy();
    await until(() => tracker.subscriptions === 0);
    expect(tracker.subscriptions).toBe(0);
  },
);
