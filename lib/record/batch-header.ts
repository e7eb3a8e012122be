/**
 * The header of a record batch, version 2. All integers are big-endian. Source: KIP-98, Kafka's `DefaultRecordBatch`.
 *
 * | position | field                  | type | meaning                                                                     |
 * |---------:|------------------------|------|-----------------------------------------------------------------------------|
 * |        0 | base offset            | i64  | offset of the first record; not under the CRC, stamped when it is known      |
 * |        8 | length                 | i32  | bytes after this field: 49 at least                                         |
 * |       12 | partition leader epoch | i32  | −1 when unknown; not under the CRC                                          |
 * |       16 | magic                  | i8   | 2                                                                           |
 * |       17 | CRC                    | u32  | CRC-32C of everything from `attributes` to the end                          |
 * |       21 | attributes             | i16  | see below                                                                   |
 * |       23 | last offset delta      | i32  | offset of the last record less the base; compaction leaves it as it was     |
 * |       27 | base timestamp         | i64  | of the first record, milliseconds                                           |
 * |       35 | max timestamp          | i64  | the largest of all; with LogAppendTime that of every record                 |
 * |       43 | producer id            | i64  | −1 for none                                                                 |
 * |       51 | producer epoch         | i16  | −1 for none                                                                 |
 * |       53 | base sequence          | i32  | −1 for none                                                                 |
 * |       57 | record count           | i32  | 0 only in a batch that compaction has emptied                               |
 * |       61 | records                |      | back to back, see record-writer.ts; as a whole compressed when bits 0–2 say so |
 *
 * Attributes: bits 0–2 compression (0 none, 1 gzip, 2 snappy, 3 lz4, 4 zstd) · bit 3 timestamp type (0 CreateTime, 1 LogAppendTime) ·
 * bit 4 transactional · bit 5 control · bit 6 the base timestamp is a delete horizon (KIP-534; deltas count from it all the same).
 */
import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type CompressionType, compressionTypes } from './compression.ts';
import { corruptMessage } from './corrupt-message.ts';

/** Whose clock the timestamps are: the producer's, or the log's when it appended. */
export type TimestampType = 'CreateTime' | 'LogAppendTime';

/** The fixed fields of a batch, as they stand in its first 61 bytes. */
export interface BatchHeader {
  baseOffset: bigint;
  /** The whole batch, base offset and length included. */
  sizeBytes: number;
  partitionLeaderEpoch: number;
  /** As written, unsigned; `verifyBatch` compares it. */
  crc: number;
  compression: CompressionType;
  timestampType: TimestampType;
  transactional: boolean;
  control: boolean;
  /** Whether the base timestamp says from when tombstones and markers in the batch may go (KIP-534). */
  hasDeleteHorizon: boolean;
  lastOffsetDelta: number;
  baseTimestampMs: bigint;
  maxTimestampMs: bigint;
  producerId: bigint;
  producerEpoch: number;
  baseSequence: number;
  recordCount: number;
}

/** Length of the header: where records begin. */
export const BATCH_HEADER_BYTES = 61;

/** Base offset and length: what the length field does not count. */
export const BATCH_PREFIX_BYTES = 12;

/** Where the bytes under the CRC begin. */
export const BATCH_CRC_START = 21;

/** Where the CRC stands, u32. */
export const BATCH_CRC_POSITION = 17;

/** A record takes at least this: length, attributes, timestamp and offset delta, two null lengths, no headers. */
export const RECORD_BYTES_MIN = 7;

const MAGIC = 2;
const MAGIC_POSITION = 16;
const COMPRESSION_MASK = 0x07;
const LOG_APPEND_TIME = 0x08;
const TRANSACTIONAL = 0x10;
const CONTROL = 0x20;
const DELETE_HORIZON = 0x40;

function checkMagic(magic: number, position: number): void {
  if (magic === MAGIC) return;
  if (magic === 0 || magic === 1) {
    throw new MillraceError(
      'UNSUPPORTED_FORMAT',
      `The batch at byte ${position} has the message format ${magic}, before Kafka 0.11`,
      {
        value: magic,
        hint: 'Write record batches of version 2: any client since Kafka 0.11 does.',
      },
    );
  }
  throw corruptMessage(`The magic byte is ${magic}, not ${MAGIC},`, position + MAGIC_POSITION);
}

function checkSize(sizeBytes: number, position: number, limit: number): void {
  if (sizeBytes < BATCH_HEADER_BYTES)
    throw corruptMessage(`A length of ${sizeBytes - BATCH_PREFIX_BYTES} is too small`, position + 8);
  if (sizeBytes > limits.batchBytes) {
    throw new MillraceError('MESSAGE_TOO_LARGE', `The batch at byte ${position} claims ${sizeBytes} bytes`, {
      value: sizeBytes,
      hint: `A batch has at most ${limits.batchBytes} bytes.`,
    });
  }
  if (position + sizeBytes > limit) {
    throw corruptMessage(`A batch of ${sizeBytes} bytes is cut off: only ${limit - position} are left`, position);
  }
}

