import { type Dirent, promises as fs } from 'node:fs';
import path from 'node:path';
import type { ObjectSummary } from '../log/object-store.ts';
import { compareUtf8 } from '../log/transactional/compare-utf8.ts';
import { partOfFileName } from './object-path.ts';
import { isFileError } from './store-errors.ts';

/** A file or directory, by the part of the key that it stands for. */
interface Entry {
  readonly name: string;
  /** The key, or for a directory what the keys below it begin with, slash included. */
  readonly key: string;
  readonly isDirectory: boolean;
}

/** Objects below `directory` whose key begins with `prefix` and is above `after`, in the order of their keys' bytes, at most `limit`. */
export async function listObjects(
  directory: string,
  { prefix, after, limit }: { readonly prefix: string; readonly after: string | null; readonly limit: number },
): Promise<readonly ObjectSummary[]> {
  const found: ObjectSummary[] = [];
  const isWanted = ({ key, isDirectory }: Entry): boolean => {
    if (isDirectory) {
      const mayHavePrefix = key.startsWith(prefix) || prefix.startsWith(key);
      return mayHavePrefix && (after === null || after.startsWith(key) || compareUtf8(key, after) > 0);
    }
    return key.startsWith(prefix) && (after === null || compareUtf8(key, after) > 0);
  };
  const walk = async (at: string, parent: string): Promise<void> => {
    for (const entry of await readEntries(at, parent)) {
      if (found.length >= limit) return;
      if (!isWanted(entry)) continue;
      const entryPath = path.join(at, entry.name);
      if (entry.isDirectory) await walk(entryPath, entry.key);
      else await pushFile(found, entry.key, entryPath);
    }
  };
  if (limit > 0) await walk(directory, '');
  return found;
}

/** Entries in the order of the keys they stand for: `a!` before `a/b`, although the directory `a` is before `a!`. */
async function readEntries(directory: string, parent: string): Promise<readonly Entry[]> {
  const entries: Entry[] = [];
  for (const dirent of await readDirectory(directory)) {
    const part = partOfFileName(dirent.name);
    if (part === null) continue;
    const isDirectory = dirent.isDirectory();
    entries.push({ name: dirent.name, key: `${parent}${part}${isDirectory ? '/' : ''}`, isDirectory });
  }
  return entries.sort((a, b) => compareUtf8(a.key, b.key));
}

async function readDirectory(directory: string): Promise<readonly Dirent[]> {
  try {
    return await fs.readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return [];
    throw error;
  }
}

async function pushFile(found: ObjectSummary[], key: string, file: string): Promise<void> {
  try {
    found.push({ key, sizeBytes: (await fs.stat(file)).size });
  } catch (error) {
    // Removed since its directory was read.
    if (!isFileError(error, 'ENOENT')) throw error;
  }
}
