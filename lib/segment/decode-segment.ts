/**
 * Reads segments; their byte tables are in segment-format.ts.
 *
 * What is read may be damaged or hostile. Every count and position is checked against the bytes at hand before it is used, regions must tile the
 * space between header and index in ascending order, and every refusal is CORRUPT_OBJECT or UNSUPPORTED_FORMAT and names a position.
 */
import { limits } from '../limits.ts';
import { BATCH_HEADER_BYTES } from '../record/batch-header.ts';
import { type Region, regionBytes, type StampedRegion, verifyRegion } from './region.ts';
import {
  corruptSegment,
  indexEntryBytes,
  parseHeader,
  parseTrailer,
  SEGMENT_HEADER_BYTES,
  SEGMENT_TRAILER_BYTES,
  type SegmentTrailer,
  trailerCrc,
  viewOf,
} from './segment-format.ts';
import type { SegmentId } from './segment-id.ts';
import { decodeTopicId } from './topic-id.ts';

export { parseTrailer, SEGMENT_TRAILER_BYTES };

interface SegmentIndexBase {
  readonly formatVersion: number;
  /** Of the process that wrote the segment. */
  readonly writerId: SegmentId;
}

/** All that a segment says of itself; regions in (topic id, partition) order, at level 1 those of a partition by their offsets. */
export type SegmentIndex =
  | (SegmentIndexBase & { readonly level: 0; readonly regions: readonly Region[] })
  | (SegmentIndexBase & { readonly level: 1; readonly regions: readonly StampedRegion[] });

/** An object of which parts can be read. */
export interface SegmentSource {
  /** Of the whole object, in bytes. */
  readonly size: number;
  /** `length` bytes from `position`; fewer count as damage. */
  read(position: number, length: number): Promise<Uint8Array>;
}

/** Reading this much from the end gets the index of some 1,000 regions at once. */
const TAIL_BYTES = 64 * 1024;

/** Reads a whole segment's index. With `verifyRegions` (default false) every region's CRC is checked too. Throws CORRUPT_OBJECT, UNSUPPORTED_FORMAT. */
export function decodeSegment(bytes: Uint8Array, { verifyRegions = false } = {}): SegmentIndex {
  const headerLevel = parseHeader(bytes);
  const trailer = parseTrailerOf(bytes.length, bytes, 0);
  if (trailer.level !== headerLevel) {
    throw corruptSegment(6, `the header says level ${headerLevel}, the trailer level ${trailer.level}`);
  }
  const index = parseIndex(bytes.subarray(trailer.indexPosition, trailer.indexPosition + trailer.indexLength), trailer);
  if (verifyRegions) for (const region of index.regions) verifyRegion(regionBytes(bytes, region), region);
  return index;
}

/**
 * Reads the index of a segment from the end of its object: one read of `tailBytes` (default 64 KiB), and a second where the index is longer.
 *
 * Throws CORRUPT_OBJECT, UNSUPPORTED_FORMAT, and what `source.read` throws.
 */
export async function readSegmentIndex(source: SegmentSource, { tailBytes = TAIL_BYTES } = {}): Promise<SegmentIndex> {
  checkSize(source.size);
  const tailLength = Math.min(source.size, Math.max(tailBytes, SEGMENT_TRAILER_BYTES));
  const tailPosition = source.size - tailLength;
  const tail = await readExactly(source, tailPosition, tailLength);
  const trailer = parseTrailerOf(source.size, tail, tailPosition);
  const { indexPosition, indexLength } = trailer;
  if (indexPosition >= tailPosition) {
    const start = indexPosition - tailPosition;
    return parseIndex(tail.subarray(start, start + indexLength), trailer);
  }
  return parseIndex(await readExactly(source, indexPosition, indexLength), trailer);
}

async function readExactly(source: SegmentSource, position: number, length: number): Promise<Uint8Array> {
  const bytes = await source.read(position, length);
  if (bytes.length !== length) {
    throw corruptSegment(position, `${bytes.length} bytes came where ${length} were asked for`);
  }
  return bytes;
}

function checkSize(sizeBytes: number): void {
  const least = SEGMENT_HEADER_BYTES + BATCH_HEADER_BYTES + indexEntryBytes(0) + SEGMENT_TRAILER_BYTES;
  if (!(sizeBytes >= least && sizeBytes <= limits.segmentBytes)) {
    throw corruptSegment(0, `a segment has ${least} to ${limits.segmentBytes} bytes, not ${sizeBytes}`);
  }
}

/** The trailer of an object of which the bytes from `position` to the end are at hand, its bounds checked against the object's size. */
function parseTrailerOf(sizeBytes: number, lastBytes: Uint8Array, position: number): SegmentTrailer {
  checkSize(sizeBytes);
  const trailer = parseTrailer(lastBytes, position);
  const trailerPosition = sizeBytes - SEGMENT_TRAILER_BYTES;
  if (trailer.indexPosition + trailer.indexLength !== trailerPosition) {
    const why = `the index, ${trailer.indexLength} bytes from ${trailer.indexPosition}, does not end where the trailer begins`;
    throw corruptSegment(trailerPosition, why);
  }
  return trailer;
}

