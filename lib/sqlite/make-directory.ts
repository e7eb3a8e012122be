import { promises as fs } from 'node:fs';
import { isFileError } from './store-errors.ts';

/**
 * Makes a directory and those above it; returns the first that was made, undefined when it was there. Throws the file system's errors.
 *
 * Node's recursive mkdir answers ENOENT where the file system said EROFS or EDQUOT, because it asks again whether the directory is there; a plain mkdir tells.
 */
export async function makeDirectory(directory: string): Promise<string | undefined> {
  try {
    return await fs.mkdir(directory, { recursive: true });
  } catch (error) {
    if (isFileError(error, 'ENOENT') && error.path !== undefined) await fs.mkdir(error.path);
    throw error;
  }
}
