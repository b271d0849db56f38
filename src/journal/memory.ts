import { taskKey } from '../task.js';
import { createJournal } from './create-journal.js';
import type { Journal, JournalEntry } from './journal.js';

/** A journal in memory that shows its entries. */
export interface MemoryJournal extends Journal {
  /** A copy of what is stored, in the order of first saving. */
  entries(): readonly JournalEntry[];
}

/**
 * Returns a journal in memory, for tests. It works synchronously, so that frames of virtual time stay exact. One
 * tracker after the other can open it, as after a restart.
 *
 * @example
 * const journal = memoryJournal();
 * const first = createTracker({ provider, journal });
 * first.track('video_abc').subscribe();
 * first.close();
 * createTracker({ provider, journal }).resume().subscribe();
 */
export function memoryJournal(): MemoryJournal {
  const entries = new Map<string, JournalEntry>();
  const journal = createJournal({
    load: () => [[...entries.values()]],
    save: (entry) => {
      entries.set(taskKey(entry), entry);
      return [];
    },
    remove: (task) => {
      entries.delete(taskKey(task));
      return [];
    },
    close: () => [],
  });
  return { ...journal, entries: () => [...entries.values()] };
}
