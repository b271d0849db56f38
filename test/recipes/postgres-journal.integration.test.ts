import { PGlite } from '@electric-sql/pglite';
import { createJournal, createTracker, xingchaoyiqing } from 'rx-video-tasks';
import { scriptedTransport } from 'rx-video-tasks/testing';
import { firstValueFrom, lastValueFrom, toArray } from 'rxjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { postgresStore, TABLE } from '../../docs/examples/postgres-journal.js';
import { storeContract } from '../journal/contract.js';

// Postgres itself, compiled to WebAssembly.
let database: PGlite;
beforeAll(async () => {
  database = await PGlite.create();
  await database.query(TABLE);
}, 60_000);
afterAll(() => database.close());

let places = 0;

describe('the journal of the recipe, in Postgres', () => {
  storeContract({
    place: () => {
      const owner = `replica-${places++}`;
      return Promise.resolve(() => postgresStore(database, owner));
    },
  });

  test('brings a task back after a restart, to its own replica only', async () => {
    const trackerOf = (owner: string, steps: ('p' | 's')[]) =>
      createTracker({
        provider: xingchaoyiqing({ apiKey: 'any' }),
        transport: scriptedTransport(steps).transport,
        journal: createJournal(postgresStore(database, owner)),
      });
    const before = trackerOf('a', ['p']);
    await firstValueFrom(before.track('video_1'));
    before.close();

    const other = trackerOf('b', ['s']);
    expect(await lastValueFrom(other.resume().pipe(toArray()))).toEqual([]);
    other.close();
    const after = trackerOf('a', ['s']);
    const resumed = await lastValueFrom(after.resume().pipe(toArray()));
    expect(resumed.at(-1)).toMatchObject({ id: 'video_1', status: 'completed', seq: 2 });
    after.close();
  });
});
