import { createHash } from 'node:crypto';
import { createReadStream, promises as fs } from 'node:fs';
import { join, resolve } from 'node:path';
import type { CompletedTask } from '../../task.js';
import { bootId } from '../boot-id.js';
import { acquireLock } from '../journal/file-lock.js';
import { syncFolder } from '../sync-folder.js';
import type { VideoDraft, VideoOrigin, VideoSink } from './video-sink.js';

/** A sink that puts each video into a directory, under a name made of its task. Partial ones end in `.part`. */
export function fileSink(directory: string): VideoSink {
  const folder = resolve(directory);
  return {
    async begin(task) {
      if (!(await exists(folder))) throw new Error(`${folder} does not exist; create the directory first`);
      const path = join(folder, fileNameOf(task));
      const lock = await acquireLock(path);
      try {
        return await openDraft(path, () => lock.release());
      } catch (error) {
        await lock.release();
        throw error;
      }
    },
  };
}

/**
 * `alad-asyntask_x-1f0c2a9b.mp4`: letters, digits, "_" and "-" of the id, and a part of a hash, so that no two tasks share
 * a name, whatever their ids hold and whether or not the file system tells capitals apart.
 */
export function fileNameOf({ provider, id }: Pick<CompletedTask, 'provider' | 'id'>): string {
  const plain = `${provider}-${id}`.replace(/[^\w-]+/g, '_').slice(0, 120);
  const hash = createHash('sha256').update(`${provider}\n${id}`).digest('hex').slice(0, 16);
  return `${plain}-${hash}.mp4`;
}

/** What is written beside a partial file. */
interface Note extends VideoOrigin {
  /** The run of the machine that wrote it: after a power loss nobody knows which bytes reached the disk. */
  readonly boot?: string;
}

async function openDraft(path: string, release: () => Promise<void>): Promise<VideoDraft> {
  const part = `${path}.part`;
  const noteFile = `${path}.part.json`;
  if (await exists(path)) {
    // A crash may have come just after it got its name.
    await fs.rm(part, { force: true });
    await fs.rm(noteFile, { force: true });
    const kept = { bytes: createReadStream(path), origin: {}, isFinished: true };
    const taken = () => Promise.reject(new Error(`${path} exists already`));
    return {
      kept,
      restart: taken,
      write: taken,
      commit: () => Promise.resolve(path),
      close: release,
      discard: release,
    };
  }
  const boot = await bootId();
  const note = await readNote(noteFile);
  const file = await fs.open(part, 'a', 0o600);
  const letGo = async () => {
    await file.close();
    await release();
  };
  const { size } = await file.stat();
  const resumable =
    note && note.boot === boot && size > 0
      ? { bytes: createReadStream(part), origin: note, isFinished: false }
      : undefined;

  return {
    ...(resumable && { kept: resumable }),
    async restart(origin) {
      await file.truncate(0);
      await fs.writeFile(noteFile, JSON.stringify({ ...origin, boot }), { mode: 0o600 });
    },
    async write(bytes) {
      await file.appendFile(bytes);
    },
    async commit() {
      await file.sync();
      await moveInto(part, path);
      await syncFolder(resolve(path, '..'));
      await fs.rm(noteFile, { force: true });
      return path;
    },
    close: letGo,
    async discard() {
      await fs.rm(part, { force: true });
      await fs.rm(noteFile, { force: true });
      await letGo();
    },
  };
}

/** Gives a file its name, unless somebody else has taken it. */
async function moveInto(part: string, path: string): Promise<void> {
  try {
    await fs.link(part, path);
    await fs.rm(part);
  } catch (error) {
    // Some file systems know no links.
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' || (await exists(path))) throw new Error(`${path} exists already`, { cause: error });
    await fs.rename(part, path);
  }
}

async function exists(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    () => true,
    () => false,
  );
}

async function readNote(path: string): Promise<Note | undefined> {
  try {
    return JSON.parse(await fs.readFile(path, 'utf8')) as Note;
  } catch {
    return undefined;
  }
}
