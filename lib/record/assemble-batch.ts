import { MillraceError } from '../errors.ts';
import { limits } from '../limits.ts';
import { BATCH_HEADER_BYTES, type BatchHeader, writeBatchHeader } from './batch-header.ts';
import { compress } from './compression.ts';
import { sealBatch } from './seal-batch.ts';

/**
 * A batch of encoded records: compressed as its header says, with its header and CRC, in bytes of the caller's own. `plain`: the records, behind room for a header. Throws MESSAGE_TOO_LARGE above
 * `limits.batchBytes`.
 */
export function assembleBatch(
  plain: Uint8Array,
  header: Omit<BatchHeader, 'sizeBytes' | 'crc'>,
  compressionLevel?: number,
): Uint8Array {
  let bytes: Uint8Array;
  if (header.compression === 'none') {
    bytes = plain.slice();
  } else {
    const records = compress(header.compression, plain.subarray(BATCH_HEADER_BYTES), compressionLevel);
    bytes = new Uint8Array(BATCH_HEADER_BYTES + records.length);
    bytes.set(records, BATCH_HEADER_BYTES);
  }
  if (bytes.length > limits.batchBytes) {
    throw new MillraceError('MESSAGE_TOO_LARGE', `The batch has ${bytes.length} bytes`, {
      value: bytes.length,
      hint: `A batch has at most ${limits.batchBytes} bytes.`,
    });
  }
  writeBatchHeader(bytes, { ...header, sizeBytes: bytes.length, crc: 0 });
  sealBatch(bytes);
  return bytes;
}
