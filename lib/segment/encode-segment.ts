/** Writes segments; their byte tables are in segment-format.ts. */
import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { BATCH_CRC_POSITION, BATCH_CRC_START, parseBatchHeader } from '../record/batch-header.ts';
import { combineCrc32c } from '../record/combine-crc32c.ts';
import { crc32c } from '../record/crc32c.ts';
import type { Region, StampedRegion } from './region.ts';
import {
  encodeTrailer,
  indexEntryBytes,
  SEGMENT_FORMAT_VERSION,
  SEGMENT_HEADER_BYTES,
  SEGMENT_TRAILER_BYTES,
  type SegmentTrailer,
  trailerCrc,
  viewOf,
  writeHeader,
} from './segment-format.ts';
import type { SegmentId } from './segment-id.ts';
import type { SegmentLevel } from './segment-key.ts';
import { encodeTopicId } from './topic-id.ts';

/** The batches that go to one partition. */
export interface RegionInput {
  /** UUID text, lower case. */
  readonly topicId: string;
  readonly partition: number;
  /** Record batches, one per array, in the order of their offsets; at least one. */
  readonly batches: readonly Uint8Array[];
}

/** What a chunk is rewritten to. */
export interface ChunkRegionInput extends RegionInput {
  /** Of the chunk. */
  readonly baseOffset: bigint;
  /** Of the chunk, inclusive. */
  readonly lastOffset: bigint;
  /** Of the chunk, as it was read. */
  readonly chunkVersion: number;
}

interface SegmentInputBase {
  /** ULID of the process that writes. */
  readonly writerId: SegmentId;
}

/** What one segment is to hold: its regions, in any order; at least one. At level 0 no partition twice, at level 1 no offset. */
export type SegmentInput = WrittenSegmentInput | CompactedSegmentInput;

type WrittenSegmentInput = SegmentInputBase & { readonly level: 0; readonly regions: readonly RegionInput[] };
type CompactedSegmentInput = SegmentInputBase & { readonly level: 1; readonly regions: readonly ChunkRegionInput[] };

/** A segment, ready to be put, and what its index says. */
export type EncodedSegment = WrittenSegment | CompactedSegment;

interface WrittenSegment {
  readonly level: 0;
  readonly bytes: Uint8Array;
  readonly regions: readonly Region[];
}

interface CompactedSegment {
  readonly level: 1;
  readonly bytes: Uint8Array;
  readonly regions: readonly StampedRegion[];
}

/** Of either level. */
type AnyRegionInput = RegionInput & Partial<ChunkRegionInput>;

/** Where a segment is to stand. */
type Allocate = (bytes: number) => Uint8Array;

/** The greatest u32 and i64: what an index can hold. */
const COUNT_MAX = 2 ** 32 - 1;
const OFFSET_MAX = 2n ** 63n - 1n;

/** Below that, a look at the bytes is faster. */
const COMBINED_BYTES_MIN = 4 * 1024;

/** What the headers of a region's batches add up to. */
type RegionSummary = Pick<
  StampedRegion,
  'batchCount' | 'recordCount' | 'minTimestampMs' | 'maxTimestampMs' | 'baseOffset' | 'lastOffset'
>;

function refused(why: string, value: unknown, hint: string): MillraceError {
  return new MillraceError('INVALID_REQUEST', `this segment cannot be written: ${why}`, { value, hint });
}

/**
 * Encodes a segment, its regions sorted by topic id and partition, in one allocation, or in what `allocate` gives: so many bytes, each of which is written.
 *
 * Only the headers of the batches are read; their CRCs are the business of who made them. A level-0 batch has no gaps (last offset delta + 1 =
 * record count), since offsets are given out by record counts; level-1 batches are stamped, ascend, and lie within the offsets of their chunk.
 *
 * Throws INVALID_REQUEST (no regions, a partition or an offset twice, a batch that is not whole, gaps, offsets that do not ascend), MESSAGE_TOO_LARGE above
 * `limits.segmentBytes` or `limits.regionsPerSegment`, and what `parseBatchHeader` throws.
 */
export function encodeSegment(input: WrittenSegmentInput, allocate?: Allocate): WrittenSegment;
export function encodeSegment(input: CompactedSegmentInput, allocate?: Allocate): CompactedSegment;
export function encodeSegment(input: SegmentInput, allocate?: Allocate): EncodedSegment;
export function encodeSegment(
  input: SegmentInput,
  allocate: Allocate = (bytes) => new Uint8Array(bytes),
): EncodedSegment {
  const { level } = input;
  const inputs = sortRegions(level, input.regions);
  const sizeBytes = segmentBytes(level, inputs);
  const summaries = inputs.map((region) => (level === 1 ? summariseChunk(region) : summarise(level, region)));

  const bytes = allocate(sizeBytes);
  writeHeader(bytes, level);
  let position = SEGMENT_HEADER_BYTES;
  const regions = inputs.map((region, index): StampedRegion => {
    const written = writeRegion(bytes, position, region);
    const { topicId, partition } = region;
    const crc = level === 0 ? crcOf(region.batches) : crc32c(written);
    const { chunkVersion = 0 } = region;
    const placed = { topicId, partition, position, length: written.length, ...summaries[index]!, crc, chunkVersion };
    position += written.length;
    return placed;
  });
  finish(bytes, { level, writerId: input.writerId, indexPosition: position }, regions);
  if (level === 1) return { level, bytes, regions };
  return { level, bytes, regions: regions.map(withoutOffsets) };
}

