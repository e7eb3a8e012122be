/**
 * Memory that ranges of objects are read into, used again and again: a fresh buffer for each range is more work for the garbage collector than all that is done with its bytes.
 *
 * Always true: a buffer is had by one at a time, from when it was taken until it is given back.
 */

/** Less is as cheap to make. */
const SMALLEST_BYTES = 64 * 1024;
/** More is rare: one entry that is larger than what was asked for. */
const LARGEST_BYTES = 4 * 1024 * 1024;
/** Free buffers that are kept; what a burst has needed beyond that is left to the garbage collector. */
const KEPT_BYTES = 16 * 1024 * 1024;

/** Buffers of a few sizes, each twice the one below, so that one that is free fits whoever comes next. */
export class ReadBuffers {
  readonly #free = new Map<number, Uint8Array[]>();
  #freeBytes = 0;

  /** Bytes of buffers that nobody has. */
  get freeBytes(): number {
    return this.#freeBytes;
  }

  /** A buffer of at least so many bytes, whatever was in it before; more than 4 MiB, or next to nothing, is a fresh one of just that size. */
  take(lengthBytes: number): Uint8Array {
    const sizeBytes = sizeFor(lengthBytes);
    const known = this.#free.get(sizeBytes)?.pop();
    if (known === undefined) return fresh(sizeBytes);
    this.#freeBytes -= sizeBytes;
    return known;
  }

  /** Takes a buffer back, of which nobody may look at anything from now on. */
  giveBack(buffer: Uint8Array): void {
    const sizeBytes = buffer.length;
    if (sizeFor(sizeBytes) !== sizeBytes || sizeBytes < SMALLEST_BYTES || sizeBytes > LARGEST_BYTES) return;
    if (this.#freeBytes + sizeBytes > KEPT_BYTES) return;
    const free = this.#free.get(sizeBytes) ?? [];
    this.#free.set(sizeBytes, free);
    free.push(buffer);
    this.#freeBytes += sizeBytes;
  }
}

/** What one answer is read into: taken piece by piece, given back as a whole. */
export class ReadMemory {
  readonly #buffers: ReadBuffers;
  readonly #taken: Uint8Array[] = [];
  #byteCount = 0;

  constructor(buffers: ReadBuffers) {
    this.#buffers = buffers;
  }

  /** Bytes of all buffers that it has. */
  get byteCount(): number {
    return this.#byteCount;
  }

  /** So many bytes, of which nobody else has any until they are given back. */
  take(lengthBytes: number): Uint8Array {
    const buffer = this.#buffers.take(lengthBytes);
    this.#taken.push(buffer);
    this.#byteCount += buffer.length;
    return buffer.subarray(0, lengthBytes);
  }

  /** Whether these bytes are in it. */
  holds(bytes: Uint8Array): boolean {
    return this.#taken.some(({ buffer }) => buffer === bytes.buffer);
  }

  /** Gives everything back; whoever has bytes of it must not look at them any more. It can be used again. */
  giveBack(): void {
    this.#byteCount = 0;
    for (const buffer of this.#taken.splice(0)) this.#buffers.giveBack(buffer);
  }
}

function sizeFor(lengthBytes: number): number {
  if (lengthBytes < SMALLEST_BYTES / 4 || lengthBytes > LARGEST_BYTES) return lengthBytes;
  return Math.max(SMALLEST_BYTES, 2 ** Math.ceil(Math.log2(lengthBytes)));
}

/** Of its own memory: Node hands out slices of a shared one otherwise. */
function fresh(sizeBytes: number): Uint8Array {
  const { buffer, byteOffset, length } = Buffer.allocUnsafeSlow(sizeBytes);
  return new Uint8Array(buffer, byteOffset, length);
}
