export { createJournal } from './create-journal.js';
export { JournalLostError } from './journal.js';
export { memoryJournal, type MemoryJournal } from './memory.js';
export type {
  Journal,
  JournalEntry,
  JournalSession,
  JournalStore,
  JournalTransition,
  KnownTask,
  Resumed,
} from './journal.js';
