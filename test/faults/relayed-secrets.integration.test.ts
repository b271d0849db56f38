import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { isTaskFailedError, relayTracker, throwOnFailure } from 'rx-video-tasks';
import { fileJournal } from 'rx-video-tasks/node';
import { nodeRelay, relayHandler } from 'rx-video-tasks/relay';
import { expect, test } from 'vitest';
import { reply } from '../fault-server.js';
import { temporaryFolder } from '../node/children.js';
import { serve } from '../relay/node-server.js';
import { everythingOf, KEY, secretsIn } from './secrets.js';
import { kinds, stage } from './stage.js';

// A service that echoes the API key wherever it can, and the whole way of what it sends: tracker, journal, relay, browser.

const PART = KEY.slice(2, 20);
const IDS = ['failed', 'completed', 'refused'] as const;

/** What the service answers about each task, in order; the last one again and again. */
const ECHOES: Readonly<Record<(typeof IDS)[number], readonly object[]>> = {
  failed: [
    { status: `queued for ${KEY}`, model: KEY, request_id: KEY },
    { status: 'processing', progress: 40, model: `model of ${PART}`, request_id: `r-${PART}` },
    { status: 'failed', model: KEY, error: { code: KEY, message: `the key ${PART} has no quota; key=${KEY}` } },
  ],
  completed: [
    { status: 'processing', model: KEY },
    { status: 'completed', model: KEY, resolution: KEY, video_url: `https://cdn.example.com/${KEY}/v.mp4?key=${KEY}` },
  ],
  refused: [{ error: { code: KEY, message: `no task of the key ${KEY}` } }],
};

test.for(kinds)(
  'F36 F40 over $name: no part of an echoed key reaches a browser, the journal or an error',
  async (kind, context) => {
    const file = join(temporaryFolder(), 'tasks.journal');
    const { server, tracker } = await stage(kind, context, { journal: fileJournal(file), retry: { count: 2 } });
    const counts = new Map<string, number>();
    server.route(({ path }) => {
      const id = IDS.find((one) => path.endsWith(one)) ?? 'refused';
      const nth = counts.get(id) ?? 0;
      counts.set(id, nth + 1);
      const bodies = ECHOES[id];
      const body = bodies[Math.min(nth, bodies.length - 1)];
      return reply({ ...(id === 'refused' && { status: 404 }), headers: { 'x-request-id': `r-${KEY}` }, body });
    });

    const relay = relayHandler({ tracker, videoUrl: true, authorize: (_request, refs) => ({ subject: 's', refs }) });
    await using relayServer = await serve(nodeRelay(relay));
    const browser = relayTracker({ url: relayServer.url });
    const bytes = fetch(`${relayServer.url}/tasks?${IDS.map((id) => `id=${id}`).join('&')}`).then((response) =>
      response.text(),
    );
    const received = await lastValueFrom(browser.trackAll(IDS).pipe(toArray()));
    const ends = new Map(received.map((task) => [task.id, task.status]));
    expect(Object.fromEntries(ends)).toEqual({ failed: 'failed', completed: 'completed', refused: 'lost' });
    const text = await bytes;
    expect(text.match(/^data: /gm)?.length).toBeGreaterThan(3);
    expect(secretsIn(text)).toEqual([]);
    for (const task of received)
      expect(secretsIn(JSON.stringify(task) + inspect(task, { showHidden: true, depth: 10 }))).toEqual([]);
    browser.close();

    const error: unknown = await firstValueFrom(tracker.track('failed').pipe(throwOnFailure())).catch(
      (caught: unknown) => caught,
    );
    expect(isTaskFailedError(error)).toBe(true);
    expect(secretsIn(everythingOf(error) + JSON.stringify((error as { task: unknown }).task))).toEqual([]);

    const journal = readFileSync(file, 'utf8');
    for (const id of IDS) expect(journal).toContain(`"${id}"`);
    expect(secretsIn(journal)).toEqual([]);
  },
);
