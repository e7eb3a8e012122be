import { promises as fs } from 'node:fs';
import path from 'node:path';
import { isFileError } from './store-errors.ts';

/**
 * Makes a directory and those above it; returns the first that was made, undefined when it was there. Throws the file system's errors.
 *
 * Not Node's recursive mkdir: that answers ENOENT where the file system said EROFS or EDQUOT, and never ends where a directory that exists takes no
 * entries (`/proc/x`).
 */
export async function makeDirectory(directory: string): Promise<string | undefined> {
  try {
    await fs.mkdir(directory);
    return directory;
  } catch (error) {
    if (await isDirectory(directory)) return undefined;
    const parent = path.dirname(directory);
    if (!isFileError(error, 'ENOENT') || parent === directory) throw error;
    const made = await makeDirectory(parent);
    // The parent was there, so it is the parent that takes no entries; or somebody makes and removes directories here.
    if (made === undefined) throw error;
    return (await makeDirectory(directory)) === undefined ? undefined : made;
  }
}

async function isDirectory(directory: string): Promise<boolean> {
  try {
    return (await fs.stat(directory)).isDirectory();
  } catch {
    return false;
  }
}
