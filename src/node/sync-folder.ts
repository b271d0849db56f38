import { promises as fs } from 'node:fs';

/**
 * fsyncs a directory, so that files created or renamed in it survive a crash. On Windows it does nothing: a
 * directory cannot be flushed there
 * (https://learn.microsoft.com/windows/win32/api/fileapi/nf-fileapi-flushfilebuffers).
 */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await fs.open(folder);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
