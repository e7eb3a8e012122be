/**
 * A segment: one immutable object that holds the record batches of many partitions, grouped by partition.
 *
 * | bytes | part | |
 * |---|---|---|
 * | 8 | header | |
 * | … | regions | level 0: one per partition, in (topic id, partition) order; level 1: one per chunk that was rewritten, in (topic id, partition, offset) order. Back to back; each is whole record batches, back to back |
 * | 56 or 76 each | index | one per region, in the same order; longer at level 1 |
 * | 36 | trailer | |
 *
 * Header:
 *
 * | position | bytes | field | |
 * |---|---|---|---|
 * | 0 | 4 | magic | `MLRC` |
 * | 4 | 1 | format version | u8, 1 |
 * | 5 | 1 | flags | u8, 0: none are defined, and a reader refuses those it does not know |
 * | 6 | 1 | level | u8, 0 written by producers, 1 by compaction |
 * | 7 | 1 | reserved | 0 |
 *
 * Index, of each region:
 *
 * | position | bytes | field | |
 * |---|---|---|---|
 * | 0 | 16 | topic id | |
 * | 16 | 4 | partition | i32, not negative |
 * | 20 | 4 | position | u32, of the region's first byte in the object |
 * | 24 | 4 | length | u32 |
 * | 28 | 4 | batch count | u32 |
 * | 32 | 4 | record count | u32 |
 * | 36 | 8 | min timestamp | i64, ms since the epoch, see `Region` |
 * | 44 | 8 | max timestamp | i64, ms since the epoch |
 * | 52 | 4 | CRC-32C | u32, of the region's bytes |
 * | 56 | 8 | base offset | i64, level 1 only |
 * | 64 | 8 | last offset | i64, level 1 only |
 * | 72 | 4 | chunk version | u32, level 1 only: how often the chunk had been replaced when it was read for this object |
 *
 * Trailer:
 *
 * | position | bytes | field | |
 * |---|---|---|---|
 * | 0 | 4 | index position | u32 |
 * | 4 | 4 | index length | u32 |
 * | 8 | 4 | CRC-32C | u32, of the header, the index and the rest of this trailer |
 * | 12 | 16 | writer id | of the process that wrote it, a ULID |
 * | 28 | 4 | format version, flags, level, reserved | as in the header, so that the end of the object tells all |
 * | 32 | 4 | magic | `MLRC` |
 *
 * All integers are big-endian. Every byte is under a check: the regions' under their own CRC and those of their batches, all others under the
 * trailer's.
 */
import { MillraceError } from '../errors.ts';
import { crc32c } from '../record/crc32c.ts';
import { decodeId, encodeId, type SegmentId } from './segment-id.ts';
import type { SegmentLevel } from './segment-key.ts';

/** The one version that is written and read. */
export const SEGMENT_FORMAT_VERSION = 1;
/** Where the first region begins. */
export const SEGMENT_HEADER_BYTES = 8;
/** What must be read from the end of an object to find its index. */
export const SEGMENT_TRAILER_BYTES = 36;

const MAGIC = 0x4d4c5243;
/** Bytes of the header and of the trailer that say version, flags, level. */
const KIND_BYTES = 4;
const CRC_POSITION = 8;
const WRITER_POSITION = 12;
const KIND_POSITION = 28;
const MAGIC_POSITION = 32;

/** What the trailer of a segment says. */
export interface SegmentTrailer {
  /** Of the index in the object; it is also where the regions end. */
  readonly indexPosition: number;
  readonly indexLength: number;
  /** CRC-32C of header, index and the rest of the trailer. */
  readonly indexCrc: number;
  readonly writerId: SegmentId;
  readonly formatVersion: number;
  readonly level: SegmentLevel;
}

/** Bytes of the index that one region takes. */
export function indexEntryBytes(level: SegmentLevel): number {
  return level === 1 ? 76 : 56;
}

/** A segment that breaks its format; `position` is the byte of the object. */
export function corruptSegment(position: number, why: string): MillraceError {
  return new MillraceError('CORRUPT_OBJECT', `damaged segment, at byte ${position}: ${why}`, {
    value: position,
    hint: 'The object was changed or truncated after it was written; verify the partitions that it holds.',
  });
}

