import { createJournal, type JournalEntry, type JournalStore } from 'rx-video-tasks';
import { expect, test } from 'vitest';
import { storeContract } from './contract.js';

// The smallest store there can be, as a user would write it.
storeContract({
  place: () => {
    const rows = new Map<string, string>();
    const keyOf = ({ provider, id }: { provider: string; id: string }) => JSON.stringify([provider, id]);
    return Promise.resolve((): JournalStore => ({
      load: () => [[...rows.values()].map((row) => JSON.parse(row) as JournalEntry)],
      save: (entry) => {
        rows.set(keyOf(entry), JSON.stringify(entry));
        return [];
      },
      remove: (task) => {
        rows.delete(keyOf(task));
        return [];
      },
      close: () => [],
    }));
  },
});

test('a store without one of its methods is refused at call time', () => {
  const store = { load: () => [[]], save: () => [], close: () => [] };
  expect(() => createJournal(store as unknown as JournalStore)).toThrow(
    'the store has no remove(); write { load, save, remove, close }',
  );
});
