import disk from 'node:fs';
import type { PackPlace } from './object-index.ts';
import { packPath } from './pack-path.ts';
import { fill, openToRead } from './read-range.ts';

/** Packs that are kept open. A pack that another process has removed takes its room on the disk for as long as it is open here. */
const OPEN_PACKS = 16;
/** What stands between two ranges is read along with them up to this size: headers of objects do, and small objects. */
const GAP_BYTES = 4096;
/** Buffers of one read. Source: IOV_MAX of Linux and macOS. */
const RANGES_PER_READ = 1024;
/** Bytes of one read: more are read by several threads at once. */
const BYTES_PER_READ = 4 * 1024 * 1024;

interface OpenPack {
  readonly descriptor: number;
  /** Reads under way. */
  users: number;
  isOver: boolean;
}

interface Range {
  readonly pack: OpenPack;
  /** In the file. */
  readonly position: number;
  readonly into: Uint8Array;
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
}

/** Ranges that are read by one call, in the order of their positions. */
interface Run {
  readonly ranges: readonly Range[];
  /** With what stands between them. */
  readonly buffers: readonly Uint8Array[];
}

/** What stands between two ranges goes here; nobody looks at it. */
const gap = Buffer.allocUnsafeSlow(GAP_BYTES);

/** Reads ranges of packs. What is asked for in one go, and stands side by side, is read by one call: a fetch takes pieces of many objects that were written one after another. */
export class PackReader {
  readonly #directory: string;
  /** Those that were not asked for the longest come first. */
  readonly #open = new Map<number, OpenPack>();
  #waiting: Range[] = [];

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Bytes from `position` of the object at `place`, as many as `into` has room for or the object has; null when the pack is gone. */
  async read(place: PackPlace, position: number, into: Uint8Array): Promise<Uint8Array | null> {
    const wanted = into.subarray(0, Math.max(0, Math.min(into.length, place.sizeBytes - position)));
    if (wanted.length === 0) return wanted;
    const pack = this.#packOf(place.pack);
    if (pack === null) return null;
    pack.users += 1;
    try {
      return await new Promise<Uint8Array>((resolve, reject) => {
        this.#waiting.push({ pack, position: place.position + position, into: wanted, resolve, reject });
        if (this.#waiting.length === 1) queueMicrotask(() => this.#readAll(this.#waiting.splice(0)));
      });
    } finally {
      pack.users -= 1;
      if (pack.isOver && pack.users === 0) disk.closeSync(pack.descriptor);
    }
  }

  /** Closes a pack, when what is being read of it has been. */
  forget(pack: number): void {
    const open = this.#open.get(pack);
    this.#open.delete(pack);
    if (open === undefined) return;
    open.isOver = true;
    if (open.users === 0) disk.closeSync(open.descriptor);
  }

  /** Forgets all packs. */
  close(): void {
    for (const pack of [...this.#open.keys()]) this.forget(pack);
  }

  #packOf(pack: number): OpenPack | null {
    let open = this.#open.get(pack);
    if (open === undefined) {
      const descriptor = openToRead(packPath(this.#directory, pack));
      if (descriptor === null) return null;
      open = { descriptor, users: 0, isOver: false };
    }
    this.#open.delete(pack);
    this.#open.set(pack, open);
    if (this.#open.size > OPEN_PACKS) this.forget(this.#open.keys().next().value!);
    return open;
  }

  #readAll(ranges: readonly Range[]): void {
    for (const own of Map.groupBy(ranges, ({ pack }) => pack).values()) {
      for (const run of runsOf(own.toSorted((a, b) => a.position - b.position))) read(run);
    }
  }
}

/** Ranges of one pack, in the order of their positions, as few reads as can be. */
function runsOf(ranges: readonly Range[]): readonly Run[] {
  const runs: { ranges: Range[]; buffers: Uint8Array[]; end: number; size: number }[] = [];
  for (const range of ranges) {
    const { position, into } = range;
    const run = runs.at(-1);
    const between = run === undefined ? -1 : position - run.end;
    const isNear = between >= 0 && between <= GAP_BYTES;
    if (!run || !isNear || run.buffers.length + 2 > RANGES_PER_READ || run.size + into.length > BYTES_PER_READ) {
      runs.push({ ranges: [range], buffers: [into], end: position + into.length, size: into.length });
      continue;
    }
    if (between > 0) run.buffers.push(gap.subarray(0, between));
    run.ranges.push(range);
    run.buffers.push(into);
    run.end = position + into.length;
    run.size += between + into.length;
  }
  return runs;
}

function read({ ranges, buffers }: Run): void {
  const { pack, position } = ranges[0]!;
  disk.readv(pack.descriptor, buffers, position, (error, bytesRead) => {
    for (const { into, resolve, reject, position: own } of ranges) {
      const have = bytesRead - (own - position);
      if (error) reject(error);
      else if (have >= into.length) resolve(into);
      // A read may end early for reasons of its own; a pack that was cut short holds less than its index says.
      else fill(pack.descriptor, into, own, Math.max(0, have)).then(resolve, reject);
    }
  });
}
