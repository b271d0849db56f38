import { memoryJournal } from 'rx-video-tasks';
import { describe, expect, test } from 'vitest';
import { reply } from '../fault-server.js';
import { kinds, says, stage, trace } from './stage.js';
import { until } from '../waiting.js';

const IDS = Array.from({ length: 20 }, (_, nth) => `t${nth}`);
const html = reply({ headers: { 'content-type': 'text/html' }, body: '<html><body>Maintenance</body></html>' });

describe.for(kinds)('over $name', (kind) => {
  test('D10 a restart during an outage that answers HTML 200 loses no resumed task', async (context) => {
    const journal = memoryJournal();
    const { server, tracker, another, misses } = await stage(kind, context, { journal });
    server.answer(says('queued'));
    const before = trace(tracker.trackAll(IDS));
    await until(() => {
      expect(journal.entries().filter(({ acked }) => acked === 1)).toHaveLength(IDS.length);
    });
    tracker.close();
    await before.over;

    server.route(() => html);
    const after = trace(another({ journal }).resume());
    await until(() => {
      for (const id of IDS) expect(misses.filter((miss) => miss.id === id).length).toBeGreaterThan(5);
    });
    expect(after.statuses).toEqual([]);

    server.route(() => says('completed'));
    await after.over;
    expect(after.statuses).toEqual(IDS.map(() => 'completed'));
  });
});
