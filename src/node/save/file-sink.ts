import { createHash } from 'node:crypto';
import { accessSync, constants, createReadStream, mkdirSync, promises as fs } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { CompletedTask } from '../../task.js';
import { bootId } from '../boot-id.js';
import { acquireLock, type FileLock } from '../lock/file-lock.js';
import { syncFolder } from '../sync-folder.js';
import { SaveError } from './save-error.js';
import type { VideoDraft, VideoOrigin, VideoSink } from './video-sink.js';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;

/** Makes a directory for videos if there is none. @throws SaveError `storage` if it cannot be made or written to. */
export function prepareDirectory(directory: string): void {
  const folder = resolve(directory);
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new SaveError('storage', `directory: ${folder} cannot be written to (${code}); choose another`, {
      cause: error,
    });
  }
}

/**
 * Stores each video in a directory, under a name made of its task; in a file that ends in `.part` until it is complete.
 */
export function fileSink(directory: string): VideoSink {
  const folder = resolve(directory);
  return {
    async begin(task, { signal }) {
      const path = join(folder, fileNameOf(task));
      const lock = await acquireLock(path, signal);
      try {
        return (await exists(path)) ? await finishedDraft(path, lock) : await partialDraft(path, lock);
      } catch (error) {
        await lock.release();
        throw error;
      }
    },
  };
}

/**
 * `alad-asyntask_x-1f0c2a9b3d4e5f60.mp4`: letters, digits, "_" and "-" of the id, and a part of a hash, so that no two
 * tasks share a name, whatever their ids hold and whether or not the file system is case-sensitive.
 */
function fileNameOf({ provider, id }: Pick<CompletedTask, 'provider' | 'id'>): string {
  const plain = `${provider}-${id}`.replace(/[^\w-]+/g, '_').slice(0, 120);
  const hash = createHash('sha256').update(`${provider}\n${id}`).digest('hex').slice(0, 16);
  return `${plain}-${hash}.mp4`;
}

/** The file has its final name: it is only read. */
async function finishedDraft(path: string, lock: FileLock): Promise<VideoDraft> {
  // A crash may have come just after it got its name.
  await fs.rm(`${path}.part`, { force: true });
  await fs.rm(`${path}.part.json`, { force: true });
  if (!(await fs.stat(path)).isFile()) throw new Error(`${path} is a directory or device, not a file; move it away`);
  const taken = () => Promise.reject(new Error(`${path} exists already; move it away`));
  return {
    kept: { bytes: readPath(path), origin: {}, isFinished: true },
    restart: taken,
    write: taken,
    commit: () => Promise.resolve(path),
    close: () => lock.release(),
    discard: () => lock.release(),
  };
}

/** What is written beside a partial file. */
interface Note extends VideoOrigin {
  /** The run of the machine that wrote it: after a power loss, which bytes reached the disk is unknown. */
  readonly boot?: string | undefined;
}

async function partialDraft(path: string, lock: FileLock): Promise<VideoDraft> {
  const part = `${path}.part`;
  const noteFile = `${path}.part.json`;
  const boot = await bootId();
  const note = await readNote(noteFile);
  const file = await openOwn(part, O_RDWR | O_APPEND | O_CREAT);
  const { size } = await file.stat();
  const isResumable = note?.validator !== undefined && note.boot === boot && size > 0;
  const close = async () => {
    try {
      const { size } = await file.stat();
      await file.close();
      // Nothing has arrived: nothing is left behind.
      if (size === 0) await remove();
    } finally {
      await lock.release();
    }
  };
  const remove = async () => {
    await fs.rm(part, { force: true });
    await fs.rm(noteFile, { force: true });
  };

  return {
    ...(isResumable && { kept: { bytes: readHandle(file), origin: note, isFinished: false } }),
    async restart(origin) {
      await file.truncate(0);
      await writeNote(noteFile, { ...origin, boot });
    },
    async write(bytes) {
      await file.appendFile(bytes);
    },
    async commit() {
      // A process that was suspended may have lost its lock, and another may have written to the same part since.
      await lock.verify();
      await file.sync();
      await moveInto(part, path);
      await syncFolder(resolve(path, '..'));
      await fs.rm(noteFile, { force: true });
      return path;
    },
    close,
    async discard() {
      try {
        await remove();
      } finally {
        await close();
      }
    },
  };
}

/**
 * Opens a file that only this library writes. Another user of the directory could have put a link in its place, to have
 * some other file overwritten, or a pipe, whose opening blocks.
 */
async function openOwn(path: string, flags: number): Promise<FileHandle> {
  const isLink = await fs.lstat(path).then(
    (stats) => stats.isSymbolicLink(),
    () => false,
  );
  if (isLink) throw foreign(path);
  // Windows has neither flag: https://nodejs.org/api/fs.html#file-open-constants
  const file = await fs.open(path, flags | (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0), 0o600);
  const stats = await file.stat();
  if (stats.isFile() && stats.nlink <= 1) return file;
  await file.close();
  throw foreign(path);
}

function foreign(path: string): Error {
  return new Error(`${path} is a link or no regular file, which a partial video would be written to; delete it`);
}

async function* readPath(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path) as AsyncIterable<Uint8Array>;
}

async function* readHandle(file: FileHandle): AsyncGenerator<Uint8Array> {
  yield* file.createReadStream({ start: 0, autoClose: false }) as AsyncIterable<Uint8Array>;
}

async function readNote(path: string): Promise<Note | undefined> {
  if (!(await exists(path))) return undefined;
  const file = await openOwn(path, O_RDONLY);
  try {
    const { validator, total, boot } = JSON.parse(await file.readFile('utf8')) as Record<string, unknown>;
    return {
      ...(typeof validator === 'string' && { validator }),
      ...(typeof total === 'number' && { total }),
      ...(typeof boot === 'string' && { boot }),
    };
  } catch {
    // Cut by a crash: the download begins anew.
    return undefined;
  } finally {
    await file.close();
  }
}

async function writeNote(path: string, note: Note): Promise<void> {
  const file = await openOwn(path, O_WRONLY | O_CREAT);
  try {
    await file.truncate(0);
    await file.writeFile(JSON.stringify(note));
  } finally {
    await file.close();
  }
}

/** Gives a file its final name, unless that has been taken meanwhile. */
async function moveInto(part: string, path: string): Promise<void> {
  try {
    // Unlike rename(2), link(2) never replaces a file.
    await fs.link(part, path);
  } catch (error) {
    if (await exists(path)) throw new Error(`${path} exists already; move it away`, { cause: error });
    // exFAT, for one, has no hard links.
    await fs.rename(part, path);
  }
  await fs.rm(part, { force: true });
}

/** Whether the name is taken, be it by a link to nowhere. */
async function exists(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    () => true,
    () => false,
  );
}
