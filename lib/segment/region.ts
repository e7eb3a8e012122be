/** A region: the record batches of one partition in one segment; at level 1 those of one chunk of it. */
import { MillraceError } from '../errors.ts';
import { crc32c } from '../record/crc32c.ts';

/** What a segment's index says of a region. */
export interface Region {
  /** UUID text, lower case. */
  readonly topicId: string;
  readonly partition: number;
  /** Of the region's first byte in the object. */
  readonly position: number;
  /** Bytes, at least one batch header. */
  readonly length: number;
  readonly batchCount: number;
  /** At level 0 also the number of offsets that the region will take. */
  readonly recordCount: number;
  /** Least base timestamp of the batches (that of their first records), or their maximum where that is less; ms since the epoch, -1 for none. */
  readonly minTimestampMs: bigint;
  /** Greatest timestamp of any record, as the batches say; ms since the epoch, -1 for none. */
  readonly maxTimestampMs: bigint;
  /** CRC-32C of the region's bytes. */
  readonly crc: number;
}

/** A region of level 1: what a chunk held, its batches stamped with their offsets. */
export interface StampedRegion extends Region {
  /** Of the chunk. Where key compaction removed records, the first batch may begin above it. */
  readonly baseOffset: bigint;
  /** Of the chunk, inclusive. */
  readonly lastOffset: bigint;
  /** How often the chunk had been replaced when it was read for this object: while it has this version, it may still come to name the object. */
  readonly chunkVersion: number;
}

/** Checks bytes that were read for a region against its length and CRC. Throws CORRUPT_OBJECT, with the region as its value. */
export function verifyRegion(bytes: Uint8Array, region: Region): void {
  const name = `region of ${region.topicId}/${region.partition} at byte ${region.position}`;
  const hint = 'The object was changed or truncated after it was written; verify the partition.';
  if (bytes.length !== region.length) {
    const why = `${bytes.length} bytes where the index says ${region.length}`;
    throw new MillraceError('CORRUPT_OBJECT', `damaged ${name}: ${why}`, { value: region, hint });
  }
  if (crc32c(bytes) !== region.crc) {
    throw new MillraceError('CORRUPT_OBJECT', `damaged ${name}: its CRC-32C does not match`, { value: region, hint });
  }
}

/** The bytes of a region in its object: a view, not a copy. Throws CORRUPT_OBJECT when the object is too short. */
export function regionBytes(segment: Uint8Array, region: Region): Uint8Array {
  const end = region.position + region.length;
  if (end > segment.length) {
    throw new MillraceError('CORRUPT_OBJECT', `the segment ends at byte ${segment.length}, its region at byte ${end}`, {
      value: region,
      hint: 'The object was truncated; verify the partition.',
    });
  }
  return segment.subarray(region.position, end);
}
