import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A disk of its own that is soon full (`64k`, say), and goes with its test; where none can be mounted, the test is skipped. */
export function smallDisk(size: string, skip: (why: string) => never): string {
  const why = 'no tmpfs can be mounted here: this needs root on Linux';
  if (process.getuid?.() !== 0 || process.platform !== 'linux') skip(why);
  const folder = mkdtempSync(join(tmpdir(), 'small-disk-'));
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    rmSync(folder, { recursive: true });
    skip(why);
  }
  onTestFinished(() => {
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  });
  return folder;
}
