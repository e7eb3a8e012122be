import { BATCH_CRC_POSITION, BATCH_CRC_START } from './batch-header.ts';
import { crc32c } from './crc32c.ts';

/** Computes the CRC of a batch that is complete otherwise and writes it into its place. */
export function sealBatch(bytes: Uint8Array): void {
  const crc = crc32c(bytes.subarray(BATCH_CRC_START));
  bytes[BATCH_CRC_POSITION] = crc >>> 24;
  bytes[BATCH_CRC_POSITION + 1] = crc >>> 16;
  bytes[BATCH_CRC_POSITION + 2] = crc >>> 8;
  bytes[BATCH_CRC_POSITION + 3] = crc;
}
