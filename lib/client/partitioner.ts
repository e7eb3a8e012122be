/** Which partition a record goes to when the caller does not say. */
import type { Random } from '../clock.ts';
import { murmur2 } from './murmur2.ts';

/** The partition of a key: the same as the Java client's, so that both may write one topic. Source: Kafka's `BuiltInPartitioner.partitionForKey`. */
export function partitionForKey(key: Uint8Array, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount;
}

/**
 * The partition of records without a key: one at random, kept until a batch's worth of bytes went to it, so that batches fill and few partitions are
 * touched by a flush. Source: KIP-794, which counts bytes for the same reason: a fast partition does not get more than a slow one.
 */
export class StickyPartition {
  readonly #random: Random;
  readonly #switchBytes: number;
  #partition = -1;
  #bytes = 0;

  constructor(random: Random, switchBytes: number) {
    this.#random = random;
    this.#switchBytes = switchBytes;
  }

  /** The partition for a record of `recordBytes`. */
  next(recordBytes: number, partitionCount: number): number {
    const isUsable = this.#partition >= 0 && this.#partition < partitionCount && this.#bytes < this.#switchBytes;
    if (!isUsable) {
      this.#partition = Math.floor(this.#random.fraction() * partitionCount);
      this.#bytes = 0;
    }
    this.#bytes += recordBytes;
    return this.#partition;
  }
}
