import { promises as fs, type BigIntStats } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { JournalLostError, type JournalEntry } from '../../journal/index.js';
import { taskKey } from '../../task.js';
import { syncFolder } from '../sync-folder.js';
import { acquireLock, type FileLock } from '../lock/file-lock.js';
import { encodeRecords, HEADER, readJournal, type JournalRecord } from './log-format.js';

/** A smaller file is not worth rewriting. Bytes. */
const SMALLEST_TO_COMPACT = 1_048_576;

/** How many entries share a line of a rewritten file. */
const ENTRIES_PER_LINE = 1000;

type Entries = Map<string, JournalEntry>;

interface PendingWrite {
  readonly record: JournalRecord;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** An open journal file: what it holds, and the one writer that appends to it and rewrites it. */
export class JournalFile {
  readonly #name: string;
  readonly #path: string;
  readonly #lock: FileLock;
  readonly #entries: Entries;
  #file: OpenFile;
  #pending: PendingWrite[] = [];
  #writing: Promise<void> | undefined;
  /** The size at which the file is rewritten. */
  #compactAt: number;
  /** Set once the content of the disk is uncertain: every later write is refused with it. */
  #failure: Error | undefined;

  private constructor({ name, path, lock, entries, file, compactAt }: Opened) {
    this.#name = name;
    this.#path = path;
    this.#lock = lock;
    this.#entries = entries;
    this.#file = file;
    this.#compactAt = compactAt;
  }

  /**
   * @param signal ends the wait for another process that has locked the file.
   * @throws Error that names the file, the reason and the remedy.
   */
  static async open(name: string, signal: AbortSignal): Promise<JournalFile> {
    try {
      const path = await followLinks(name);
      const lock = await acquireLock(path, signal);
      try {
        return new JournalFile({ name, path, lock, ...(await openLocked(path, lock)) });
      } catch (error) {
        await lock.release();
        throw error;
      }
    } catch (error) {
      throw new Error(`journal ${name} cannot be opened: ${(error as Error).message}`, { cause: error });
    }
  }

