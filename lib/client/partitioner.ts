/** Which partition a record goes to when the caller does not say. */
import type { Random } from '../clock.ts';
import { MillraceError } from '../errors.ts';
import type { RecordHeader } from '../record/record.ts';
import { murmur2 } from './murmur2.ts';

/** What a partitioner sees of a record: its bytes. */
export interface PartitionedRecord {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
}

/** Names the partition of a record, from 0 and below `partitionCount`. It is asked once for each record, in the order of the sends. */
export type Partitioner = (
  record: PartitionedRecord,
  topic: { readonly topic: string; readonly partitionCount: number },
) => number;

/** The partition that a partitioner names. Throws INVALID_PARTITIONS for what is none, and what the partitioner threw, as a cause. */
export function askPartitioner(
  partitioner: Partitioner,
  record: PartitionedRecord,
  topic: string,
  partitionCount: number,
): number {
  let partition: unknown;
  try {
    partition = partitioner(record, { topic, partitionCount });
  } catch (cause) {
    throw new MillraceError('INVALID_PARTITIONS', `the partitioner threw for a record of ${topic}`, {
      value: topic,
      hint: 'Look at the cause. The record was not sent.',
      cause,
    });
  }
  const isOne = Number.isInteger(partition) && (partition as number) >= 0 && (partition as number) < partitionCount;
  if (isOne) return partition as number;
  throw new MillraceError('INVALID_PARTITIONS', `the partitioner named partition ${String(partition)} of ${topic}`, {
    value: partition,
    hint: `Name an integer from 0 to ${partitionCount - 1}. The record was not sent.`,
  });
}

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
