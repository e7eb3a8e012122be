import { BATCH_HEADER_BYTES } from './batch-header.ts';
import { corruptMessage } from './corrupt-message.ts';

/**
 * Writes the offset that a batch got into it, in place, and its partition leader epoch when one is given.
 *
 * Both fields are outside the CRC, so the batch stays valid. `baseOffset` is an i64. Throws CORRUPT_MESSAGE when there is no header.
 */
export function stampBatch(bytes: Uint8Array, baseOffset: bigint, partitionLeaderEpoch?: number): void {
  if (bytes.length < BATCH_HEADER_BYTES) throw corruptMessage('A batch header is cut off', bytes.length);
  const view = new DataView(bytes.buffer, bytes.byteOffset, BATCH_HEADER_BYTES);
  view.setBigInt64(0, baseOffset);
  if (partitionLeaderEpoch !== undefined) view.setInt32(12, partitionLeaderEpoch);
}
