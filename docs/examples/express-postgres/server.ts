// Accepts the ids of tasks, keeps them in Postgres and tracks them to their end, however often it is restarted.
//
//   export DATABASE_URL=postgres://localhost/videos MINGYAN_API_KEY=...
//   npm ci && npm run build && node docs/examples/run.mjs docs/examples/express-postgres/server.ts
//
// Without DATABASE_URL it runs Postgres in this process (PGlite), in the folder DATA. demo.mjs shows it on the sandbox.

import { PGlite } from '@electric-sql/pglite';
import express from 'express';
import { Pool } from 'pg';
import { createJournal, createTracker, dedupeStatus, mingyan, type TrackedTask } from 'rx-video-tasks';
import { undiciTransport } from 'rx-video-tasks/node';
import { concatMap, filter, firstValueFrom, from, merge, mergeMap, Subject, timeout } from 'rxjs';
import { postgresStore, TABLE, type Database } from '../postgres-journal.js';

const { DATABASE_URL, DATA = './data', MINGYAN_API_KEY = '', MINGYAN_BASE_URL: baseUrl, SPEED = '1' } = process.env;

const database: Database = DATABASE_URL
  ? new Pool({ connectionString: DATABASE_URL })
  : await PGlite.create(`file://${DATA}`);
await database.query(TABLE);
await database.query(
  'create table if not exists video_states (id text primary key, seq int not null, task text not null)',
);

/** Nothing follows the loss of a task whose record is deleted, and it has no number: the greatest `int`. */
const LAST = 2_147_483_647;

/** Keeps the row with the higher `seq`: a transition that comes again after a restart changes nothing. */
async function saveState(task: TrackedTask): Promise<TrackedTask> {
  const sql = `insert into video_states values ($1, $2, $3) on conflict (id)
    do update set seq = excluded.seq, task = excluded.task where excluded.seq > video_states.seq`;
  await database.query(sql, [task.id, task.seq ?? LAST, JSON.stringify(task)]);
  return task;
}

const tracker = createTracker({
  provider: mingyan({ apiKey: MINGYAN_API_KEY, ...(baseUrl !== undefined && { baseUrl }) }),
  transport: undiciTransport(),
  journal: createJournal(postgresStore(database, process.env['HOSTNAME'] ?? 'replica-1')),
  speed: Number(SPEED),
  onMiss: ({ id, kind, nextPollIn }) => console.warn(id, kind, `again in ${nextPollIn} ms`),
});
const manual = { ack: 'manual' } as const;

const accepted = new Subject<string>();
merge(tracker.resume(manual), tracker.trackAll(accepted, manual))
  .pipe(
    dedupeStatus(), // a POST may be repeated
    // A task that was lost for another reason, such as a refused key, stays open: the next start tracks it again.
    filter((task) => task.status !== 'lost' || task.error.reason === 'expired'),
    concatMap((task) => from(saveState(task))),
    mergeMap((task) => tracker.ack(task)),
  )
  .subscribe({
    error: (error: unknown) => {
      throw error; // the database cannot be used: end the process, its supervisor starts it again
    },
  });

const app = express();
app.post('/tasks/:id', async (request, response) => {
  const { id } = request.params;
  try {
    const task$ = tracker.track(id, manual); // throws for what cannot be an id
    accepted.next(id);
    await firstValueFrom(task$.pipe(timeout(20_000))); // by its first answer the journal has the task
    response.status(202).end();
  } catch (error) {
    response.status(502).send(error instanceof Error ? error.message : '');
  }
});
app.get('/tasks/:id', async (request, response) => {
  const { rows } = await database.query('select task from video_states where id = $1', [request.params.id]);
  const [row] = rows as { task: string }[];
  response
    .status(row ? 200 : 404)
    .type('json')
    .send(row?.task ?? '{}');
});
const server = app.listen(Number(process.env['PORT'] ?? 8080), '127.0.0.1', () => {
  const address = server.address();
  console.log(`http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`);
});
