import { MillraceError } from '../errors.ts';
import { assembleBatch } from './assemble-batch.ts';
import type { BatchHeader, TimestampType } from './batch-header.ts';
import { type CompressionType, checkCompression } from './compression.ts';
import type { RecordData } from './record.ts';
import { RecordWriter } from './record-writer.ts';

/** The fields of a batch that do not follow from its records. */
export interface EncodeBatchOptions {
  /** `none` by default. */
  readonly compression?: CompressionType | undefined;
  /** gzip 1–9 and zstd 1–22 only; the codec's own default otherwise. */
  readonly compressionLevel?: number | undefined;
  /** 0 by default; `stampBatch` sets it later. */
  readonly baseOffset?: bigint | undefined;
  /** −1 by default. */
  readonly partitionLeaderEpoch?: number | undefined;
  /** `CreateTime` by default. With `LogAppendTime` every record reads back with the largest timestamp. */
  readonly timestampType?: TimestampType | undefined;
  readonly transactional?: boolean | undefined;
  readonly control?: boolean | undefined;
  /** −1 by default, for none; epoch and sequence likewise. */
  readonly producerId?: bigint | undefined;
  readonly producerEpoch?: number | undefined;
  readonly baseSequence?: number | undefined;
}

/** Larger batches get a buffer of their own, so that one of them does not hold memory for ever. */
const POOLED_BYTES_MAX = 1024 * 1024;

let pooled: RecordWriter | undefined;

function checkInteger(name: string, value: number | undefined, bits: 16 | 32): void {
  if (value === undefined || (Number.isInteger(value) && Math.abs(value + 0.5) < 2 ** (bits - 1))) return;
  throw new MillraceError('INVALID_REQUEST', `${name} is no i${bits}`, {
    value,
    hint: `Give an integer of ${bits} bits.`,
  });
}

function checkBigint(name: string, value: bigint | undefined): void {
  if (value === undefined || (typeof value === 'bigint' && BigInt.asIntN(64, value) === value)) return;
  throw new MillraceError('INVALID_REQUEST', `${name} is no i64`, { value, hint: 'Give a bigint of 64 bits.' });
}

/** Throws INVALID_REQUEST for a field that its place in the header cannot hold, and what `checkCompression` does. */
export function checkEncodeBatchOptions(options: EncodeBatchOptions): void {
  checkCompression(options.compression ?? 'none', options.compressionLevel);
  checkBigint('baseOffset', options.baseOffset);
  checkBigint('producerId', options.producerId);
  checkInteger('partitionLeaderEpoch', options.partitionLeaderEpoch, 32);
  checkInteger('producerEpoch', options.producerEpoch, 16);
  checkInteger('baseSequence', options.baseSequence, 32);
}

/** Copies what a writer holds into a batch of its own: compressed, with its header and CRC. */
export function finishBatch(writer: RecordWriter, options: EncodeBatchOptions): Uint8Array {
  if (writer.recordCount === 0) {
    throw new MillraceError('INVALID_RECORD', 'A batch has at least one record', {
      value: 0,
      hint: 'Do not send empty batches.',
    });
  }
  const header: Omit<BatchHeader, 'sizeBytes' | 'crc'> = {
    baseOffset: options.baseOffset ?? 0n,
    partitionLeaderEpoch: options.partitionLeaderEpoch ?? -1,
    compression: options.compression ?? 'none',
    timestampType: options.timestampType ?? 'CreateTime',
    transactional: options.transactional ?? false,
    control: options.control ?? false,
    hasDeleteHorizon: false,
    lastOffsetDelta: writer.recordCount - 1,
    baseTimestampMs: writer.baseTimestampMs,
    maxTimestampMs: writer.maxTimestampMs,
    producerId: options.producerId ?? -1n,
    producerEpoch: options.producerEpoch ?? -1,
    baseSequence: options.baseSequence ?? -1,
    recordCount: writer.recordCount,
  };
  return assembleBatch(writer.bytes.subarray(0, writer.position), header, options.compressionLevel);
}

/**
 * Encodes records as one batch, in bytes of the caller's own.
 *
 * Throws INVALID_RECORD for a record that the format cannot hold and for no records at all, MESSAGE_TOO_LARGE above `limits.batchBytes`,
 * INVALID_REQUEST for options outside their range.
 */
export function encodeBatch(records: readonly RecordData[], options: EncodeBatchOptions = {}): Uint8Array {
  checkEncodeBatchOptions(options);
  // Taken while in use, so that a getter on a record that encodes another batch does no harm.
  const writer = pooled ?? new RecordWriter(64 * 1024);
  pooled = undefined;
  try {
    writer.reset();
    for (let index = 0; index < records.length; index++) writer.append(records[index]!);
    return finishBatch(writer, options);
  } finally {
    if (writer.bytes.length <= POOLED_BYTES_MAX) pooled = writer;
  }
}
