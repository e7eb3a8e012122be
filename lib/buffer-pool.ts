/**
 * Buffers that are used again. One that is made anew each time costs more than what is done with it: its pages are new to the process, and the garbage collector, which counts their bytes, looks at the whole heap for them.
 *
 * Always true: a buffer belongs to one who took it, or to nobody. Whoever gives it back says that nobody looks at it any more; who cannot say so keeps it, and the garbage collector finds out.
 */

/** A buffer that was taken. */
export interface PooledBuffer {
  /** As long as was asked for; what stands in it is of somebody before. */
  readonly bytes: Uint8Array;
  /** To be called when nobody looks at the bytes any more; calling it again does nothing. */
  readonly giveBack: () => void;
}

/** How a pool is made. */
export interface BufferPoolOptions {
  /** Bytes that are kept for who comes next. */
  readonly keptBytes: number;
  /** Told of the whole of a buffer that is given back, before it is kept: tests write over it, so that who still looks at it is found out. */
  readonly onGivenBack?: (block: Uint8Array) => void;
}

/** A page: a buffer takes no less. */
const BLOCK_BYTES_MIN = 4096;
/** Sizes of blocks between two powers of two, so that at most a fifth of one is not used. */
const SIZES_PER_DOUBLING = 4;

/** See the module comment. */
export class BufferPool {
  readonly #options: BufferPoolOptions;
  /** By their size; the sizes that were not asked for the longest come first. */
  readonly #kept = new Map<number, Uint8Array[]>();
  #keptBytes = 0;

  constructor(options: BufferPoolOptions) {
    this.#options = options;
  }

  /** Bytes of buffers that nobody has. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** A buffer of so many bytes. */
  take(bytes: number): PooledBuffer {
    const size = blockBytes(bytes);
    let block: Uint8Array | null = this.#reuse(size) ?? new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
    const giveBack = () => {
      if (block !== null) this.#keep(block);
      block = null;
    };
    return { bytes: block.subarray(0, bytes), giveBack };
  }

  #reuse(size: number): Uint8Array | undefined {
    const blocks = this.#kept.get(size);
    if (blocks === undefined) return undefined;
    this.#kept.delete(size);
    this.#kept.set(size, blocks);
    const block = blocks.pop();
    if (block !== undefined) this.#keptBytes -= size;
    return block;
  }

  #keep(block: Uint8Array): void {
    const size = block.length;
    this.#options.onGivenBack?.(block);
    if (size > this.#options.keptBytes) return;
    const blocks = this.#kept.get(size) ?? [];
    blocks.push(block);
    this.#kept.set(size, blocks);
    this.#keptBytes += size;
    while (this.#keptBytes > this.#options.keptBytes) this.#forget();
  }

  /** Lets go of one that is of a size that nobody has asked for of late. */
  #forget(): void {
    for (const [size, blocks] of this.#kept) {
      if (blocks.length > 0) {
        blocks.pop();
        this.#keptBytes -= size;
        return;
      }
      this.#kept.delete(size);
    }
  }
}

/** The size of the block for so many bytes. */
function blockBytes(bytes: number): number {
  if (bytes <= BLOCK_BYTES_MIN) return BLOCK_BYTES_MIN;
  const step = 2 ** (31 - Math.clz32(bytes - 1)) / SIZES_PER_DOUBLING;
  return Math.ceil(bytes / step) * step;
}
