import disk, { promises as fs } from 'node:fs';
import path from 'node:path';
import { MillraceError } from '../errors.ts';
import type { Meter } from '../log/meter.ts';
import type { CopyOutcome, ObjectStore, ObjectSummary, PutOutcome } from '../log/object-store.ts';
import { checkRange, checkRemoval, OBJECTS_PER_REQUEST, parseObjectKey } from '../log/transactional/object-requests.ts';
import { listObjects } from './list-objects.ts';
import { objectPath } from './object-path.ts';
import { publishFile, publishLink } from './publish-file.ts';
import { isFileError, readError, storeError } from './store-errors.ts';

/** Up to this size a buffer is made without asking for the file's size first. */
const UNASKED_BYTES = 4 * 1024 * 1024;
/** Files that one removal deletes at the same time; Node has four threads for files. */
const PARALLEL_REMOVALS = 8;

/** Where objects are kept. */
export interface FileObjectsOptions {
  /** Objects stand below it, see `object-path.ts`. */
  readonly directory: string;
  /** On the same file system. */
  readonly temporaryDirectory: string;
  readonly sync: 'process' | 'power';
  readonly readOnly: boolean;
  readonly meter: Meter;
}

/** What is read of a file, and where to. */
interface FileRange {
  readonly position: number;
  readonly lengthBytes: number;
  readonly into: Uint8Array | undefined;
}

/** Objects as plain files. */
export class FileObjects implements ObjectStore {
  readonly #options: FileObjectsOptions;
  #closed = false;

  constructor(options: FileObjectsOptions) {
    this.#options = options;
  }

  async put(key: string, bytes: Uint8Array): Promise<PutOutcome> {
    const { temporaryDirectory, sync, meter } = this.#options;
    const target = this.#fileOf(key);
    this.#checkWritable();
    meter.count({ kind: 'put', bytes: bytes.length });
    return this.#write('writing an object', key, () => publishFile(bytes, { temporaryDirectory, target, sync }));
  }

  /** A second name of the same file: files are never changed, and one goes when its last name does. */
  async copy(fromKey: string, toKey: string): Promise<CopyOutcome> {
    const [source, target] = [this.#fileOf(fromKey), this.#fileOf(toKey)];
    this.#checkWritable();
    const { temporaryDirectory, sync, meter } = this.#options;
    meter.count({ kind: 'put', bytes: 0 });
    return this.#write('copying an object', fromKey, async () => {
      const stats = await nullIfMissing(fs.stat(source));
      if (!stats?.isFile()) return 'missing';
      // It may be removed behind that look.
      return (await nullIfMissing(publishLink(source, { temporaryDirectory, target, sync }))) ?? 'missing';
    });
  }

  async get(key: string, position: number, lengthBytes: number, into?: Uint8Array): Promise<Uint8Array | null> {
    checkRange(position, lengthBytes);
    const file = this.#fileOf(key);
    const range = { position, lengthBytes, into: into?.subarray(0, lengthBytes) };
    const bytes = await this.#read('reading an object', key, () => readRange(file, range));
    this.#options.meter.count({ kind: 'get', bytes: bytes?.length ?? 0 });
    return bytes;
  }

  async size(key: string): Promise<number | null> {
    const file = this.#fileOf(key);
    this.#options.meter.count({ kind: 'get', bytes: 0 });
    return this.#read('reading the size of an object', key, async () => {
      const stats = await nullIfMissing(fs.stat(file));
      return stats?.isFile() ? stats.size : null;
    });
  }

  async remove(keys: readonly string[]): Promise<void> {
    checkRemoval(keys);
    this.#checkOpen();
    this.#checkWritable();
    if (keys.length === 0) return;
    this.#options.meter.count({ kind: 'delete', bytes: 0 });
    await this.#write('removing objects', keys[0]!, () => removeFiles(keys.map((key) => this.#fileOf(key))));
  }

  async list(prefix: string, after: string | null, limit: number): Promise<readonly ObjectSummary[]> {
    this.#checkOpen();
    this.#options.meter.count({ kind: 'list', bytes: 0 });
    const query = { prefix, after, limit: Math.min(limit, OBJECTS_PER_REQUEST) };
    return this.#read('listing objects', prefix, () => listObjects(this.#options.directory, query));
  }

  /** Any later call throws CLOSED. */
  close(): void {
    this.#closed = true;
  }

  #fileOf(key: string): string {
    this.#checkOpen();
    return path.join(this.#options.directory, objectPath(parseObjectKey(key)));
  }

  async #read<T>(doing: string, key: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw readError(error, doing, key);
    }
  }

  async #write<T>(doing: string, key: string, action: () => Promise<T>): Promise<T> {
    try {
      return await action();
    } catch (error) {
      throw storeError(error, doing, key);
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw new MillraceError('CLOSED', 'the store is closed', { hint: 'Open it again.' });
  }

  #checkWritable(): void {
    if (!this.#options.readOnly) return;
    throw new MillraceError('STORE_READ_ONLY', 'the store was opened to be read only', {
      value: this.#options.directory,
      hint: 'Open it without readOnly.',
    });
  }
}

async function nullIfMissing<T>(result: Promise<T>): Promise<T | null> {
  try {
    return await result;
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return null;
    throw error;
  }
}

/**
 * Bytes of a file from `position`, fewer only at its end; null when there is no such file.
 *
 * A file is opened and closed by this thread, which is over sooner than another could be told to do it; it is read by another, since the disk may have to be waited for.
 */
async function readRange(file: string, { position, lengthBytes, into }: FileRange): Promise<Uint8Array | null> {
  const descriptor = openToRead(file);
  if (descriptor === null) return null;
  try {
    const bytes = into ?? roomFor(descriptor, position, lengthBytes);
    let filled = 0;
    while (filled < bytes.length) {
      const bytesRead = await readOnce(descriptor, bytes.subarray(filled), position + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  } finally {
    disk.closeSync(descriptor);
  }
}

/** As many bytes as are asked for and may be there. */
function roomFor(descriptor: number, position: number, lengthBytes: number): Uint8Array {
  const size = lengthBytes <= UNASKED_BYTES ? lengthBytes : disk.fstatSync(descriptor).size - position;
  return new Uint8Array(Buffer.allocUnsafeSlow(Math.max(0, Math.min(lengthBytes, size))).buffer);
}

function openToRead(file: string): number | null {
  try {
    return disk.openSync(file, 'r');
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return null;
    throw error;
  }
}

/** How many bytes were read. */
function readOnce(descriptor: number, into: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    disk.read(descriptor, into, 0, into.length, position, (error, bytesRead) => {
      if (error) reject(error);
      else resolve(bytesRead);
    });
  });
}

/** Deletes files and the directories that this leaves empty: the hours of segment keys would add up otherwise. */
async function removeFiles(files: readonly string[]): Promise<void> {
  const queue = files.values();
  const work = async () => {
    for (const file of queue) await nullIfMissing(fs.unlink(file));
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_REMOVALS, files.length) }, work));
  for (const directory of new Set(files.map((file) => path.dirname(file)))) await fs.rmdir(directory).catch(() => {});
}
