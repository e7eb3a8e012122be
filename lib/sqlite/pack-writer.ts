import disk from 'node:fs';
import type { ObjectIndex } from './object-index.ts';
import { packHeader } from './pack-format.ts';
import { packPath } from './pack-path.ts';
import { SharedSync } from './shared-sync.ts';
import { isFileError } from './store-errors.ts';
import { syncDirectoryAtOnce } from './sync-directory.ts';

/** A pack that has so many bytes takes no more. */
export const PACK_BYTES = 32 * 1024 * 1024;

/** Where packs stand, and who numbers them. */
export interface PackWriterOptions {
  readonly directory: string;
  /** With `power`, the entry of a pack in its directory is on the disk before anything is appended. */
  readonly sync: 'process' | 'power';
  readonly packs: Pick<ObjectIndex, 'newPack' | 'abandonPack'>;
  /** Default: `PACK_BYTES`. */
  readonly packBytes?: number;
}

/** Bytes that stand in a pack, and that nobody names yet. */
export interface Appended {
  readonly pack: number;
  /** Of the object. */
  readonly position: number;
  /** Waits until they are on the disk. Throws the file system's errors; the pack takes no more then. */
  sync(): Promise<void>;
  /** To be called when nothing is to be done with them any more. */
  release(): void;
}

interface OpenPack {
  readonly pack: number;
  readonly descriptor: number;
  readonly syncs: SharedSync;
  sizeBytes: number;
  /** Who has appended and not released yet. */
  users: number;
  isOver: boolean;
}

/** Appends objects to a pack that is this writer's alone, by the thread itself: into the memory of the kernel, which is over sooner than another thread could be told to. */
export class PackWriter {
  readonly #options: PackWriterOptions;
  #open: OpenPack | null = null;

  constructor(options: PackWriterOptions) {
    this.#options = options;
  }

  /** The pack that is being written, if there is one. */
  get pack(): number | null {
    return this.#open?.pack ?? null;
  }

  /** Writes an object behind what is there. Throws the file system's errors; what was begun then is cut off, or else written over by who comes next. */
  append(key: string, bytes: Uint8Array): Appended {
    const open = this.#packFor();
    const header = packHeader(key, bytes.length);
    try {
      writeWhole(open, [header, bytes]);
    } catch (error) {
      cutBack(open);
      throw error;
    }
    const position = open.sizeBytes + header.length;
    open.sizeBytes = position + bytes.length;
    open.users += 1;
    return { pack: open.pack, position, sync: () => this.#sync(open), release: () => release(open) };
  }

  /** The pack takes no more, if it is still the one that is being written. */
  giveUp(pack: number): void {
    if (this.#open?.pack === pack) this.#end(this.#open);
  }

  /** Nothing may be appended any more. */
  close(): void {
    if (this.#open !== null) this.#end(this.#open);
  }

  #packFor(): OpenPack {
    const { packBytes = PACK_BYTES } = this.#options;
    if (this.#open !== null && this.#open.sizeBytes >= packBytes) this.#end(this.#open);
    this.#open ??= this.#begin();
    return this.#open;
  }

  #begin(): OpenPack {
    for (;;) {
      const pack = this.#options.packs.newPack();
      try {
        return this.#make(pack);
      } catch (error) {
        this.#options.packs.abandonPack(pack);
        // An index that was restored, or made again, may not know of a file. What it holds is looked at when a store is opened.
        if (!isFileError(error, 'EEXIST')) throw error;
      }
    }
  }

  #make(pack: number): OpenPack {
    const { directory, sync } = this.#options;
    const descriptor = disk.openSync(packPath(directory, pack), 'wx');
    try {
      if (sync === 'power') syncDirectoryAtOnce(directory);
      return { pack, descriptor, syncs: new SharedSync(descriptor), sizeBytes: 0, users: 0, isOver: false };
    } catch (error) {
      disk.closeSync(descriptor);
      disk.rmSync(packPath(directory, pack), { force: true });
      throw error;
    }
  }

  async #sync(open: OpenPack): Promise<void> {
    try {
      await open.syncs.sync();
    } catch (error) {
      this.giveUp(open.pack);
      throw error;
    }
  }

  #end(open: OpenPack): void {
    this.#open = null;
    open.isOver = true;
    if (open.users === 0) disk.closeSync(open.descriptor);
  }
}

function release(open: OpenPack): void {
  open.users -= 1;
  if (open.isOver && open.users === 0) disk.closeSync(open.descriptor);
}

/** A disk that was full has its room back. */
function cutBack({ descriptor, sizeBytes }: OpenPack): void {
  try {
    disk.ftruncateSync(descriptor, sizeBytes);
  } catch {}
}

function writeWhole({ descriptor, sizeBytes }: OpenPack, parts: readonly Uint8Array[]): void {
  let position = sizeBytes;
  const whole = parts.reduce((sum, { length }) => sum + length, 0);
  const written = disk.writevSync(descriptor, parts, position);
  if (written === whole) return;
  // A part of them: rare, on a disk that is nearly full for instance, so the rest is copied together.
  const rest = Buffer.concat(parts, whole).subarray(written);
  position += written;
  for (let at = 0; at < rest.length; ) at += disk.writeSync(descriptor, rest, at, rest.length - at, position + at);
}
