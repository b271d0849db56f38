import { randomBytes } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeLease, parseLease, stateOf, thisProcess, type Holder } from './lease.js';

// A process locks a file by a lock file beside it with a name of its own: FILE.lock. and 32 hex digits. It looks for
// others after its own is complete, so of two that start together at least one sees the other, and nothing needs an
// operation that is exclusive or atomic.

/** ms between two renewals of a lease by its holder. */
const RENEWAL_INTERVAL = 4_000;

/** A lease that is seen unchanged for so long is free. ms */
const TERM = 20_000;

/** ms between two checks of a lease whose holder's pid means nothing here. */
const CHECK_INTERVAL = 1_000;

/** Checks of a live holder before the lock is refused: a killed process takes a moment to end. */
const MAX_CHECKS = 12;

/** A file that this process alone uses. */
export interface FileLock {
  /**
   * An expired lease was removed to get the lock; its holder may be suspended, and go on as if the lock were its own.
   */
  readonly isTakenOver: boolean;
  /** @throws Error if another process has taken the lock, or the lock file was deleted by hand. */
  verify(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Locks a file. The lock of a process that has ended is free: at once where its pid can be looked up (same machine,
 * same PID namespace), else after its lease was seen unchanged for 20 s. No clocks are compared.
 *
 * @param signal ends the wait for another process.
 * @throws Error that names the process which holds the lock, or the lock file to delete by hand.
 */
export async function acquireLock(path: string, signal?: AbortSignal): Promise<FileLock> {
  const self = await thisProcess();
  const others = new OtherLocks(path, self);
  for (;;) {
    await others.waitUntilFree(signal);
    const lock = await OwnLock.create(path, self);
    try {
      if (!(await others.findHeld(lock.name))) return lock.keep(others.isTakenOver);
    } catch (error) {
      await lock.release();
      throw error;
    }
    await lock.release();
    await shortPause(signal);
  }
}

/** Random, so that two processes that met do not meet again. */
const shortPause = (signal?: AbortSignal) => sleep(20 + Math.random() * 60, undefined, { signal });

class OwnLock implements FileLock {
  readonly name: string;
  isTakenOver = false;
  readonly #file: string;
  readonly #self: Holder;
  #renewals = 0;
  #timer: NodeJS.Timeout | undefined;

  private constructor(path: string, self: Holder) {
    this.name = `${basename(path)}.lock.${randomBytes(16).toString('hex')}`;
    this.#file = join(dirname(path), this.name);
    this.#self = self;
  }

  static async create(path: string, self: Holder): Promise<OwnLock> {
    const lock = new OwnLock(path, self);
    try {
      await fs.writeFile(lock.#file, encodeLease(self, 0), { flag: 'wx', mode: 0o600 });
    } catch (error) {
      await lock.release();
      throw error;
    }
    return lock;
  }

  /** Renews the lease from now on. */
  keep(isTakenOver: boolean): this {
    this.isTakenOver = isTakenOver;
    this.#timer = setInterval(() => void this.#renew(), RENEWAL_INTERVAL).unref();
    return this;
  }

  async verify(): Promise<void> {
    try {
      await fs.stat(this.#file);
    } catch (error) {
      throw new Error(
        `its lock ${this.#file} is gone: another process has taken it, or it was deleted; make a new tracker`,
        { cause: error },
      );
    }
  }

  async release(): Promise<void> {
    clearInterval(this.#timer);
    await fs.rm(this.#file, { force: true });
  }

  async #renew(): Promise<void> {
    // `r+` does not create a file: a lock that was taken stays taken. What fails here is seen by `verify`.
    await fs.writeFile(this.#file, encodeLease(this.#self, ++this.#renewals), { flag: 'r+' }).catch(() => undefined);
  }
}

interface HeldLock {
  readonly file: string;
  readonly holder: Holder;
  /** False while it is not known whether the holder still renews its lease. */
  readonly isAlive: boolean;
}

/** What was seen of a lease whose holder cannot be looked up. */
interface Observation {
  readonly text: string;
  readonly at: number;
  readonly unchangedMs: number;
}

class OtherLocks {
  isTakenOver = false;
  readonly #folder: string;
  readonly #prefix: string;
  readonly #self: Holder;
  readonly #observed = new Map<string, Observation>();

  constructor(path: string, self: Holder) {
    this.#self = self;
    this.#folder = dirname(path);
    this.#prefix = `${basename(path)}.lock.`;
  }

  async waitUntilFree(signal?: AbortSignal): Promise<void> {
    for (let checks = 0; ;) {
      const held = await this.findHeld();
      if (!held) return;
      if (held.isAlive && ++checks === MAX_CHECKS) throw inUse(held, this.#self);
      await (held.isAlive ? shortPause(signal) : sleep(CHECK_INTERVAL, undefined, { signal }));
    }
  }

  /** Finds a lock of another process that is not known to be free, and removes those that are. */
  async findHeld(ownName?: string): Promise<HeldLock | undefined> {
    for (const entry of await fs.readdir(this.#folder, { withFileTypes: true })) {
      if (entry.name === ownName || !entry.isFile() || !this.#isLockName(entry.name)) continue;
      const held = await this.#check(join(this.#folder, entry.name));
      if (held) return held;
    }
    return undefined;
  }

  #isLockName(name: string): boolean {
    return name.startsWith(this.#prefix) && /^[0-9a-f]{32}$/.test(name.slice(this.#prefix.length));
  }

  async #check(file: string): Promise<HeldLock | undefined> {
    const text = await readLease(file);
    const holder = parseLease(text);
    // Not a lease, or one that is being written: its process has not looked for others yet, and will find this one.
    if (holder === undefined) return undefined;
    if (holder === 'newer-version') {
      throw new Error(`its lock ${file} is of a newer version; if no process uses it, delete that file`);
    }
    const state = await stateOf(holder, this.#self);
    if (state === 'alive') return { file, holder, isAlive: true };
    if (state === 'unknown') {
      const unchangedMs = this.#observe(file, text);
      if (unchangedMs === undefined) return { file, holder, isAlive: true };
      if (unchangedMs < TERM) return { file, holder, isAlive: false };
      this.isTakenOver = true;
    }
    await removeFree(file);
    return undefined;
  }

  /** For how long a lease has been seen unchanged, in ms; undefined for one that changed since it was seen first. */
  #observe(file: string, text: string): number | undefined {
    const now = performance.now();
    const before = this.#observed.get(file) ?? { text, at: now, unchangedMs: 0 };
    if (before.text !== text) return undefined;
    // A longer pause means that this process was suspended, and perhaps the holder with it.
    const unchangedMs = before.unchangedMs + Math.min(now - before.at, 2 * CHECK_INTERVAL);
    this.#observed.set(file, { text, at: now, unchangedMs });
    return unchangedMs;
  }
}

async function readLease(file: string): Promise<string> {
  try {
    return await fs.readFile(file, 'utf8');
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    // Released since the directory was read.
    if (code === 'ENOENT') return '';
    throw new Error(`its lock ${file} cannot be read (${code}); if no process uses it, delete that file`, {
      cause: error,
    });
  }
}

async function removeFree(file: string): Promise<void> {
  try {
    await fs.rm(file, { force: true });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    throw new Error(`its lock ${file} is free, but cannot be removed (${code}); delete that file`, { cause: error });
  }
}

function inUse({ file, holder: { host, pid, processTable } }: HeldLock, self: Holder): Error {
  const isLocal = processTable !== undefined && processTable === self.processTable;
  const where = isLocal ? '' : ` of another machine or container (host name ${host}), which renews its lock ${file}`;
  return new Error(`it is in use by process ${pid}${where}; close it there first`);
}