/**
 * Reads an index, exactly the bytes that the trailer names, checks the trailer's CRC and that the regions tile the object in order.
 *
 * Throws CORRUPT_OBJECT.
 */
export function parseIndex(bytes: Uint8Array, trailer: SegmentTrailer): SegmentIndex {
  const { level, indexPosition, indexLength, formatVersion, writerId } = trailer;
  const entryBytes = indexEntryBytes(level);
  if (bytes.length !== indexLength) {
    throw corruptSegment(indexPosition, `the index has ${bytes.length} bytes, the trailer says ${indexLength}`);
  }
  if (indexLength === 0 || indexLength % entryBytes !== 0 || indexLength > limits.regionsPerSegment * entryBytes) {
    throw corruptSegment(
      indexPosition,
      `an index of ${indexLength} bytes does not hold whole regions of ${entryBytes}`,
    );
  }
  if (trailerCrc(trailer, bytes) !== trailer.indexCrc) {
    throw corruptSegment(indexPosition, 'the CRC-32C of header, index and trailer does not match');
  }
  const index = { formatVersion, writerId };
  if (level === 0) return { level, ...index, regions: readRegions(bytes, trailer, readRegion) };
  return { level, ...index, regions: readRegions(bytes, trailer, readStampedRegion) };
}

type ReadRegion<R extends Region> = (index: Uint8Array, entry: number, position: number) => R;

/** All regions of an index whose length was checked. */
function readRegions<R extends Region>(index: Uint8Array, trailer: SegmentTrailer, read: ReadRegion<R>): readonly R[] {
  const { indexPosition, level } = trailer;
  const regions: R[] = [];
  let end = SEGMENT_HEADER_BYTES;
  for (let entry = 0; entry < index.length; entry += indexEntryBytes(level)) {
    const position = indexPosition + entry;
    const region = read(index, entry, position);
    if (region.position !== end)
      throw corruptSegment(position + 20, `region at ${region.position}, expected at ${end}`);
    end += region.length;
    if (end > indexPosition)
      throw corruptSegment(position + 24, `region to ${end}, beyond the index at ${indexPosition}`);
    const previous = regions.at(-1);
    if (previous !== undefined && !ascends(previous, region)) {
      throw corruptSegment(position, `${region.topicId}/${region.partition} is not in order`);
    }
    regions.push(region);
  }
  if (end !== indexPosition) throw corruptSegment(end, `the regions end here, the index begins at ${indexPosition}`);
  return regions;
}

function ascends(a: Region | StampedRegion, b: Region | StampedRegion): boolean {
  if (a.topicId !== b.topicId) return a.topicId < b.topicId;
  if (a.partition !== b.partition) return a.partition < b.partition;
  return 'lastOffset' in a && 'baseOffset' in b && a.lastOffset < b.baseOffset;
}

/** One region at `entry` of the index, which is at `position` of the object. */
function readRegion(index: Uint8Array, entry: number, position: number): Region {
  const view = viewOf(index);
  const region: Region = {
    topicId: decodeTopicId(index, entry),
    partition: view.getInt32(entry + 16),
    position: view.getUint32(entry + 20),
    length: view.getUint32(entry + 24),
    batchCount: view.getUint32(entry + 28),
    recordCount: view.getUint32(entry + 32),
    minTimestampMs: view.getBigInt64(entry + 36),
    maxTimestampMs: view.getBigInt64(entry + 44),
    crc: view.getUint32(entry + 52),
  };
  const { partition, length, batchCount, recordCount, minTimestampMs, maxTimestampMs } = region;
  if (partition < 0) throw corruptSegment(position + 16, `partition ${partition}`);
  if (batchCount === 0 || batchCount * BATCH_HEADER_BYTES > length) {
    throw corruptSegment(position + 28, `${batchCount} batches in ${length} bytes`);
  }
  if (recordCount > batchCount * limits.recordsPerBatch) {
    throw corruptSegment(position + 32, `${recordCount} records in ${batchCount} batches`);
  }
  if (minTimestampMs > maxTimestampMs) {
    throw corruptSegment(position + 36, `timestamps from ${minTimestampMs} to ${maxTimestampMs}`);
  }
  return region;
}

function readStampedRegion(index: Uint8Array, entry: number, position: number): StampedRegion {
  const region = readRegion(index, entry, position);
  const view = viewOf(index);
  const baseOffset = view.getBigInt64(entry + 56);
  const lastOffset = view.getBigInt64(entry + 64);
  if (baseOffset < 0n || lastOffset < baseOffset) {
    throw corruptSegment(position + 56, `offsets from ${baseOffset} to ${lastOffset}`);
  }
  if (BigInt(region.recordCount) > lastOffset - baseOffset + 1n) {
    throw corruptSegment(position + 32, `${region.recordCount} records at offsets ${baseOffset} to ${lastOffset}`);
  }
  return { ...region, baseOffset, lastOffset, chunkVersion: view.getUint32(entry + 72) };
}