function compressionOf(attributes: number, position: number): CompressionType {
  const id = attributes & COMPRESSION_MASK;
  const compression = compressionTypes[id];
  if (compression !== undefined) return compression;
  throw new MillraceError(
    'UNSUPPORTED_COMPRESSION_TYPE',
    `The batch at byte ${position} has the unknown compression ${id}`,
    {
      value: id,
      hint: `Use one of ${compressionTypes.join(', ')}.`,
    },
  );
}

function checkCounts(header: BatchHeader, position: number): void {
  const { recordCount, lastOffsetDelta } = header;
  if (recordCount < 0 || recordCount > limits.recordsPerBatch) {
    throw corruptMessage(`A record count of ${recordCount} is impossible`, position + 57);
  }
  if (lastOffsetDelta < 0 || lastOffsetDelta < recordCount - 1) {
    throw corruptMessage(`A last offset delta of ${lastOffsetDelta} cannot hold ${recordCount} records`, position + 23);
  }
  if (header.compression === 'none' && recordCount * RECORD_BYTES_MIN > header.sizeBytes - BATCH_HEADER_BYTES) {
    throw corruptMessage(`${recordCount} records do not fit ${header.sizeBytes} bytes`, position + 57);
  }
}

/**
 * Reads the header of the batch that begins at `position`, and checks magic, sizes and counts, but not the CRC.
 *
 * `limit` is where the region ends, by default with `bytes`; it may lie beyond them when only the header is at hand. Throws
 * CORRUPT_MESSAGE, UNSUPPORTED_FORMAT for the formats before Kafka 0.11, UNSUPPORTED_COMPRESSION_TYPE, and MESSAGE_TOO_LARGE above
 * `limits.batchBytes`.
 */
export function parseBatchHeader(bytes: Uint8Array, position = 0, limit: number = bytes.length): BatchHeader {
  const available = Math.min(bytes.length, limit) - position;
  if (available > MAGIC_POSITION) checkMagic((bytes[position + MAGIC_POSITION]! << 24) >> 24, position);
  if (available < BATCH_HEADER_BYTES)
    throw corruptMessage(`A batch header is cut off after ${available} bytes`, position);
  const view = new DataView(bytes.buffer, bytes.byteOffset + position, BATCH_HEADER_BYTES);
  const sizeBytes = view.getInt32(8) + BATCH_PREFIX_BYTES;
  checkSize(sizeBytes, position, limit);
  const attributes = view.getInt16(21);
  const header: BatchHeader = {
    baseOffset: view.getBigInt64(0),
    sizeBytes,
    partitionLeaderEpoch: view.getInt32(12),
    crc: view.getUint32(17),
    compression: compressionOf(attributes, position),
    timestampType: (attributes & LOG_APPEND_TIME) === 0 ? 'CreateTime' : 'LogAppendTime',
    transactional: (attributes & TRANSACTIONAL) !== 0,
    control: (attributes & CONTROL) !== 0,
    hasDeleteHorizon: (attributes & DELETE_HORIZON) !== 0,
    lastOffsetDelta: view.getInt32(23),
    baseTimestampMs: view.getBigInt64(27),
    maxTimestampMs: view.getBigInt64(35),
    producerId: view.getBigInt64(43),
    producerEpoch: view.getInt16(51),
    baseSequence: view.getInt32(53),
    recordCount: view.getInt32(57),
  };
  checkCounts(header, position);
  return header;
}

/** Writes all fields of a header over the first 61 bytes; the CRC is written as given, for `sealBatch` to replace. */
export function writeBatchHeader(bytes: Uint8Array, header: BatchHeader): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, BATCH_HEADER_BYTES);
  view.setBigInt64(0, header.baseOffset);
  view.setInt32(8, header.sizeBytes - BATCH_PREFIX_BYTES);
  view.setInt32(12, header.partitionLeaderEpoch);
  view.setInt8(MAGIC_POSITION, MAGIC);
  view.setUint32(17, header.crc);
  view.setInt16(
    21,
    compressionTypes.indexOf(header.compression) |
      (header.timestampType === 'LogAppendTime' ? LOG_APPEND_TIME : 0) |
      (header.transactional ? TRANSACTIONAL : 0) |
      (header.control ? CONTROL : 0) |
      (header.hasDeleteHorizon ? DELETE_HORIZON : 0),
  );
  view.setInt32(23, header.lastOffsetDelta);
  view.setBigInt64(27, header.baseTimestampMs);
  view.setBigInt64(35, header.maxTimestampMs);
  view.setBigInt64(43, header.producerId);
  view.setInt16(51, header.producerEpoch);
  view.setInt32(53, header.baseSequence);
  view.setInt32(57, header.recordCount);
}
