import type { BufferPool, PooledBuffer } from '../buffer-pool.ts';

/** What one answer is read into: taken buffer by buffer, given back as a whole. */
export class ReadMemory {
  readonly #pool: BufferPool;
  readonly #taken: PooledBuffer[] = [];

  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** Bytes of all buffers that it has, to the end of each. */
  get byteCount(): number {
    return this.#taken.reduce((sum, { bytes }) => sum + bytes.buffer.byteLength, 0);
  }

  /** So many bytes, of which nobody else has any until they are given back. */
  take(lengthBytes: number): Uint8Array {
    const buffer = this.#pool.take(lengthBytes);
    this.#taken.push(buffer);
    return buffer.bytes;
  }

  /** Whether these bytes are in it. */
  holds({ buffer }: Uint8Array): boolean {
    return this.#taken.some(({ bytes }) => bytes.buffer === buffer);
  }

  /** Gives everything back; whoever has bytes of it must not look at them any more. It can be used again. */
  giveBack(): void {
    for (const { giveBack } of this.#taken.splice(0)) giveBack();
  }
}
