/**
 * A chunk: the entries that a roll took out of the head, in their order.
 *
 * Key: `P#<topicId>#<partition>` / `C#<base, 20 digits>`. `base`, `end` and `count` never change. Compaction replaces the entries in place by one
 * reference to a level-1 object; retention deletes chunks below the log start offset. Absence of a chunk that should cover an offset
 * means that the offset is below the log start offset, or that the index was read while it moved.
 */
import { decodeId, encodeId, type SegmentId } from '../segment/segment-id.ts';
import { binary, binaryList, type Item, type ItemKey, integer } from './item.ts';
import { type PartitionKey, partitionPk } from './partition-key.ts';

/** See the module comment. */
export interface Chunk {
  /** First offset. */
  readonly base: bigint;
  /** First offset behind it. */
  readonly end: bigint;
  /** Entries that the roll took, whatever became of them. */
  readonly count: number;
  readonly minId: SegmentId;
  readonly maxId: SegmentId;
  /** Largest timestamp in this chunk. */
  readonly maxTimestampMs: bigint;
  /** Largest timestamp in the log up to `end`: never falls from chunk to chunk, so look-ups by time can bisect. */
  readonly runMaxTimestampMs: bigint;
  /** Base offset of the first entry that has it. */
  readonly runMaxTimestampOffset: bigint;
  /** 0: `entries` are those of the roll. 1: `entries` is one reference to a level-1 object whose batches carry their own offsets. */
  readonly level: 0 | 1;
  /** Counts the replacements. */
  readonly version: number;
  readonly entries: readonly Uint8Array[];
}

const PREFIX = 'C#';
const DIGITS = 20;

/** Sort key of the chunk that begins at `base`: fixed width, so that text order is offset order. */
export function chunkSk(base: bigint): string {
  return PREFIX + base.toString().padStart(DIGITS, '0');
}

/** The largest offset that there can be: Kafka's are i64. */
export const MAX_OFFSET = 2n ** 63n - 1n;

/** Where the chunk that begins at `base` is stored. */
export function chunkKey(partition: PartitionKey, base: bigint): ItemKey {
  return { pk: partitionPk(partition), sk: chunkSk(base) };
}

/** The base offset in a chunk's sort key. */
export function chunkBase(sk: string): bigint {
  return BigInt(sk.slice(PREFIX.length));
}

/** The stored form without its base, which the key holds. */
export function chunkToItem(chunk: Chunk): Item {
  return {
    end: chunk.end,
    count: BigInt(chunk.count),
    minId: encodeId(chunk.minId),
    maxId: encodeId(chunk.maxId),
    maxTs: chunk.maxTimestampMs,
    runMaxTs: chunk.runMaxTimestampMs,
    runMaxTsAt: chunk.runMaxTimestampOffset,
    level: BigInt(chunk.level),
    ver: BigInt(chunk.version),
    entries: chunk.entries,
  };
}

/** Throws CORRUPT_OBJECT when an attribute is missing or of another kind. */
export function chunkFromItem(sk: string, item: Item): Chunk {
  return {
    base: chunkBase(sk),
    end: integer(item, 'end'),
    count: Number(integer(item, 'count')),
    minId: decodeId(binary(item, 'minId')),
    maxId: decodeId(binary(item, 'maxId')),
    maxTimestampMs: integer(item, 'maxTs'),
    runMaxTimestampMs: integer(item, 'runMaxTs'),
    runMaxTimestampOffset: integer(item, 'runMaxTsAt'),
    level: integer(item, 'level') === 1n ? 1 : 0,
    version: Number(integer(item, 'ver')),
    entries: binaryList(item, 'entries'),
  };
}
