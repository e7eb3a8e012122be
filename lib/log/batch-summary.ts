/** What the order needs to know of record batches, read from their headers alone. */
import { MillraceError } from '../errors.ts';
import { type BatchHeader, parseBatchHeader } from '../record/batch-header.ts';
import { splitBatches } from '../record/decode-batch.ts';
import { checkRecordCount, type EntryProducer } from './entry.ts';

/** Sums over record batches. */
export interface BatchSummary {
  readonly batchCount: number;
  readonly recordCount: number;
  readonly maxTimestampMs: bigint;
  /** Sum of the batches' checksums. */
  readonly checksum: bigint;
  /** Of the only batch, when it has a producer id. */
  readonly producer: EntryProducer | null;
}

const COUNT_SHIFT = 32n;

/**
 * The checksum of one batch for conservation: its CRC-32C and its record count, so that sums over a partition prove that nothing was lost or
 * doubled, in whatever order and objects the batches stand.
 */
export function batchChecksum(crc: number, recordCount: number): bigint {
  return BigInt(crc) + (BigInt(recordCount) << COUNT_SHIFT);
}

/**
 * Reads the headers of whole record batches, back to back. Throws CORRUPT_MESSAGE for damage and for none, INVALID_RECORD for a batch with gaps
 * in its offsets: what a producer sends is dense, only compaction thins; MESSAGE_TOO_LARGE for more records than an entry can tell.
 */
export function summarizeBatches(batches: Uint8Array): BatchSummary {
  let batchCount = 0;
  let recordCount = 0;
  let maxTimestampMs = -1n;
  let checksum = 0n;
  for (const { header } of splitBatches(batches)) {
    if (header.lastOffsetDelta + 1 !== header.recordCount || header.recordCount === 0) throw notDense(header);
    batchCount += 1;
    recordCount += header.recordCount;
    checksum += batchChecksum(header.crc, header.recordCount);
    if (header.maxTimestampMs > maxTimestampMs) maxTimestampMs = header.maxTimestampMs;
  }
  if (batchCount === 0) {
    throw new MillraceError('CORRUPT_MESSAGE', 'no record batch', { value: 0, hint: 'Append at least one record.' });
  }
  checkRecordCount(recordCount);
  return { batchCount, recordCount, maxTimestampMs, checksum, producer: onlyProducer(batches, batchCount) };
}

function onlyProducer(batches: Uint8Array, batchCount: number): EntryProducer | null {
  if (batchCount !== 1) return null;
  const { producerId, producerEpoch, baseSequence } = parseBatchHeader(batches);
  return producerId < 0n ? null : { producerId, producerEpoch, baseSequence };
}

function notDense({ recordCount, lastOffsetDelta }: BatchHeader): MillraceError {
  return new MillraceError(
    'INVALID_RECORD',
    `a batch of ${recordCount} records that uses ${lastOffsetDelta + 1} offsets`,
    {
      value: { recordCount, lastOffsetDelta },
      hint: 'Give the records of a batch consecutive offsets from 0.',
    },
  );
}
