/**
 * Small objects, in packs.
 *
 * Always true: what `put` has answered is in the index, and its bytes are in the pack that the index names. What a process that ends leaves behind, bytes that no
 * row names and packs in which nothing is left, is room at most. What the index does not know of is taken in when a store is opened, never deleted unseen, so the index
 * may be lost, or be older than the packs: what was removed is back then, where its pack still is.
 */
import disk, { promises as fs } from 'node:fs';
import path from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Clock } from '../clock.ts';
import { hasCode, MillraceError } from '../errors.ts';
import type { ObjectSummary, PutOutcome } from '../log/object-store.ts';
import type { WrittenDatabase } from './checkpoints.ts';
import { makeDirectory } from './make-directory.ts';
import { INDEX_LAYOUT, ObjectIndex } from './object-index.ts';
import { openDatabase } from './open-database.ts';
import { beginsAsPack, type PackedObject, packedObjects } from './pack-format.ts';
import { packOfFileName, packPath } from './pack-path.ts';
import { PackReader } from './pack-reader.ts';
import { type Appended, PackWriter } from './pack-writer.ts';
import { type FileRange, fill, newRoom, openToRead } from './read-range.ts';
import { syncDirectory } from './sync-directory.ts';

/** What another process removes while something is done with it is looked up again, so many times at most. */
const ATTEMPTS = 8;
/** Keys of one transaction of a removal: nobody else is answered meanwhile. */
const REMOVED_TOGETHER = 100;
/** What is written anew together: it is held in memory, and named in one transaction. */
const MOVED_BYTES = 1024 * 1024;
const MOVED_TOGETHER = 100;
/** A pack is written anew when more than this is of use to nobody, and more than half of it. */
const WASTE_BYTES = 4 * 1024 * 1024;

/** How packs are opened. */
export interface PackedObjectsOptions {
  /** Of the store. Holds `packs/` and `objects.sqlite`. */
  readonly directory: string;
  readonly clock: Clock;
  readonly sync: 'process' | 'power';
  readonly readOnly: boolean;
  /** Told of each transaction that wrote. */
  readonly onWritten?: () => void;
  /** A pack that has so many takes no more; default: `PACK_BYTES`. */
  readonly packBytes?: number;
  /** Default: `WASTE_BYTES`. */
  readonly wasteBytes?: number;
}

/** An object of which the bytes are to be written anew. */
interface Moved extends PackedObject {
  readonly bytes: Uint8Array;
}

/** See the module comment. */
export class PackedObjects {
  /** The database of the index. */
  readonly database: WrittenDatabase;
  readonly #options: PackedObjectsOptions;
  readonly #directory: string;
  readonly #index: ObjectIndex;
  readonly #reader: PackReader;
  readonly #writer: PackWriter;
  /** Packs out of which something was removed, by their ids, that were not looked at since. */
  readonly #touched = new Set<number>();
  #isTidying = false;

  private constructor(options: PackedObjectsOptions, database: WrittenDatabase) {
    this.database = database;
    this.#options = options;
    this.#directory = path.join(options.directory, 'packs');
    this.#index = new ObjectIndex({ ...database, ...(options.onWritten && { onWritten: options.onWritten }) });
    this.#reader = new PackReader(this.#directory);
    this.#writer = new PackWriter({ ...options, directory: this.#directory, packs: this.#index });
  }

  /** Null where there are none and none can be made. Throws what `openDatabase` throws, and CORRUPT_OBJECT where packs are to be read that have lost their index. */
  static async open(options: PackedObjectsOptions): Promise<PackedObjects | null> {
    const { directory, readOnly } = options;
    const file = path.join(directory, 'objects.sqlite');
    if (readOnly && !disk.existsSync(file)) return noPacks(directory, file);
    const database = await openIndex(file, options);
    const packed = new PackedObjects(options, { database, path: file });
    try {
      if (!readOnly) await packed.#takeIn();
      return packed;
    } catch (error) {
      packed.close();
      throw error;
    }
  }

