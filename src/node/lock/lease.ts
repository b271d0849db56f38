import { promises as fs } from 'node:fs';
import { hostname } from 'node:os';
import * as z from 'zod/mini';
import { bootId } from '../boot-id.js';

// A lease is the content of a lock file: one line of JSON about the process that holds the lock. Its holder counts
// `renewals` up in place, and the count has a fixed width, so that every reader finds a whole lease.

const VERSION = 1;
const COUNT_DIGITS = 12;

/** A process, as far as other processes can identify it. */
export interface Holder {
  readonly host: string;
  readonly pid: number;
  /**
   * When it started, in clock ticks since boot: distinguishes it from a later process with the same pid. Linux only.
   */
  readonly started?: string | undefined;
  /** Identifies the process table in which `pid` counts; a pid of another table means nothing. */
  readonly processTable?: string | undefined;
}

export type Lease = Holder | 'newer-version';

export function encodeLease(holder: Holder, renewals: number): Buffer {
  const count = String(renewals).padStart(COUNT_DIGITS, '0');
  return Buffer.from(`${JSON.stringify({ lock: 'rx-video-tasks', version: VERSION, renewals: count, ...holder })}\n`);
}

/** Returns undefined for a text that is no lease. */
export function parseLease(text: string): Lease | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { holder, newer } = schemas();
  if (newer.safeParse(json).success) return 'newer-version';
  return holder.safeParse(json).data;
}

let memo: ReturnType<typeof buildSchemas> | undefined;
const schemas = () => (memo ??= buildSchemas());

function buildSchemas() {
  const lock = z.literal('rx-video-tasks');
  return {
    newer: z.object({ lock, version: z.int().check(z.gt(VERSION)) }),
    holder: z.object({
      lock,
      version: z.literal(VERSION),
      host: z.string(),
      pid: z.int().check(z.positive()),
      started: z.optional(z.string()),
      processTable: z.optional(z.string()),
    }),
  };
}

export async function thisProcess(): Promise<Holder> {
  return {
    host: hostname(),
    pid: process.pid,
    started: (await readProcess('self'))?.started,
    processTable: await processTable(),
  };
}

/**
 * The state of another process, as far as it shows at once: `unknown` where the pid counts in another process table, or
 * where the system does not show enough.
 */
export async function stateOf(other: Holder, observer: Holder): Promise<'alive' | 'dead' | 'unknown'> {
  if (other.processTable === undefined || other.processTable !== observer.processTable) return 'unknown';
  const found = await readProcess(String(other.pid));
  if (found) return found.isRunning && found.started === other.started ? 'alive' : 'dead';
  try {
    process.kill(other.pid, 0);
    return 'unknown';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH' ? 'dead' : 'unknown';
  }
}

/** Boot id and PID namespace on Linux; elsewhere there are no PID namespaces, and the host name has to do. */
async function processTable(): Promise<string | undefined> {
  if (process.platform !== 'linux') return `${process.platform} ${hostname()}`;
  try {
    // A /proc of another namespace numbers the processes differently (`unshare --pid` without `--mount-proc`).
    if ((await fs.readlink('/proc/self')) !== String(process.pid)) return undefined;
    const [boot, namespace] = [await bootId(), await fs.readlink('/proc/self/ns/pid')];
    return boot === undefined ? undefined : `${boot} ${namespace}`;
  } catch {
    return undefined;
  }
}

/**
 * Reads state and start time from /proc/PID/stat, see proc(5); undefined where the process or the file is not there.
 */
async function readProcess(pid: string): Promise<{ started: string | undefined; isRunning: boolean } | undefined> {
  try {
    const stat = await fs.readFile(`/proc/${pid}/stat`, 'latin1');
    // The command's name stands in parentheses and can hold any character; the state follows it.
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // The first thread of a killed process can be a zombie while other threads still write.
    const isRunning = state !== 'Z' || (await fs.readdir(`/proc/${pid}/task`)).length > 1;
    return { started: fields[18], isRunning };
  } catch {
    return undefined;
  }
}