function withoutOffsets({
  baseOffset: _base,
  lastOffset: _last,
  chunkVersion: _version,
  ...region
}: StampedRegion): Region {
  return region;
}

/** The regions in the order of the segment, each checked apart from its batches' headers. */
function sortRegions(level: SegmentLevel, regions: readonly AnyRegionInput[]): readonly AnyRegionInput[] {
  if (regions.length === 0) throw refused('it has no regions', regions, 'Give at least one region.');
  // The order of the texts is the order of the ids' bytes, since all are in lower case and of one length.
  const sorted = regions.toSorted((a, b) => {
    if (a.topicId !== b.topicId) return a.topicId < b.topicId ? -1 : 1;
    if (a.partition !== b.partition || level === 0) return a.partition - b.partition;
    return a.baseOffset! < b.baseOffset! ? -1 : 1;
  });
  let previous: AnyRegionInput | null = null;
  for (const region of sorted) {
    const { topicId, partition, batches } = region;
    if (!Number.isInteger(partition) || partition < 0 || partition > 0x7fffffff) {
      throw refused(`${partition} is not a partition`, partition, 'Partitions count from 0.');
    }
    const isSame = previous?.topicId === topicId && previous.partition === partition;
    if (isSame && (level === 0 || region.baseOffset! <= previous!.lastOffset!)) {
      const what = level === 0 ? '' : ` and offset ${region.baseOffset}`;
      throw refused(
        `two regions for ${topicId}/${partition}${what}`,
        { topicId, partition },
        'Join the batches of a partition, or of a chunk.',
      );
    }
    if (batches.length === 0) {
      throw refused(`no batches for ${topicId}/${partition}`, { topicId, partition }, 'Leave the partition out.');
    }
    previous = region;
  }
  return sorted;
}

/** Size of the object. Throws MESSAGE_TOO_LARGE, before anything is allocated. */
function segmentBytes(level: SegmentLevel, regions: readonly AnyRegionInput[]): number {
  let sizeBytes = SEGMENT_HEADER_BYTES + regions.length * indexEntryBytes(level) + SEGMENT_TRAILER_BYTES;
  for (const region of regions) for (const batch of region.batches) sizeBytes += batch.length;
  if (sizeBytes > limits.segmentBytes) {
    throw new MillraceError('MESSAGE_TOO_LARGE', `a segment of ${sizeBytes} bytes`, {
      value: sizeBytes,
      hint: `Write several segments of at most ${limits.segmentBytes} bytes.`,
    });
  }
  if (regions.length > limits.regionsPerSegment) {
    throw new MillraceError('MESSAGE_TOO_LARGE', `a segment of ${regions.length} regions`, {
      value: regions.length,
      hint: `Write several segments of at most ${limits.regionsPerSegment} regions.`,
    });
  }
  return sizeBytes;
}

function summarise(level: SegmentLevel, region: RegionInput): RegionSummary {
  const name = `${region.topicId}/${region.partition}`;
  let summary: RegionSummary | null = null;
  for (const batch of region.batches) {
    const next = summariseBatch(level, batch, name);
    if (level === 1 && summary !== null && next.baseOffset <= summary.lastOffset) {
      const why = `the offsets of ${name} do not ascend: ${next.baseOffset} after ${summary.lastOffset}`;
      throw refused(why, next.baseOffset, 'Give stamped batches in the order of their offsets.');
    }
    summary = summary === null ? next : joinSummaries(summary, next);
  }
  if (summary!.recordCount > COUNT_MAX || summary!.lastOffset > OFFSET_MAX) {
    throw refused(`more records or offsets for ${name} than its index can tell`, name, 'Write several segments.');
  }
  return summary!;
}

/** The region tells the offsets of its chunk, whatever was removed from it. */
function summariseChunk(region: AnyRegionInput): RegionSummary {
  const { baseOffset = -1n, lastOffset = -1n, chunkVersion = -1 } = region;
  const summary = summarise(1, region);
  const isWithin = baseOffset >= 0n && baseOffset <= summary.baseOffset && summary.lastOffset <= lastOffset;
  if (!isWithin || lastOffset > OFFSET_MAX) {
    const name = `${region.topicId}/${region.partition}`;
    const why = `batches of ${name} take offsets ${summary.baseOffset} to ${summary.lastOffset}, their chunk has ${baseOffset} to ${lastOffset}`;
    throw refused(why, summary.baseOffset, 'Give the batches of a chunk, and the offsets of that chunk.');
  }
  if (!Number.isInteger(chunkVersion) || chunkVersion < 0 || chunkVersion > COUNT_MAX) {
    throw refused(`${chunkVersion} is not the version of a chunk`, chunkVersion, 'Give the version that was read.');
  }
  return { ...summary, baseOffset, lastOffset };
}

