import { promises as fs } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { createJournal, type Journal, type JournalEntry, type JournalStore } from '../../journal/index.js';
import { claim, type Claim } from './file-lock.js';
import { encodeRecords, HEADER, readJournal, type JournalRecord } from './log-format.js';

/**
 * A journal in one file, for one process at a time. What is saved has reached the disk (`fdatasync`); what is saved at
 * about the same time goes there together. The file is created with mode 0600 when the journal is first used, and
 * written anew when more than half of it is out of date.
 *
 * A file that another process uses, that was damaged, or that a newer version wrote is refused: tracking then errors
 * with a TrackingError (`journal`) that says so.
 *
 * @param path in a directory that exists.
 *
 * @example
 * const tracker = createTracker({ provider, journal: fileJournal('./tasks.journal') });
 * merge(tracker.resume(), tracker.trackAll(newOnes)).subscribe(console.log);
 */
export function fileJournal(path: string): Journal {
  if (typeof path !== 'string' || path === '') {
    throw new TypeError(`path: ${String(path)} names no file; write for example fileJournal('./tasks.journal')`);
  }
  return createJournal(fileStore(resolve(path)));
}

/** A smaller file is not worth writing anew. */
const SMALLEST_TO_COMPACT = 1_048_576;

/** How many entries stand in a line of a file that is written anew. */
const ENTRIES_A_LINE = 1000;

interface Write {
  readonly record: JournalRecord;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** The store of `fileJournal`; after `close` it can be loaded again. */
export function fileStore(path: string): JournalStore {
  let open: Promise<OpenJournal> | undefined;
  const put = async (record: JournalRecord) => {
    if (!open) throw new Error(`${path}: the journal is closed`);
    await (await open).put(record);
  };
  return {
    load: async () => (await (open ??= openJournal(path))).all(),
    save: put,
    remove: ({ provider, id }) => put({ provider, id, removed: true }),
    async close() {
      const closing = open;
      open = undefined;
      await (await closing)?.close();
    },
  };
}

async function openJournal(path: string): Promise<OpenJournal> {
  try {
    const file = await realPath(path);
    const claimed = await claim(file);
    try {
      return await OpenJournal.read(file, claimed);
    } catch (error) {
      await claimed.release();
      throw error;
    }
  } catch (error) {
    throw new Error(`journal ${path} cannot be opened: ${(error as Error).message}`, { cause: error });
  }
}

/** The same for every name of a file, so that it is claimed once. */
async function realPath(path: string): Promise<string> {
  try {
    return await fs.realpath(path);
  } catch {
    return join(await fs.realpath(dirname(path)), basename(path));
  }
}

class OpenJournal {
  readonly #entries = new Map<string, JournalEntry>();
  #writes: Write[] = [];
  #writing: Promise<void> | undefined;
  /** How many bytes hold. */
  #size = 0;
  /** The size at which it is written anew. */
  #limit = SMALLEST_TO_COMPACT;
  /** Nobody can tell what the disk holds any more. */
  #broken: Error | undefined;

  private constructor(
    private readonly path: string,
    private readonly claimed: Claim,
    private file: fs.FileHandle,
  ) {}

