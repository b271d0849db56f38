import { promises as fs } from 'node:fs';

/**
 * The id of this run of the kernel, which all its containers share; undefined where there is none, as outside Linux.
 */
export async function bootId(): Promise<string | undefined> {
  try {
    // https://www.kernel.org/doc/html/latest/admin-guide/sysctl/kernel.html#random
    return (await fs.readFile('/proc/sys/kernel/random/boot_id', 'latin1')).trim();
  } catch {
    return undefined;
  }
}