  /** Bytes of an object, as `ObjectStore.get`; null when it is in no pack. */
  async get(key: string, { position, lengthBytes, into }: FileRange): Promise<Uint8Array | null> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const place = this.#index.find(key);
      if (place === null) return null;
      const room = into ?? newRoom(Math.min(lengthBytes, place.sizeBytes - position));
      const bytes = await this.#reader.read(place, position, room);
      if (bytes !== null) return bytes;
    }
    return null;
  }

  size(key: string): number | null {
    return this.#index.find(key)?.sizeBytes ?? null;
  }

  list(prefix: string, after: string | null, limit: number): readonly ObjectSummary[] {
    return this.#index.list(prefix, after, limit);
  }

  /** As `ObjectStore.put`; `isTaken` tells whether there is an object of this key that is in no pack. */
  async put(key: string, bytes: Uint8Array, isTaken: () => boolean): Promise<PutOutcome> {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const appended = this.#writer.append(key, bytes);
      const object = { key, position: appended.position, sizeBytes: bytes.length };
      const outcome = await this.#name(object, appended, isTaken);
      if (outcome !== 'no-pack') return outcome;
      this.#writer.giveUp(appended.pack);
    }
    throw new MillraceError('THROTTLED', 'packs are given up by others as soon as they are begun', {
      value: key,
      hint: 'Try again.',
    });
  }

  /** Runs `body`, which makes an object of this key elsewhere, IF none is in a pack; nobody can put one there meanwhile. */
  ifFree<T>(key: string, body: () => T): T | 'exists' {
    const attempt = this.#index.write(() => (this.#index.find(key) === null ? outcomeOf(body) : null));
    if (attempt === null) return 'exists';
    if ('error' in attempt) throw attempt.error;
    return attempt.result;
  }

  /** Those of the keys that are in no pack; the others are removed. */
  async remove(keys: readonly string[]): Promise<readonly string[]> {
    const { packed = [], elsewhere = [] } = Object.groupBy(keys, (key) => {
      return this.#index.find(key) === null ? 'elsewhere' : 'packed';
    });
    for (let at = 0; at < packed.length; at += REMOVED_TOGETHER) {
      if (at > 0) await new Promise((resolve) => setImmediate(resolve));
      this.#removeTogether(packed.slice(at, at + REMOVED_TOGETHER));
    }
    if (packed.length > 0) await this.#tidyTouched();
    return elsewhere;
  }

  /** Later calls throw; what is being read is read. */
  close(): void {
    this.#writer.close();
    this.#reader.close();
    this.#index.close();
  }

  async #name(object: PackedObject, appended: Appended, isTaken: () => boolean): Promise<PutOutcome | 'no-pack'> {
    try {
      if (this.#options.sync === 'power') await appended.sync();
      return this.#index.write(() => (isTaken() ? 'exists' : this.#index.add(object, appended.pack)));
    } finally {
      appended.release();
    }
  }

  #removeTogether(keys: readonly string[]): void {
    const packs = this.#index.write(() => keys.flatMap((key) => this.#index.remove(key)?.pack ?? []));
    for (const pack of packs) this.#touched.add(pack);
  }

  /** The pack that is being written waits until it is not. */
  async #tidyTouched(): Promise<void> {
    // Who is at it already comes to these too.
    if (this.#isTidying) return;
    this.#isTidying = true;
    const untidy: number[] = [];
    for (const pack of this.#touched) {
      if (pack === this.#writer.pack) continue;
      this.#touched.delete(pack);
      // What was removed is removed, whether its room can be had back now or not: on a disk that is full for instance.
      await this.#tidy(pack).catch(() => untidy.push(pack));
    }
    for (const pack of untidy) this.#touched.add(pack);
    this.#isTidying = false;
  }

  /** Gives up a pack of which nothing is left, and writes anew one of which little is. */
  async #tidy(pack: number): Promise<void> {
    const use = this.#index.usage(pack);
    if (use === null) return;
    const file = packPath(this.#directory, pack);
    if (use.objectCount > 0) {
      if (!isWasteful(file, use.byteCount, this.#options.wasteBytes ?? WASTE_BYTES)) return;
      await this.#moveAll(pack, file);
    }
    if (!this.#index.write(() => this.#index.giveUpPack(pack))) return;
    this.#reader.forget(pack);
    disk.rmSync(file, { force: true });
    // Last: a file that has no row is taken in by whoever opens the store.
    this.#index.write(() => this.#index.removePack(pack));
  }

  /** Writes what is left of a pack behind what this writer has written, and names it there. What cannot be read stays where it is. */
  async #moveAll(pack: number, file: string): Promise<void> {
    const descriptor = openToRead(file);
    if (descriptor === null) return;
    try {
      let batch: Moved[] = [];
      let batchBytes = 0;
      for (const object of packedObjects(descriptor)) {
        const place = this.#index.find(object.key);
        if (place?.pack !== pack || place.position !== object.position) continue;
        const bytes = await fill(descriptor, newRoom(object.sizeBytes), object.position);
        if (bytes.length < object.sizeBytes) continue;
        batch.push({ ...object, bytes });
        batchBytes += bytes.length;
        if (batchBytes < MOVED_BYTES && batch.length < MOVED_TOGETHER) continue;
        await this.#move(batch, pack);
        batch = [];
        batchBytes = 0;
      }
      await this.#move(batch, pack);
    } finally {
      disk.closeSync(descriptor);
    }
  }

  async #move(batch: readonly Moved[], from: number): Promise<void> {
    const places: Appended[] = [];
    try {
      for (const { key, bytes } of batch) places.push(this.#writer.append(key, bytes));
      if (this.#options.sync === 'power') await Promise.all(places.map((place) => place.sync()));
      this.#index.write(() => {
        for (const [index, to] of places.entries()) this.#index.move(batch[index]!, from, to);
      });
    } finally {
      for (const place of places) place.release();
    }
  }

  /** Takes in packs that have no row, and what the index does not know of others, and lets go of those in which nothing was left, or nothing was named yet. */
  async #takeIn(): Promise<void> {
    const { directory, sync } = this.#options;
    await makeDirectory(this.#directory);
    if (sync === 'power') await syncDirectory(directory);
    // In this order: a pack has its row before its file.
    const names = await fs.readdir(this.#directory);
    const known = new Map(this.#index.packs().map((use) => [use.pack, use]));
    const packs = names.flatMap((name) => packOfFileName(name) ?? []);
    if (packs.some((pack) => !known.has(pack))) this.#index.write(() => this.#index.restorePacks());
    for (const pack of packs) {
      const use = known.get(pack);
      if (use === undefined) this.#adopt(pack, 0);
      else if (use.objectCount >= 0) this.#adopt(pack, use.knownBytes);
    }
    for (const { pack, objectCount } of this.#index.packs()) if (objectCount <= 0) this.#touched.add(pack);
    await this.#tidyTouched();
  }

  /** Names what stands in a pack behind `from`. A put of another process that has not named its object yet finds it there. */
  #adopt(pack: number, from: number): void {
    const file = packPath(this.#directory, pack);
    if ((disk.statSync(file, { throwIfNoEntry: false })?.size ?? 0) <= from) return;
    const objects = objectsOf(file, from);
    if (objects === null || (objects.length === 0 && from > 0)) return;
    this.#index.write(() => {
      // One that was given up meanwhile has lost its file before its row.
      if (!disk.existsSync(file)) return;
      this.#index.adoptPack(pack);
      for (const object of objects) this.#index.add(object, pack);
    });
  }
}

async function openIndex(file: string, { clock, sync, readOnly }: PackedObjectsOptions): Promise<DatabaseSync> {
  try {
    return await openDatabase({ path: file, clock, sync, readOnly, layout: INDEX_LAYOUT });
  } catch (error) {
    if (!hasCode(error, 'CORRUPT_OBJECT')) throw error;
    throw new MillraceError('CORRUPT_OBJECT', 'the index of the packs is damaged', {
      value: file,
      hint: 'End all processes that use the store and delete it, with what stands beside it as -wal and -shm: it is made again from the packs.',
      cause: error,
    });
  }
}

async function noPacks(directory: string, file: string): Promise<null> {
  const names = await fs.readdir(path.join(directory, 'packs')).catch(() => []);
  if (names.every((name) => packOfFileName(name) === null)) return null;
  throw new MillraceError('CORRUPT_OBJECT', 'the index of the packs is missing', {
    value: file,
    hint: 'Open the store once without readOnly: the index is made again from the packs.',
  });
}

/** The objects of a pack as it tells itself; null when it is gone, or damaged where it begins: then it stays as it is, for somebody to look at. */
function objectsOf(file: string, from: number): readonly PackedObject[] | null {
  const descriptor = openToRead(file);
  if (descriptor === null) return null;
  try {
    return beginsAsPack(descriptor) ? [...packedObjects(descriptor, from)] : null;
  } finally {
    disk.closeSync(descriptor);
  }
}

/** What a body has come to, so that its error is not taken for one of the transaction. */
function outcomeOf<T>(body: () => T): { readonly result: T } | { readonly error: unknown } {
  try {
    return { result: body() };
  } catch (error) {
    return { error };
  }
}

function isWasteful(file: string, usedBytes: number, wasteBytes: number): boolean {
  const waste = (disk.statSync(file, { throwIfNoEntry: false })?.size ?? 0) - usedBytes;
  return waste > wasteBytes && waste > usedBytes;
}
