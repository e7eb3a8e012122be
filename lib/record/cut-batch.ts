import { assembleBatch } from './assemble-batch.ts';
import { BATCH_HEADER_BYTES } from './batch-header.ts';
import { decodeBatch, decompressRecords } from './decode-batch.ts';
import { emptyBatch } from './retain-records.ts';

/**
 * The first part of a batch: its records below `endOffset`, each byte for byte as it was, compressed as it was. It covers all offsets up to the end, whether they have records or not; null when it begins behind them. `bytes` are one
 * batch with its offset, whose CRC was compared. The producer fields are those of the whole.
 *
 * Throws CORRUPT_MESSAGE for damaged records, and what `decompress` throws.
 */
export function cutBatch(bytes: Uint8Array, endOffset: bigint): Uint8Array | null {
  const batch = decodeBatch(bytes, { verify: false });
  const { header } = batch;
  if (header.baseOffset >= endOffset) return null;
  if (header.baseOffset + BigInt(header.lastOffsetDelta) < endOffset) return bytes;
  let recordCount = 0;
  let maxTimestampMs = header.maxTimestampMs;
  while (recordCount < batch.recordCount && batch.offset(recordCount) < endOffset) {
    const timestampMs = batch.timestampMs(recordCount);
    if (recordCount === 0 || timestampMs > maxTimestampMs) maxTimestampMs = timestampMs;
    recordCount += 1;
  }
  const lastOffsetDelta = Number(endOffset - header.baseOffset) - 1;
  if (recordCount === 0) return emptyBatch({ ...header, lastOffsetDelta });
  const { payload, start } = decompressRecords(bytes, header);
  const records = payload.subarray(start, batch.endOf(recordCount - 1));
  const plain = new Uint8Array(BATCH_HEADER_BYTES + records.length);
  plain.set(records, BATCH_HEADER_BYTES);
  return assembleBatch(plain, { ...header, recordCount, lastOffsetDelta, maxTimestampMs });
}
