import { setTimeout as sleep } from 'node:timers/promises';
import { createGate } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { makeCertificates } from '../certificates.js';
import {
  dripBody,
  dripHeaders,
  hangUp,
  reset,
  resetInBody,
  stall,
  stallInBody,
  stallInHeaders,
  startBlackHole,
  startFaultServer,
  truncate,
  truncateChunked,
  truncateSilently,
} from '../fault-server.js';
import { counted, INTERVAL, kinds, says, stage, survives } from './stage.js';
import { until } from '../waiting.js';

describe.for(kinds)('over $name', (kind) => {
  describe.concurrent('a connection', () => {
    test('F1 refused 20 times, then accepted: one poll an interval at most, then it goes on', async (context) => {
      const gone = await startFaultServer();
      await gone.close();
      const { track, sent, misses } = await stage(kind, context, { baseUrl: gone.url });
      const task = track();
      await until(() => {
        expect(misses.length).toBeGreaterThanOrEqual(20);
      });
      expect({ state: task.state, statuses: task.statuses }).toEqual({ state: 'open', statuses: [] });
      expect(misses.map(({ kind: missed }) => missed)).toEqual(misses.map(() => 'network'));
      expect(misses.map(({ misses: inARow }) => inARow)).toEqual(misses.map((_, nth) => nth + 1));
      // A timer may fire a fraction of a ms early.
      sent.slice(1).forEach(({ at }, nth) => {
        expect(at - (sent[nth]?.at ?? 0)).toBeGreaterThanOrEqual(INTERVAL - 2);
      });
      const back = await startFaultServer({ port: gone.port });
      context.onTestFinished(() => back.close());
      back.answer(says('processing'), says('completed'));
      await task.over;
      expect(task.statuses).toEqual(['processing', 'completed']);
      expect(back.requests).toHaveLength(2);
    });

    test('F2 to a host that does not resolve, for good or for now, then does', async (context) => {
      const failures = ['ENOTFOUND', 'EAI_AGAIN', 'EAI_AGAIN'];
      const { server, track, misses, another } = await stage(kind, context, {
        connect: {
          lookup: (_host, _options, found) => {
            const code = failures.shift();
            const error = code === undefined ? null : Object.assign(new Error(`getaddrinfo ${code}`), { code });
            found(error, [{ address: '127.0.0.1', family: 4 }]);
          },
        },
      });
      server.answer(says('completed'));
      const tracker = another({ baseUrl: `http://service.example:${server.port}` });
      const task = track();
      task.subscription.unsubscribe();
      const statuses: string[] = [];
      await new Promise<void>((complete, error) => {
        tracker.track('t2').subscribe({ next: ({ status }) => statuses.push(status), complete, error });
      });
      expect(statuses).toEqual(['completed']);
      expect(misses.map(({ error }) => `${error.kind} ${error.code ?? ''}`)).toEqual([
        'network ENOTFOUND',
        'network EAI_AGAIN',
        'network EAI_AGAIN',
      ]);
    });

    test('F2 to a host that no resolver knows', async (context) => {
      const { track, misses } = await stage(kind, context, { baseUrl: 'http://nowhere.invalid' });
      const task = track();
      await until(() => {
        expect(misses.length).toBeGreaterThanOrEqual(2);
      });
      expect(task.state).toBe('open');
      for (const { error } of misses) expect(error.code).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/);
    });

    test.for([
      ['expired', 'CERT_HAS_EXPIRED'],
      ['wrongHost', 'ERR_TLS_CERT_ALTNAME_INVALID'],
    ] as const)(
      'F3 with a certificate that is %s: a TrackingError that names it, nothing sent',
      async ([which, code], context) => {
        const { ca, [which]: tls } = certificates;
        const { server, track, misses } = await stage(kind, context, { server: { tls }, connect: { ca } });
        const task = track();
        await task.over;
        expect(task.error).toMatchObject({ name: 'TrackingError', reason: 'query', cause: { code } });
        expect(task.error?.message).toContain('certificate cannot be trusted; nothing was sent');
        expect(task.error?.message).toContain(code);
        expect(server.requests).toHaveLength(0);
        expect(misses).toEqual([]);
      },
    );

    test('F3 with a good certificate is like any other', async (context) => {
      const { ca, valid: tls } = certificates;
      const { server, track } = await stage(kind, context, { server: { tls }, connect: { ca } });
      server.answer(says('completed'));
      const task = track();
      await task.over;
      expect(task.statuses).toEqual(['completed']);
    });

    test('F4 that never completes is timed out, time and again', async (context) => {
      const hole = await startBlackHole();
      context.onTestFinished(() => hole.close());
      const { track, misses } = await stage(kind, context, { baseUrl: hole.url, limits: { headersTimeout: 400 } });
      const task = track();
      await until(() => {
        expect(misses.length).toBeGreaterThanOrEqual(2);
      });
      for (const { kind: missed } of misses) expect(missed).toBe('timeout');
      expect({ state: task.state, statuses: task.statuses }).toEqual({ state: 'open', statuses: [] });
    });
  });

  describe.concurrent('a reply', () => {
    test.for([
      ['never come', stall()],
      ['stop half-way', stallInHeaders()],
      ['drip', dripHeaders()],
    ] as const)('F5 whose headers %s is given up at their limit, and its socket closed', async ([, slow], context) => {
      const { fault, closed } = counted(slow);
      const here = await stage(kind, context, { limits: { headersTimeout: 1500, totalTimeout: 60_000 } });
      await survives(here, [fault, fault], ['timeout', 'timeout']);
      for (const { error } of here.misses) expect(error.message).toContain('no reply within 1500 ms');
      await until(() => {
        expect(closed()).toBe(2);
      });
    });

    test.for([
      ['stalls', stallInBody()],
      ['drips', dripBody()],
    ] as const)(
      'F6 whose body %s is given up at the limit of the whole, and its socket closed',
      async ([, slow], context) => {
        const { fault, closed } = counted(slow);
        const here = await stage(kind, context, { limits: { headersTimeout: 1500, totalTimeout: 1800 } });
        await survives(here, [fault, fault], ['timeout', 'timeout']);
        for (const { error } of here.misses) expect(error.message).toContain('not complete within 1800 ms');
        await until(() => {
          expect(closed()).toBe(2);
        });
      },
    );

    test('F6 is timed from admission by the gate: waiting there costs nothing', async (context) => {
      const { server, tracker, misses } = await stage(kind, context, {
        gate: createGate({ maxInFlight: 1 }),
        limits: { headersTimeout: 2500, totalTimeout: 2600 },
      });
      const slow = says('completed');
      server.route(() => async (socket, request) => {
        await sleep(600);
        await slow(socket, request);
      });
      const ids = ['a', 'b', 'c', 'd', 'e', 'f'];
      const done: string[] = [];
      await new Promise<void>((complete, error) => {
        tracker.trackAll(ids).subscribe({ next: ({ id }) => done.push(id), complete, error });
      });
      expect(done).toEqual(ids);
      expect(misses).toEqual([]);
      // Each on the socket of the one before; fetch may open another while the last is being tidied up.
      expect(server.mostOpen).toBeLessThanOrEqual(kind.name === 'undici' ? 1 : 2);
    });

    test.for([
      ['resets', reset()],
      ['is closed', hangUp()],
    ] as const)('F7 on a reused socket that %s before it', async ([, fault], context) => {
      const { server, track, misses } = await stage(kind, context);
      server.route(({ turn }) => (server.requests.length > 6 ? says('completed') : turn > 1 ? fault : says('queued')));
      const task = track();
      await task.over;
      expect(task.statuses).toEqual(['queued', 'completed']);
      // undici: asked again at once, invisibly. fetch cannot (see fetchTransport): that poll is missed, and the next is answered.
      const fetchMisses = Array<string>(3).fill('network');
      expect(misses.map(({ kind: missed }) => missed)).toEqual(kind.name === 'undici' ? [] : fetchMisses);
      expect(server.requests.map(({ turn }) => turn)).toEqual([1, 2, 1, 2, 1, 2, 1]);
    });

    test.for([
      ['reset', resetInBody()],
      ['cut off', truncate()],
      ['cut off in chunks', truncateChunked()],
    ] as const)('F8 that is %s in its body is a miss', async ([, fault], context) => {
      await survives(await stage(kind, context), [fault, fault], ['network', 'network']);
    });

    test('F9 cut off silently is a miss', async (context) => {
      const fault = truncateSilently();
      await survives(await stage(kind, context), [fault, fault], ['malformed', 'malformed']);
    });
  });
});

const certificates = makeCertificates();