  static async read(path: string, claimed: Claim): Promise<OpenJournal> {
    await fs.rm(draftOf(path), { force: true });
    const bytes = await fs.readFile(path).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0);
      throw error;
    });
    if (bytes.length === 0) {
      const file = await writeAnew(path, []);
      await syncFolder(path);
      const journal = new OpenJournal(path, claimed, file);
      journal.#size = HEADER.length;
      return journal;
    }
    const entries = new Map<string, JournalEntry>();
    let records = 0;
    const size = readJournal(bytes, (record) => {
      records++;
      apply(entries, record);
    });
    const file = await fs.open(path, 'r+');
    try {
      if (size < bytes.length) {
        await file.truncate(size);
        await file.datasync();
      }
    } catch (error) {
      await file.close();
      throw error;
    }
    const journal = new OpenJournal(path, claimed, file);
    for (const [key, entry] of entries) journal.#entries.set(key, entry);
    journal.#size = size;
    journal.#limit = Math.max(SMALLEST_TO_COMPACT, (2 * size * entries.size) / Math.max(1, records));
    return journal;
  }

  all(): JournalEntry[] {
    return [...this.#entries.values()];
  }

  put(record: JournalRecord): Promise<void> {
    return new Promise((done, reject) => {
      this.#writes.push({ record, resolve: done, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.file.close();
    await this.claimed.release();
  }

  async #writeAll(): Promise<void> {
    // What else is asked for in this turn of the event loop goes along.
    await new Promise((go) => setImmediate(go));
    while (this.#writes.length > 0) {
      const batch = this.#writes;
      this.#writes = [];
      try {
        await this.#append(batch.map(({ record }) => record));
        for (const { record, resolve: done } of batch) {
          apply(this.#entries, record);
          done();
        }
        if (this.#size > this.#limit) await this.#compact();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = undefined;
  }

  async #append(records: readonly JournalRecord[]): Promise<void> {
    if (this.#broken) throw this.#broken;
    const line = encodeRecords(records);
    try {
      for (let written = 0; written < line.length;) {
        const { bytesWritten } = await this.file.write(line, written, line.length - written, this.#size + written);
        written += bytesWritten;
      }
    } catch (error) {
      // A part of a line must not stand before the next one.
      await this.file.truncate(this.#size).catch((cause: unknown) => this.#break(cause));
      throw error;
    }
    await this.file.datasync().catch((cause: unknown) => this.#break(cause));
    this.#size += line.length;
  }

  /** After a sync that failed, a later one that succeeds says nothing of what was written before. */
  #break(cause: unknown): never {
    const why = (cause as Error).message;
    this.#broken = new Error(`${this.path} takes no more: ${why}; open it again when its disk is well`, { cause });
    throw this.#broken;
  }

  /** Leaves out what is out of date. Where that fails, the file stays as it is. */
  async #compact(): Promise<void> {
    let file: fs.FileHandle;
    try {
      file = await writeAnew(this.path, this.all());
    } catch {
      this.#limit = 2 * this.#size;
      return;
    }
    const old = this.file;
    this.file = file;
    try {
      await syncFolder(this.path);
      this.#size = (await file.stat()).size;
      this.#limit = Math.max(SMALLEST_TO_COMPACT, 2 * this.#size);
    } catch (error) {
      this.#broken = error as Error;
    }
    await old.close();
  }
}

function apply(entries: Map<string, JournalEntry>, record: JournalRecord): void {
  const key = `${record.provider}\n${record.id}`;
  if ('removed' in record) entries.delete(key);
  else entries.set(key, record);
}

const draftOf = (path: string) => `${path}.new`;

/** Writes a whole file and puts it in the place of the old one: at every moment one of the two is there. */
async function writeAnew(path: string, entries: readonly JournalEntry[]): Promise<fs.FileHandle> {
  const draft = draftOf(path);
  const file = await fs.open(draft, 'w+', 0o600);
  try {
    let size = 0;
    const add = async (line: Buffer) => {
      for (let written = 0; written < line.length;) {
        written += (await file.write(line, written, line.length - written, size + written)).bytesWritten;
      }
      size += line.length;
    };
    await add(HEADER);
    for (let at = 0; at < entries.length; at += ENTRIES_A_LINE) {
      await add(encodeRecords(entries.slice(at, at + ENTRIES_A_LINE)));
    }
    await file.sync();
    await fs.rename(draft, path);
    return file;
  } catch (error) {
    await file.close();
    await fs.rm(draft, { force: true });
    throw error;
  }
}

/** Makes it last that a file got its name. Windows has no such thing. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await fs.open(dirname(path));
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
