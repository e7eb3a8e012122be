/**
 * Which ids the index names, in bounded memory: a Bloom filter. It never denies an id that was added. Of others it claims some by chance, about 1 in 15,000 while it holds as many as it was made for; an object that is
 * kept for that is found by the next filter, which has another seed.
 *
 * | bytes | field | |
 * |---|---|---|
 * | 4 | magic | `MLNF` |
 * | 4 | seed | u32, chosen at random for each filter |
 * | 4 | count | u32, ids that were added, each as often as it was |
 * | 4 | CRC-32C | u32, of the first 12 bytes and of the bits |
 * | rest | bits | a multiple of 8; bit n is bit n mod 8 of byte n / 8 |
 *
 * All integers are big-endian.
 */
import { MillraceError } from '../errors.ts';
import { crc32c } from '../record/crc32c.ts';
import type { SegmentId } from '../segment/segment-id.ts';

const MAGIC = 0x4d4c4e46;
const HEADER_BYTES = 16;
const BITS_PER_ID = 20;
/** The best for 20 bits an id is 14; fewer are faster and hardly worse. */
const PROBES = 10;
const LEAST_BYTES = 4 * 1024;
/** 32 MiB: 13 million ids as said above; beyond, more is kept by chance. */
const MOST_BYTES = 32 * 1024 * 1024;

/** See the module comment. */
export class NamesFilter {
  /** Ids that were added, each as often as it was. */
  count: number;
  readonly #seed: number;
  readonly #bits: Uint8Array;

  private constructor(seed: number, count: number, bits: Uint8Array) {
    this.#seed = seed >>> 0;
    this.count = count;
    this.#bits = bits;
  }

  /** An empty one for about so many ids. */
  static forCount(count: number, seed: number): NamesFilter {
    const wanted = Math.ceil((count * BITS_PER_ID) / 8);
    return new NamesFilter(seed, 0, new Uint8Array(Math.min(MOST_BYTES, Math.max(LEAST_BYTES, wanted))));
  }

  /** Throws CORRUPT_OBJECT. */
  static decode(bytes: Uint8Array): NamesFilter {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const isWhole =
      bytes.length > HEADER_BYTES && view.getUint32(0) === MAGIC && view.getUint32(12) === checksum(bytes);
    if (!isWhole) {
      throw new MillraceError('CORRUPT_OBJECT', 'a stored filter of names is damaged', {
        value: bytes.length,
        hint: 'The pass of collection begins anew by itself.',
      });
    }
    return new NamesFilter(view.getUint32(4), view.getUint32(8), bytes.slice(HEADER_BYTES));
  }

  /** As in the table above. */
  encode(): Uint8Array {
    const bytes = new Uint8Array(HEADER_BYTES + this.#bits.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, MAGIC);
    view.setUint32(4, this.#seed);
    view.setUint32(8, this.count);
    bytes.set(this.#bits, HEADER_BYTES);
    view.setUint32(12, checksum(bytes));
    return bytes;
  }

  add(id: SegmentId): void {
    this.count += 1;
    for (const bit of this.#probes(id)) this.#bits[bit >>> 3]! |= 1 << (bit & 7);
  }

  /** True for every id that was added, and by chance for others. */
  has(id: SegmentId): boolean {
    for (const bit of this.#probes(id)) if ((this.#bits[bit >>> 3]! & (1 << (bit & 7))) === 0) return false;
    return true;
  }

  /** Double hashing, as Kirsch and Mitzenmacher have it. */
  *#probes(id: SegmentId): Generator<number> {
    const bitCount = this.#bits.length * 8;
    let one = this.#seed ^ 0x811c9dc5;
    let other = this.#seed ^ 0x9747b28c;
    for (let index = 0; index < id.length; index++) {
      const code = id.charCodeAt(index);
      one = Math.imul(one ^ code, 0x01000193);
      other = Math.imul(other ^ code, 0x5bd1e995);
      other ^= other >>> 15;
    }
    let at = mixed(one);
    const step = mixed(other) | 1;
    for (let probe = 0; probe < PROBES; probe++) {
      yield (at >>> 0) % bitCount;
      at = (at + step) | 0;
    }
  }
}

/** The finalizer of MurmurHash3. */
function mixed(hash: number): number {
  let value = hash;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return value ^ (value >>> 16);
}

function checksum(bytes: Uint8Array): number {
  return crc32c(bytes.subarray(HEADER_BYTES), crc32c(bytes.subarray(0, 12)));
}