  entries(): JournalEntry[] {
    return [...this.#entries.values()];
  }

  /** Resolves when the record has reached the disk. */
  put(record: JournalRecord): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ record, resolve, reject });
      this.#writing ??= this.#writePending();
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    await this.#file.handle.close();
    await this.#lock.release();
  }

  async #writePending(): Promise<void> {
    // Collects what else is put in this turn of the event loop.
    await nextTurn();
    while (this.#pending.length > 0) {
      const batch = this.#pending;
      this.#pending = [];
      try {
        await this.#append(batch.map(({ record }) => record));
        for (const { record, resolve } of batch) {
          apply(this.#entries, record);
          resolve();
        }
        if (this.#file.size > this.#compactAt) await this.#compact();
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#writing = undefined;
  }

  async #append(records: readonly JournalRecord[]): Promise<void> {
    if (this.#failure) throw this.#failure;
    await this.#verifyOwnership();
    const line = encodeRecords(records);
    const { handle, size } = this.#file;
    try {
      await writeAt(handle, line, size);
    } catch (error) {
      // The next line must not follow a part of this one.
      await handle.truncate(size).catch((cause: unknown) => this.#fail(cause));
      throw error;
    }
    await handle.datasync().catch((cause: unknown) => this.#fail(cause));
    this.#file.size += line.length;
    // Another process that took the lock in the meantime has rewritten the file: this line is in the old one.
    await this.#verifyOwnership();
  }

  /** @throws JournalLostError unless the lock is still held and the path still leads to the open file. */
  async #verifyOwnership(): Promise<void> {
    const found = fs.stat(this.#name, { bigint: true }).catch(() => undefined);
    try {
      await this.#lock.verify();
    } catch (error) {
      throw new JournalLostError(`journal ${this.#name} is lost: ${(error as Error).message}`, { cause: error });
    }
    if (!isSameFile(await found, this.#file.identity)) {
      const remedy = 'put the file back and make a new tracker';
      throw new JournalLostError(`journal ${this.#name} was moved, deleted or replaced while in use; ${remedy}`);
    }
  }

  /** A later fdatasync that succeeds does not cover an earlier one that failed: https://lwn.net/Articles/752063/ */
  #fail(cause: unknown): never {
    const reason = (cause as Error).message;
    const remedy = 'make a new tracker once the disk has recovered';
    this.#failure = new Error(`journal ${this.#name} is read-only after a failed write: ${reason}; ${remedy}`, {
      cause,
    });
    throw this.#failure;
  }

  /** Leaves out what is out of date. If that fails, the file stays as it is. */
  async #compact(): Promise<void> {
    let rewritten: OpenFile;
    try {
      rewritten = await rewrite(this.#path, this.entries(), () => this.#verifyOwnership());
    } catch {
      this.#compactAt = 2 * this.#file.size;
      return;
    }
    const { handle } = this.#file;
    this.#file = rewritten;
    this.#compactAt = Math.max(SMALLEST_TO_COMPACT, 2 * rewritten.size);
    await handle.close();
    await syncFolder(dirname(this.#path)).catch((cause: unknown) => this.#fail(cause));
  }
}

interface OpenFile {
  readonly handle: fs.FileHandle;
  readonly identity: BigIntStats;
  /** Bytes that hold whole lines; the next line is written behind them. */
  size: number;
}

interface Content {
  readonly file: OpenFile;
  readonly entries: Entries;
  readonly compactAt: number;
}

interface Opened extends Content {
  /** As the user gave it: it may be a symbolic link. */
  readonly name: string;
  readonly path: string;
  readonly lock: FileLock;
}

/** Finds the file that a path leads to, also where that file does not exist yet. */
async function followLinks(path: string): Promise<string> {
  try {
    return await fs.realpath(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const folder = await fs.realpath(dirname(path));
    const target = await fs.readlink(path).catch(() => undefined);
    return target === undefined ? join(folder, basename(path)) : followLinks(resolve(folder, target));
  }
}

async function openLocked(path: string, lock: FileLock): Promise<Content> {
  // Left by a crash inside a rewrite.
  await fs.rm(draftOf(path), { force: true });
  const handle = await openIfThere(path);
  try {
    const bytes = (await handle?.readFile()) ?? Buffer.alloc(0);
    const entries: Entries = new Map();
    let records = 0;
    const size = readJournal(bytes, (record) => {
      records++;
      apply(entries, record);
    });
    // Rewriting also keeps a suspended former holder, which has the old file open, from writing into this one.
    const isRewritten = !handle || size === 0 || lock.isTakenOver;
    const file = isRewritten ? await create(path, [...entries.values()], lock) : await cut(handle, bytes.length, size);
    if (isRewritten) await handle?.close();
    const shareUpToDate = entries.size / Math.max(1, records);
    return { file, entries, compactAt: Math.max(SMALLEST_TO_COMPACT, 2 * file.size * shareUpToDate) };
  } catch (error) {
    await handle?.close();
    throw error;
  }
}

async function create(path: string, entries: readonly JournalEntry[], lock: FileLock): Promise<OpenFile> {
  const file = await rewrite(path, entries, () => lock.verify());
  try {
    await syncFolder(dirname(path));
    return file;
  } catch (error) {
    await file.handle.close();
    throw error;
  }
}

/** Cuts off the part of a line that a crash left. */
async function cut(handle: fs.FileHandle, length: number, size: number): Promise<OpenFile> {
  if (size < length) {
    await handle.truncate(size);
    await handle.datasync();
  }
  return { handle, size, identity: await handle.stat({ bigint: true }) };
}

async function openIfThere(path: string): Promise<fs.FileHandle | undefined> {
  try {
    const found = await fs.stat(path);
    if (!found.isFile()) throw new Error('it is no file; name a file, or one that does not exist yet');
    return await fs.open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function apply(entries: Entries, record: JournalRecord): void {
  if ('removed' in record) entries.delete(taskKey(record));
  else entries.set(taskKey(record), record);
}

const draftOf = (path: string) => `${path}.new`;

/** Writes a whole file and renames it over the old one: at every moment one of the two is there. */
async function rewrite(path: string, entries: readonly JournalEntry[], verify: () => Promise<void>): Promise<OpenFile> {
  const draft = draftOf(path);
  // Exclusive creation fails at a symbolic link instead of following it.
  await fs.rm(draft, { force: true });
  const handle = await fs.open(draft, 'wx+', 0o600);
  try {
    let size = await writeAt(handle, HEADER, 0);
    for (let at = 0; at < entries.length; at += ENTRIES_PER_LINE) {
      size = await writeAt(handle, encodeRecords(entries.slice(at, at + ENTRIES_PER_LINE)), size);
    }
    await handle.sync();
    const identity = await handle.stat({ bigint: true });
    await verify();
    await fs.rename(draft, path);
    return { handle, size, identity };
  } catch (error) {
    await handle.close();
    await fs.rm(draft, { force: true });
    throw error;
  }
}

/** Writes a whole line; returns the position behind it. */
async function writeAt(handle: fs.FileHandle, line: Buffer, position: number): Promise<number> {
  for (let written = 0; written < line.length;) {
    const rest = line.length - written;
    written += (await handle.write(line, written, rest, position + written)).bytesWritten;
  }
  return position + line.length;
}

function isSameFile(one: BigIntStats | undefined, other: BigIntStats): boolean {
  return one !== undefined && one.dev === other.dev && one.ino === other.ino;
}
