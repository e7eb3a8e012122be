/**
 * Where blocks are coded: inside the memory of the WebAssembly module when they are small enough for it, else where they lie.
 *
 * One memory serves all calls, which is safe because each is synchronous and copies its result out. It grows to `ARENA_BYTES_MAX` and no
 * further; larger batches are coded in JavaScript, more slowly but without holding that memory for ever.
 */
import { type BlockModule, blockModule, TABLE_BYTES } from './block-module.ts';
import { createMemory, instantiate, type ModuleMemory, PAGE_BYTES } from './web-assembly.ts';

/** A batch of 1 MiB, Kafka's usual maximum, with what it decompresses to. */
const ARENA_BYTES_MAX = 4 * 1024 * 1024;

/** A coder may write up to this past what was asked for, so a target has that much room at its end. */
export const COPY_SLACK = 16;

/** Bytes that are seen in two ways, single and by words at any position, and where they lie. */
export interface Bytes {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Position in the module's memory, −1 elsewhere. */
  readonly base: number;
}

/** What is coded, and room for the result. */
export interface Arena {
  readonly source: Bytes;
  readonly target: Bytes;
}

interface Loaded {
  readonly memory: ModuleMemory;
  readonly module: BlockModule;
}

function load(): Loaded | undefined {
  try {
    const memory = createMemory(ARENA_BYTES_MAX / PAGE_BYTES);
    return { memory, module: instantiate<BlockModule>(blockModule(), memory) };
  } catch {
    // `--jitless` and some hardened run times have no WebAssembly; the answer is the same, only slower.
    return undefined;
  }
}

const loaded = load();

/** The module, or undefined where there is no WebAssembly. */
export const blockCoder: BlockModule | undefined = loaded?.module;

function views(buffer: ArrayBufferLike, position: number, length: number, base: number): Bytes {
  // Never a Buffer: the loops of the coders are compiled for one class.
  return { bytes: new Uint8Array(buffer, position, length), view: new DataView(buffer, position, length), base };
}

/** Both ways of seeing some bytes where they lie. */
export function bothViews(bytes: Uint8Array): Bytes {
  return views(bytes.buffer, bytes.byteOffset, bytes.length, -1);
}

/** Room for coding `source` into `capacity` bytes; the result is valid until the next call, so take it with `takeResult`. */
export function openArena(source: Bytes, capacity: number): Arena {
  const { length } = source.bytes;
  const totalBytes = TABLE_BYTES + length + capacity + 2 * COPY_SLACK;
  if (loaded === undefined || totalBytes > ARENA_BYTES_MAX) {
    return { source, target: bothViews(new Uint8Array(capacity + COPY_SLACK)) };
  }
  const { memory } = loaded;
  const missing = Math.ceil((totalBytes - memory.buffer.byteLength) / PAGE_BYTES);
  if (missing > 0) memory.grow(missing);
  const { buffer } = memory;
  const copy = views(buffer, TABLE_BYTES, length, TABLE_BYTES);
  copy.bytes.set(source.bytes);
  const base = TABLE_BYTES + length + COPY_SLACK;
  return { source: copy, target: views(buffer, base, capacity + COPY_SLACK, base) };
}

/** The first `length` bytes of a target, in memory that nothing else writes and that is not much larger. */
export function takeResult(target: Bytes, length: number): Uint8Array {
  const result = target.bytes.subarray(0, length);
  return target.base < 0 && length * 2 >= target.bytes.length - COPY_SLACK ? result : result.slice();
}