function summariseBatch(level: SegmentLevel, batch: Uint8Array, name: string): RegionSummary {
  const header = parseBatchHeader(batch);
  const { sizeBytes, recordCount, lastOffsetDelta, baseOffset, baseTimestampMs, maxTimestampMs } = header;
  if (sizeBytes !== batch.length) {
    const why = `${batch.length} bytes for a batch of ${sizeBytes} of ${name}`;
    throw refused(why, batch.length, 'Give each record batch as an array of its own.');
  }
  if (level === 0 && (recordCount === 0 || lastOffsetDelta !== recordCount - 1)) {
    const why = `a batch of ${name} has ${recordCount} records and takes ${lastOffsetDelta + 1} offsets`;
    throw refused(why, recordCount, 'Only compaction may remove records from a batch.');
  }
  if (level === 1 && baseOffset < 0n) {
    throw refused(
      `a batch of ${name} has the offset ${baseOffset}`,
      baseOffset,
      'Stamp batches before they are rewritten.',
    );
  }
  return {
    batchCount: 1,
    recordCount,
    minTimestampMs: baseTimestampMs < maxTimestampMs ? baseTimestampMs : maxTimestampMs,
    maxTimestampMs,
    baseOffset,
    lastOffset: baseOffset + BigInt(lastOffsetDelta),
  };
}

function joinSummaries(a: RegionSummary, b: RegionSummary): RegionSummary {
  return {
    batchCount: a.batchCount + b.batchCount,
    recordCount: a.recordCount + b.recordCount,
    minTimestampMs: a.minTimestampMs < b.minTimestampMs ? a.minTimestampMs : b.minTimestampMs,
    maxTimestampMs: a.maxTimestampMs > b.maxTimestampMs ? a.maxTimestampMs : b.maxTimestampMs,
    baseOffset: a.baseOffset,
    lastOffset: b.lastOffset,
  };
}

/**
 * The CRC of batches back to back, from the CRC that each tells of itself and the bytes before that, which it does not cover. Whoever appends has just compared or computed it; if the bytes have changed since, this CRC tells so, too. At
 * level 1 nothing has looked at them since they were read.
 */
function crcOf(batches: readonly Uint8Array[]): number {
  let crc = 0;
  for (const batch of batches) {
    if (batch.length < COMBINED_BYTES_MIN) crc = crc32c(batch, crc);
    else {
      const own = viewOf(batch).getUint32(BATCH_CRC_POSITION);
      crc = combineCrc32c(crc32c(batch.subarray(0, BATCH_CRC_START), crc), own, batch.length - BATCH_CRC_START);
    }
  }
  return crc;
}

/** Copies the batches of a region to `position` and returns the bytes written. */
function writeRegion(bytes: Uint8Array, position: number, region: RegionInput): Uint8Array {
  let end = position;
  for (const batch of region.batches) {
    bytes.set(batch, end);
    end += batch.length;
  }
  return bytes.subarray(position, end);
}

/** Writes index and trailer. */
function finish(
  bytes: Uint8Array,
  { level, writerId, indexPosition }: Pick<SegmentTrailer, 'level' | 'writerId' | 'indexPosition'>,
  regions: readonly StampedRegion[],
): void {
  const indexLength = regions.length * indexEntryBytes(level);
  const index = bytes.subarray(indexPosition, indexPosition + indexLength);
  regions.forEach((region, number) => {
    writeIndexEntry(index.subarray(number * indexEntryBytes(level)), level, region);
  });
  const trailer = { indexPosition, indexLength, indexCrc: 0, writerId, formatVersion: SEGMENT_FORMAT_VERSION, level };
  const indexCrc = trailerCrc(trailer, index);
  bytes.set(encodeTrailer({ ...trailer, indexCrc }), indexPosition + indexLength);
}

function writeIndexEntry(entry: Uint8Array, level: SegmentLevel, region: StampedRegion): void {
  const view = viewOf(entry);
  entry.set(encodeTopicId(region.topicId));
  view.setInt32(16, region.partition);
  view.setUint32(20, region.position);
  view.setUint32(24, region.length);
  view.setUint32(28, region.batchCount);
  view.setUint32(32, region.recordCount);
  view.setBigInt64(36, region.minTimestampMs);
  view.setBigInt64(44, region.maxTimestampMs);
  view.setUint32(52, region.crc);
  if (level === 0) return;
  view.setBigInt64(56, region.baseOffset);
  view.setBigInt64(64, region.lastOffset);
  view.setUint32(72, region.chunkVersion);
}
