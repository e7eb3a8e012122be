/**
 * The head of a partition, the one item through which all its order goes.
 *
 * Key: `P#<topicId>#<partition>` / `HEAD`. One per partition, made with the partition, deleted with the topic; absence means that the partition
 * does not exist (any more). Changed only by the transitions in `head-transitions.ts`.
 *
 * Always true: `start <= next`; the tail's record counts add up to `next - tailBase`; `next`, `start`, `tailBase`, `floor` and `cleanedEnd` never go back.
 */
import { decodeId, encodeId, type SegmentId } from '../segment/segment-id.ts';
import { binary, binaryList, type Item, type ItemKey, integer } from './item.ts';
import { type PartitionKey, partitionPk } from './partition-key.ts';

/** See the module comment. */
export interface Head {
  /** High watermark: the offset that the next record gets. */
  readonly next: bigint;
  /** Log start offset: the first readable offset. */
  readonly start: bigint;
  /** Offset of the first record of the tail; below it chunks hold the entries. */
  readonly tailBase: bigint;
  /** Encoded entries for `[tailBase, next)`. */
  readonly tail: readonly Uint8Array[];
  /** Bytes of the tail's encoded entries. */
  readonly tailBytes: number;
  /** Ids at or below it can never be committed any more. */
  readonly floor: SegmentId;
  /** 1 exactly when the last update was news to consumers. */
  readonly ring: 0 | 1;
  /** Largest timestamp below `tailBase`, -1 when there is none. */
  readonly maxTimestampMs: bigint;
  /** Base offset of the first entry that has it, -1 when there is none. */
  readonly maxTimestampOffset: bigint;
  /** Sum over all batches ever committed of their checksums, see `batchChecksum`. */
  readonly appended: bigint;
  /** Bytes of all batches ever committed. */
  readonly appendedBytes: bigint;
  /** Key compaction has come to an end below it: no key is there twice. 0 before the first. */
  readonly cleanedEnd: bigint;
  /** Bytes of the batches that it left below. */
  readonly cleanedBytes: bigint;
}

/** Sort key of every head. */
export const HEAD_SK = 'HEAD';

/** Where the head of a partition is stored. */
export function headKey(partition: PartitionKey): ItemKey {
  return { pk: partitionPk(partition), sk: HEAD_SK };
}

/** The head of a new, empty partition. */
export function emptyHead(floor: SegmentId): Head {
  return {
    next: 0n,
    start: 0n,
    tailBase: 0n,
    tail: [],
    tailBytes: 0,
    floor,
    ring: 0,
    maxTimestampMs: -1n,
    maxTimestampOffset: -1n,
    appended: 0n,
    appendedBytes: 0n,
    cleanedEnd: 0n,
    cleanedBytes: 0n,
  };
}

/** Attribute names are short because every write pays for them. */
export function headToItem(head: Head): Item {
  return {
    next: head.next,
    start: head.start,
    tailBase: head.tailBase,
    tail: head.tail,
    tailBytes: BigInt(head.tailBytes),
    floor: encodeId(head.floor),
    ring: BigInt(head.ring),
    maxTs: head.maxTimestampMs,
    maxTsAt: head.maxTimestampOffset,
    appended: head.appended,
    bytes: head.appendedBytes,
    // Most topics are never compacted by key, and every write pays for what stands in the head.
    ...(head.cleanedEnd > 0n && { clean: head.cleanedEnd, cleanB: head.cleanedBytes }),
  };
}

/** Throws CORRUPT_OBJECT when an attribute is missing or of another kind. */
export function headFromItem(item: Item): Head {
  return {
    next: integer(item, 'next'),
    start: integer(item, 'start'),
    tailBase: integer(item, 'tailBase'),
    tail: binaryList(item, 'tail'),
    tailBytes: Number(integer(item, 'tailBytes')),
    floor: decodeId(binary(item, 'floor')),
    ring: integer(item, 'ring') === 1n ? 1 : 0,
    maxTimestampMs: integer(item, 'maxTs'),
    maxTimestampOffset: integer(item, 'maxTsAt'),
    appended: integer(item, 'appended'),
    appendedBytes: integer(item, 'bytes'),
    cleanedEnd: 'clean' in item ? integer(item, 'clean') : 0n,
    cleanedBytes: 'clean' in item ? integer(item, 'cleanB') : 0n,
  };
}
