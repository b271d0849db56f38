import { randomBytes } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** That a file is used by this process alone. */
export interface Claim {
  release(): Promise<void>;
}

/** Who was killed may need a moment to be gone: it is waited for, for less than a second. */
const ATTEMPTS = 12;

/**
 * Claims a file by an empty one beside it, whose name tells who claims: a process that is gone has no claim, however it
 * ended. Whoever claims looks for others afterwards, so of two at once at most one finds itself alone.
 *
 * @throws Error that names the process which uses it.
 */
export async function claim(path: string): Promise<Claim> {
  const prefix = `${basename(path)}.lock.`;
  const me = `${encodeURIComponent(hostname())}.${process.pid}.${(await startOf(process.pid)) ?? 0}`;
  for (let attempt = 1; ; attempt++) {
    const mine = `${prefix}${me}.${randomBytes(6).toString('hex')}`;
    const file = join(dirname(path), mine);
    await (await fs.open(file, 'wx', 0o600)).close();
    const other = await livingClaim(dirname(path), prefix, mine);
    if (other === undefined) return { release: () => fs.rm(file, { force: true }) };
    await fs.rm(file, { force: true });
    if (attempt === ATTEMPTS) throw inUse(path, prefix, other);
    await sleep(20 + Math.random() * 60);
  }
}

/** Finds a claim of a living process other than mine; clears away those of the dead. */
async function livingClaim(folder: string, prefix: string, mine: string): Promise<string | undefined> {
  for (const name of await fs.readdir(folder)) {
    if (!name.startsWith(prefix) || name === mine) continue;
    if (await isAlive(ownerOf(name, prefix))) return name;
    await fs.rm(join(folder, name), { force: true });
  }
  return undefined;
}

interface Owner {
  readonly host: string;
  readonly pid: number;
  readonly start: string;
}

function ownerOf(name: string, prefix: string): Owner {
  const [start = '', pid = '', ...host] = name.slice(prefix.length).split('.').reverse().slice(1);
  return { host: decodeURIComponent(host.reverse().join('.')), pid: Number(pid), start };
}

async function isAlive({ host, pid, start }: Owner): Promise<boolean> {
  // Of another machine nothing is known.
  if (host !== hostname()) return true;
  const started = await startOf(pid);
  if (started !== undefined) return started === start;
  try {
    process.kill(pid, 0);
    return start === '0';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' && start === '0';
  }
}

/** When a process started, as Linux tells it: another process of the same number is not taken for it. */
async function startOf(pid: number): Promise<string | undefined> {
  try {
    const stat = await fs.readFile(`/proc/${pid}/stat`, 'latin1');
    const [state, ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    // A process that was killed may still be writing, on other threads than its first.
    const isOver = state === 'Z' && (await fs.readdir(`/proc/${pid}/task`)).length <= 1;
    return isOver ? undefined : fields[18];
  } catch {
    return undefined;
  }
}

function inUse(path: string, prefix: string, name: string): Error {
  const { host, pid } = ownerOf(name, prefix);
  const where = host === hostname() ? '' : ` on ${host}; if that machine is gone, delete ${join(dirname(path), name)}`;
  return new Error(`it is in use by process ${pid}${where}`);
}
