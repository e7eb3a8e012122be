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
  const failure = await tryToMake(directory);
  if (failure === 'made') return directory;
  if (failure === 'there') return undefined;
  const parent = path.dirname(directory);
  if (!isFileError(failure, 'ENOENT') || parent === directory) throw failure;
  const first = await makeDirectory(parent);
  // Once more only: somebody may have made the parent meanwhile, but one that takes no entries never will.
  const second = await tryToMake(directory);
  if (second === 'made') return first ?? directory;
  if (second === 'there') return undefined;
  throw second;
}

async function tryToMake(directory: string): Promise<unknown> {
  try {
    await fs.mkdir(directory);
    return 'made';
  } catch (error) {
    return (await isDirectory(directory)) ? 'there' : error;
  }
}

async function isDirectory(directory: string): Promise<boolean> {
  try {
    return (await fs.stat(directory)).isDirectory();
  } catch {
    return false;
  }
}
