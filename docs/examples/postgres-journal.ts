import type { JournalEntry, JournalStore } from 'rx-video-tasks';

/** A pool of `pg`, or anything else that runs SQL with parameters. */
export interface Database {
  query(sql: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

/** Once, in a migration of yours. The entry is text: `jsonb` refuses characters that a service may send. */
export const TABLE = `
  create table if not exists video_tasks (
    owner text, provider text, id text, entry text not null, primary key (owner, provider, id)
  )`;

/** For `createJournal`. `owner` names the replica whose rows these are: a journal belongs to one tracker at a time. */
export function postgresStore(database: Database, owner: string): JournalStore {
  return {
    async load() {
      const { rows } = await database.query('select entry from video_tasks where owner = $1', [owner]);
      return rows.map((row) => JSON.parse((row as { entry: string }).entry) as JournalEntry);
    },
    async save(entry) {
      const sql = `insert into video_tasks values ($1, $2, $3, $4)
        on conflict (owner, provider, id) do update set entry = excluded.entry`;
      await database.query(sql, [owner, entry.provider, entry.id, JSON.stringify(entry)]);
    },
    async remove({ provider, id }) {
      const sql = 'delete from video_tasks where owner = $1 and provider = $2 and id = $3';
      await database.query(sql, [owner, provider, id]);
    },
    close: () => [], // the pool is yours
  };
}
