import { taskKey } from '../task.js';
import { createJournal } from './create-journal.js';
import type { Journal, JournalEntry } from './journal.js';

export interface MemoryJournal extends Journal {
  /** What it holds, in the order of first saving. A copy. */
  entries(): readonly JournalEntry[];
}

/**
 * A journal that forgets with the process: for tests. It works at once, so that frames of virtual time stay exact, and
 * may be given to one tracker after another, as after a restart.
 *
 * @example
 * const journal = memoryJournal();
 * createTracker({ provider, journal }).track('video_abc').subscribe();
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
