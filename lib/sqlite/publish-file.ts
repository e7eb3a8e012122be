/** Writes files that are either there as a whole or not at all, and that never replace another. */
import { promises as fs } from 'node:fs';
import path from 'node:path';
import { type Clock, systemRandom } from '../clock.ts';
import { UnansweredError } from '../errors.ts';
import { makeDirectory } from './make-directory.ts';
import { isFileError, noHardLinksError } from './store-errors.ts';
import { syncDirectory } from './sync-directory.ts';

/** Temporary files this old were left by a process that crashed: no write takes an hour. */
const STALE_MS = 3_600_000;
/** A directory may vanish between its making and the link, when a removal empties it; each time is a new race to lose. */
const LINK_ATTEMPTS = 8;

/** Ids of processes are used again, and threads share one: what each of them calls its temporary files is no other's. */
const processName = Buffer.from(systemRandom.bytes(12)).toString('hex');
let nameCount = 0;

/** Gives a file another name. Returns `exists`, or throws the file system's EEXIST, where something has that name. */
export type Link = (file: string, target: string) => 'exists' | undefined;

/** Where and how a file is published. */
export interface Publication {
  /** Must be on the file system of `target`. */
  readonly temporaryDirectory: string;
  readonly target: string;
  readonly sync: 'process' | 'power';
  readonly link: Link;
}

/**
 * Writes `bytes` under a temporary name and links it to `target` IF there is nothing.
 *
 * With sync `power`, the file and the directory entry are on the disk when this resolves, whoever wrote the file. Throws the file system's errors, without effect; an
 * error after the link is `UnansweredError`.
 */
export async function publishFile(bytes: Uint8Array, publication: Publication): Promise<'created' | 'exists'> {
  const temporary = path.join(publication.temporaryDirectory, `${process.pid}-${processName}-${++nameCount}`);
  try {
    await writeWhole(temporary, bytes, publication.sync);
    return await publishLink(temporary, publication);
  } finally {
    await fs.unlink(temporary).catch(() => {});
  }
}

/** Links a whole file to `target` IF there is nothing. Errors are as for `publishFile`; ENOENT when `file` is not there. */
export async function publishLink(file: string, publication: Publication): Promise<'created' | 'exists'> {
  const outcome = await linkOnce(file, publication);
  if (publication.sync === 'power') await syncPublished(path.dirname(publication.target));
  return outcome;
}

async function writeWhole(file: string, bytes: Uint8Array, sync: 'process' | 'power'): Promise<void> {
  const handle = await fs.open(file, 'wx');
  try {
    // At once: `writeFile` hands over half a MiB after another.
    for (let written = 0; written < bytes.length; ) {
      const { bytesWritten } = await handle.write(bytes, written);
      written += bytesWritten;
    }
    if (sync === 'power') await handle.datasync();
  } finally {
    await handle.close();
  }
}

async function linkOnce(temporary: string, { target, sync, link }: Publication): Promise<'created' | 'exists'> {
  for (let attempt = 1; ; attempt++) {
    try {
      return link(temporary, target) ?? 'created';
    } catch (error) {
      if (isFileError(error, 'EEXIST')) return 'exists';
      if (isFileError(error, 'EPERM')) throw noHardLinksError(error, target);
      if (!isFileError(error, 'ENOENT') || attempt === LINK_ATTEMPTS) throw error;
      await makeParent(path.dirname(target), sync);
    }
  }
}

async function makeParent(directory: string, sync: 'process' | 'power'): Promise<void> {
  const first = await makeDirectory(directory);
  if (sync !== 'power' || first === undefined) return;
  // Every directory that was made is an entry in the one above it.
  for (let made = directory; made.length >= first.length; made = path.dirname(made)) {
    await syncDirectory(path.dirname(made));
  }
}

async function syncPublished(directory: string): Promise<void> {
  try {
    await syncDirectory(directory);
  } catch (cause) {
    throw new UnansweredError('the file is written, but its directory could not be synced', {
      value: directory,
      cause,
    });
  }
}

/** Deletes temporary files of processes that crashed more than an hour ago; what cannot be deleted stays. */
export async function removeStaleFiles(temporaryDirectory: string, clock: Clock): Promise<void> {
  const names = await fs.readdir(temporaryDirectory).catch(() => []);
  for (const name of names) {
    const file = path.join(temporaryDirectory, name);
    const isStale = await fs.stat(file).then(
      ({ mtimeMs }) => mtimeMs < clock.nowMs() - STALE_MS,
      () => false,
    );
    if (isStale) await fs.unlink(file).catch(() => {});
  }
}