function unsupportedSegment(position: number, what: string): MillraceError {
  return new MillraceError('UNSUPPORTED_FORMAT', `segment of another format, at byte ${position}: ${what}`, {
    value: position,
    hint: 'Read it with a newer release. If no newer one wrote it, the object is damaged.',
  });
}

/** Writes the header into the first bytes of `bytes`. */
export function writeHeader(bytes: Uint8Array, level: SegmentLevel): void {
  viewOf(bytes).setUint32(0, MAGIC);
  bytes.set([SEGMENT_FORMAT_VERSION, 0, level, 0], 4);
}

/** Checks the header in the first bytes of `bytes` and returns the level. Throws CORRUPT_OBJECT, UNSUPPORTED_FORMAT. */
export function parseHeader(bytes: Uint8Array): SegmentLevel {
  if (bytes.length < SEGMENT_HEADER_BYTES) throw corruptSegment(bytes.length, 'it ends inside the header');
  if (viewOf(bytes).getUint32(0) !== MAGIC) throw corruptSegment(0, 'the magic is not MLRC');
  return parseKind(bytes, 4, 0);
}

/** Encodes a trailer, its CRC as it is given. */
export function encodeTrailer(trailer: SegmentTrailer): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_TRAILER_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, trailer.indexPosition);
  view.setUint32(4, trailer.indexLength);
  view.setUint32(CRC_POSITION, trailer.indexCrc);
  bytes.set(encodeId(trailer.writerId), WRITER_POSITION);
  bytes.set([trailer.formatVersion, 0, trailer.level, 0], KIND_POSITION);
  view.setUint32(MAGIC_POSITION, MAGIC);
  return bytes;
}

/**
 * Reads the trailer from the last bytes of an object: 36 or more of them, which begin at `position` of it (default 0; for messages only).
 *
 * The CRC is not checked here, since it covers the index too. Throws CORRUPT_OBJECT, UNSUPPORTED_FORMAT.
 */
export function parseTrailer(lastBytes: Uint8Array, position = 0): SegmentTrailer {
  const start = lastBytes.length - SEGMENT_TRAILER_BYTES;
  if (start < 0) throw corruptSegment(position + lastBytes.length, 'it ends inside the trailer');
  const bytes = lastBytes.subarray(start);
  const view = viewOf(bytes);
  if (view.getUint32(MAGIC_POSITION) !== MAGIC) {
    throw corruptSegment(position + start + MAGIC_POSITION, 'the magic at the end is not MLRC');
  }
  const level = parseKind(bytes, KIND_POSITION, position + start);
  return {
    indexPosition: view.getUint32(0),
    indexLength: view.getUint32(4),
    indexCrc: view.getUint32(CRC_POSITION),
    writerId: decodeId(bytes, WRITER_POSITION),
    formatVersion: SEGMENT_FORMAT_VERSION,
    level,
  };
}

/** Version, flags, level and the reserved byte at `position`; `origin` is what errors add to it. */
function parseKind(bytes: Uint8Array, position: number, origin: number): SegmentLevel {
  const [version, flags, level, reserved] = bytes.subarray(position, position + KIND_BYTES);
  const at = origin + position;
  if (version !== SEGMENT_FORMAT_VERSION) throw unsupportedSegment(at, `format version ${version}`);
  if (flags !== 0) throw unsupportedSegment(at + 1, `flags ${flags}`);
  if (level !== 0 && level !== 1) throw unsupportedSegment(at + 2, `level ${level}`);
  if (reserved !== 0) throw unsupportedSegment(at + 3, `reserved byte ${reserved}`);
  return level;
}

/**
 * The CRC that belongs into a trailer, given the bytes of its index.
 *
 * The header is made anew instead of read, because it follows from the level: whoever reads only the end of an object checks as much as one who has it all.
 */
export function trailerCrc(trailer: SegmentTrailer, index: Uint8Array): number {
  const header = new Uint8Array(SEGMENT_HEADER_BYTES);
  writeHeader(header, trailer.level);
  const encoded = encodeTrailer(trailer);
  let crc = crc32c(header);
  crc = crc32c(index, crc);
  crc = crc32c(encoded.subarray(0, CRC_POSITION), crc);
  return crc32c(encoded.subarray(WRITER_POSITION), crc);
}

/** A view of exactly these bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
