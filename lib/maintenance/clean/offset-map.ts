/**
 * The last offset of each key, in bounded memory: a table of fixed size with open addressing, as Kafka's `SkimpyOffsetMap`. Keys are told apart by 128 bits of their SHA-256, so a table of any size takes one
 * key for another with a probability below 10⁻²⁰, and nobody can make two keys that it confuses.
 *
 * A slot is five words: four of the hash, and the offset less the base plus one; 0 is a free slot.
 */
import { hashKey } from './hash-key.ts';

const HASH_WORDS = 4;
const SLOT_WORDS = HASH_WORDS + 1;
const SLOT_BYTES = SLOT_WORDS * 4;
/** Fuller, and a look-up would pass too many slots. Kafka: `log.cleaner.io.buffer.load.factor`. */
const LOAD_FACTOR = 0.9;

/** Most offsets from the base that a map can tell. */
const SPAN_MAX = 2n ** 32n - 1n;

/** See the top of this file. */
export class OffsetMap {
  readonly #slots: Uint32Array;
  readonly #slotCount: number;
  readonly #maxKeys: number;
  readonly #hash = new Uint32Array(HASH_WORDS);
  #base = 0n;
  #size = 0;

  /** `maxBytes` is what it takes in memory, all of it at once. */
  constructor(maxBytes: number) {
    this.#slotCount = Math.max(2, Math.floor(maxBytes / SLOT_BYTES));
    this.#maxKeys = Math.max(1, Math.floor(this.#slotCount * LOAD_FACTOR));
    this.#slots = new Uint32Array(this.#slotCount * SLOT_WORDS);
  }

  /** Keys in it. */
  get size(): number {
    return this.#size;
  }

  /** Empties it, for offsets from `base` on. */
  clear(base: bigint): void {
    this.#base = base;
    if (this.#size > 0) this.#slots.fill(0);
    this.#size = 0;
  }

  /** Notes that a key stands at an offset, which is above all that were noted before. False, and nothing is noted, when it has no room or the offset is too far from the base. */
  put(key: Uint8Array, offset: bigint): boolean {
    const delta = offset - this.#base + 1n;
    if (delta > SPAN_MAX) return false;
    const at = this.#find(key);
    if (this.#slots[at + HASH_WORDS] === 0) {
      if (this.#size >= this.#maxKeys) return false;
      this.#slots.set(this.#hash, at);
      this.#size += 1;
    }
    this.#slots[at + HASH_WORDS] = Number(delta);
    return true;
  }

  /** The last offset of a key, or null when it was not noted. */
  get(key: Uint8Array): bigint | null {
    const delta = this.#slots[this.#find(key) + HASH_WORDS]!;
    return delta === 0 ? null : this.#base + BigInt(delta) - 1n;
  }

  /** Where the slot of a key begins, or the free one where it would be put; its hash stands in `#hash`. There is always a free one. */
  #find(key: Uint8Array): number {
    const [a, b, c, d] = hashKey(key, this.#hash);
    const slots = this.#slots;
    // Of the first words, since those of the middle go into the comparison alone.
    let slot = a! % this.#slotCount;
    for (;;) {
      const at = slot * SLOT_WORDS;
      if (slots[at + HASH_WORDS] === 0) return at;
      if (slots[at] === a && slots[at + 1] === b && slots[at + 2] === c && slots[at + 3] === d) return at;
      slot = slot + 1 === this.#slotCount ? 0 : slot + 1;
    }
  }
}
