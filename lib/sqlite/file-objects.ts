import disk, { promises as fs } from 'node:fs';
import path from 'node:path';
import { MillraceError } from '../errors.ts';
import type { Meter } from '../log/meter.ts';
import type { CopyOutcome, ObjectStore, ObjectSummary, PutOutcome } from '../log/object-store.ts';
import { compareUtf8 } from '../log/transactional/compare-utf8.ts';
import { checkRange, checkRemoval, OBJECTS_PER_REQUEST, parseObjectKey } from '../log/transactional/object-requests.ts';
import { listObjects } from './list-objects.ts';
import { objectPath } from './object-path.ts';
import type { PackedObjects } from './packed-objects.ts';
import { type Link, type Publication, publishFile, publishLink } from './publish-file.ts';
import { readRange } from './read-range.ts';
import { isFileError, readError, storeError } from './store-errors.ts';

/** Objects up to this size stand in packs: a file each costs more than what is in it, to make, to read and to delete. */
export const PACKED_BYTES_MAX = 4 * 1024 * 1024;
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
  /** Null: there are none, and none are made. */
  readonly packs: PackedObjects | null;
}

/** Where an object would be as a file. */
interface Place {
  readonly key: string;
  readonly target: string;
}

/** Objects in the file system: small ones in packs, others as plain files. */
export class FileObjects implements ObjectStore {
  readonly #options: FileObjectsOptions;
  #closed = false;

  constructor(options: FileObjectsOptions) {
    this.#options = options;
  }

  async put(key: string, bytes: Uint8Array): Promise<PutOutcome> {
    const target = this.#fileOf(key);
    const packs = this.#writable();
    this.#options.meter.count({ kind: 'put', bytes: bytes.length });
    return this.#write('writing an object', key, () => this.#put(packs, { key, target }, bytes));
  }

  /** Of a file, a second name: files are never changed, and one goes when its last name does. */
  async copy(fromKey: string, toKey: string): Promise<CopyOutcome> {
    const [source, target] = [this.#fileOf(fromKey), this.#fileOf(toKey)];
    const packs = this.#writable();
    this.#options.meter.count({ kind: 'put', bytes: 0 });
    return this.#write('copying an object', fromKey, async () => {
      const packed = await packs.get(fromKey, { position: 0, lengthBytes: PACKED_BYTES_MAX, into: undefined });
      if (packed !== null) return this.#put(packs, { key: toKey, target }, whole(packed, packs.size(fromKey)));
      const stats = await nullIfMissing(fs.stat(source));
      if (!stats?.isFile()) return 'missing';
      // It may be removed behind that look.
      return (await nullIfMissing(publishLink(source, this.#publication(packs, { key: toKey, target })))) ?? 'missing';
    });
  }

  async get(key: string, position: number, lengthBytes: number, into?: Uint8Array): Promise<Uint8Array | null> {
    checkRange(position, lengthBytes);
    const file = this.#fileOf(key);
    const range = { position, lengthBytes, into: into?.subarray(0, lengthBytes) };
    const { packs, meter } = this.#options;
    const bytes = await this.#read('reading an object', key, async () => {
      return (await packs?.get(key, range)) ?? readRange(file, range);
    });
    meter.count({ kind: 'get', bytes: bytes?.length ?? 0 });
    return bytes;
  }

  async size(key: string): Promise<number | null> {
    const file = this.#fileOf(key);
    this.#options.meter.count({ kind: 'get', bytes: 0 });
    return this.#read('reading the size of an object', key, async () => {
      const packed = this.#options.packs?.size(key) ?? null;
      if (packed !== null) return packed;
      const stats = await nullIfMissing(fs.stat(file));
      return stats?.isFile() ? stats.size : null;
    });
  }

  async remove(keys: readonly string[]): Promise<void> {
    checkRemoval(keys);
    this.#checkOpen();
    const packs = this.#writable();
    if (keys.length === 0) return;
    this.#options.meter.count({ kind: 'delete', bytes: 0 });
    await this.#write('removing objects', keys[0]!, async () => {
      const files = await packs.remove(keys);
      await removeFiles(files.map((key) => this.#fileOf(key)));
    });
  }

  async list(prefix: string, after: string | null, limit: number): Promise<readonly ObjectSummary[]> {
    this.#checkOpen();
    this.#options.meter.count({ kind: 'list', bytes: 0 });
    const most = Math.min(limit, OBJECTS_PER_REQUEST);
    return this.#read('listing objects', prefix, async () => {
      const files = await listObjects(this.#options.directory, { prefix, after, limit: most });
      const packed = this.#options.packs?.list(prefix, after, most) ?? [];
      return [...files, ...packed].sort((a, b) => compareUtf8(a.key, b.key)).slice(0, most);
    });
  }

  /** Any later call throws CLOSED. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#options.packs?.close();
  }

  async #put(packs: PackedObjects, { key, target }: Place, bytes: Uint8Array): Promise<PutOutcome> {
    if (bytes.length <= PACKED_BYTES_MAX) return packs.put(key, bytes, () => disk.existsSync(target));
    if (packs.size(key) !== null) return 'exists';
    return publishFile(bytes, this.#publication(packs, { key, target }));
  }

  #publication(packs: PackedObjects, { key, target }: Place): Publication {
    const { temporaryDirectory, sync } = this.#options;
    const link: Link = (from, to) => packs.ifFree(key, () => disk.linkSync(from, to) as undefined);
    return { temporaryDirectory, target, sync, link };
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

  #writable(): PackedObjects {
    const { packs, readOnly, directory } = this.#options;
    if (!readOnly && packs !== null) return packs;
    throw new MillraceError('STORE_READ_ONLY', 'the store was opened to be read only', {
      value: directory,
      hint: 'Open it without readOnly.',
    });
  }
}

/** Throws CORRUPT_OBJECT when there are fewer bytes than there should be. */
function whole(bytes: Uint8Array, sizeBytes: number | null): Uint8Array {
  if (sizeBytes === null || bytes.length === sizeBytes) return bytes;
  throw new MillraceError('CORRUPT_OBJECT', `only ${bytes.length} of ${sizeBytes} bytes are there`, {
    hint: 'A file in packs/ was cut short: restore it from a backup.',
  });
}

async function nullIfMissing<T>(result: Promise<T>): Promise<T | null> {
  try {
    return await result;
  } catch (error) {
    if (isFileError(error, 'ENOENT')) return null;
    throw error;
  }
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
