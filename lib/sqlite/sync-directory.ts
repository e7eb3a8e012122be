/** Brings the entries of a directory to the disk. Windows cannot open directories; NTFS journals their entries. */
import disk, { promises as fs } from 'node:fs';

/** See the module comment. Throws the file system's errors. */
export async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await fs.open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** As `syncDirectory`, by this thread. */
export function syncDirectoryAtOnce(directory: string): void {
  if (process.platform === 'win32') return;
  const descriptor = disk.openSync(directory, 'r');
  try {
    disk.fsyncSync(descriptor);
  } finally {
    disk.closeSync(descriptor);
  }
}
