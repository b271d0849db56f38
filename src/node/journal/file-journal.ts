import { resolve } from 'node:path';
import { createJournal, type Journal, type JournalStore } from '../../journal/index.js';
import { show } from '../../options.js';
import { JournalFile } from './journal-file.js';

/**
 * Returns a journal in one file, for one process at a time. What is saved has reached the disk (`fdatasync`); what is
 * saved at about the same time is written and synced together. The file is created with mode 0600 when the journal is
 * first used, and rewritten when more than half of it is out of date. A symbolic link is followed.
 *
 * A file that another process uses, that is damaged, or that a newer version wrote is refused, and so is every write
 * after the file was moved or replaced: tracking then errors with a TrackingError (`journal`) whose message names the
 * remedy. See docs/durability.md.
 *
 * @param path in a directory that exists; its lock is a file beside it. On Linux, what was locked by a process that has
 * ended is free at once, and within 30 s where that process ran in another container or on another machine.
 * @throws TypeError at call time for a path that is no string, or empty.
 *
 * @example
 * const tracker = createTracker({ provider, journal: fileJournal('./tasks.journal') });
 * merge(tracker.resume(), tracker.trackAll(newIds)).subscribe(console.log);
 */
export function fileJournal(path: string): Journal {
  if (typeof path !== 'string' || path === '') {
    throw new TypeError(
      `fileJournal: path ${show(path)} names no file; write for example fileJournal('./tasks.journal')`,
    );
  }
  return createJournal(fileStore(resolve(path)));
}

/** The store of `fileJournal`; after `close` it can be loaded again. */
export function fileStore(path: string): JournalStore {
  let opening: Promise<JournalFile> | undefined;
  /** Ends the wait for a process that has locked the file. */
  let waiting: AbortController | undefined;
  const openFile = () => {
    if (!opening) throw new Error(`journal ${path} is closed; make a new tracker`);
    return opening;
  };
  return {
    load: async () => (await (opening ??= JournalFile.open(path, (waiting = new AbortController()).signal))).entries(),
    save: async (entry) => (await openFile()).put(entry),
    remove: async ({ provider, id }) => (await openFile()).put({ provider, id, removed: true }),
    async close() {
      const closing = opening;
      opening = undefined;
      waiting?.abort();
      await (await closing)?.close();
    },
  };
}
