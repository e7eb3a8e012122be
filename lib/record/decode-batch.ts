import { limits } from '../limits.ts';
import {
  BATCH_CRC_START,
  BATCH_HEADER_BYTES,
  type BatchHeader,
  parseBatchHeader,
  RECORD_BYTES_MIN,
} from './batch-header.ts';
import { decompress } from './compression.ts';
import { corruptMessage } from './corrupt-message.ts';
import { crc32c } from './crc32c.ts';
import { DecodedBatch } from './decoded-batch.ts';
import { VarintReader } from './varint.ts';

export { DecodedBatch } from './decoded-batch.ts';

/** How a record batch is decoded. */
export interface DecodeBatchOptions {
  /** Whether the CRC is compared first; `true` by default. Only bytes whose CRC was compared in this process may go without. */
  readonly verify?: boolean | undefined;
  /** More than this is refused with MESSAGE_TOO_LARGE; `limits.decompressedBatchBytes` by default and at most. */
  readonly maxDecompressedBytes?: number | undefined;
}

/** Compares the CRC of a batch with its header's; `bytes` begin with the batch. Throws CORRUPT_MESSAGE. */
export function verifyBatch(bytes: Uint8Array, header: BatchHeader): void {
  const crc = crc32c(bytes.subarray(BATCH_CRC_START, header.sizeBytes));
  if (crc !== header.crc) throw corruptMessage(`The CRC is ${crc}, not ${header.crc} as written`, 17);
}

/** Where each record's body begins, one more for the end; walks the lengths once. */
function recordPositions(payload: Uint8Array, start: number, count: number): Int32Array {
  if (count * RECORD_BYTES_MIN > payload.length - start) {
    throw corruptMessage(`${count} records do not fit ${payload.length - start} bytes`, start, 'the records');
  }
  const positions = new Int32Array(count + 1);
  const end = payload.length;
  const reader = new VarintReader(payload, start, end);
  let position = start;
  for (let index = 0; index < count; index++) {
    positions[index] = position;
    let bodyBytes: number;
    const first = position < end ? payload[position]! : 0x80;
    if (first < 0x80) {
      bodyBytes = (first >>> 1) ^ -(first & 1);
      position++;
    } else {
      reader.position = position;
      bodyBytes = reader.readVarint();
      position = reader.position;
    }
    if (bodyBytes < RECORD_BYTES_MIN - 1 || bodyBytes > end - position) {
      throw corruptMessage(
        `Record ${index} claims ${bodyBytes} of ${end - position} bytes`,
        positions[index]!,
        'the records',
      );
    }
    position += bodyBytes;
  }
  if (position !== end) throw corruptMessage(`${end - position} bytes follow the last record`, position, 'the records');
  positions[count] = position;
  return positions;
}

/**
 * Decodes the batch that `bytes` are, lazily: lengths are walked now, keys, values and headers become views when asked for.
 *
 * The views share memory with `bytes` when the batch is not compressed. Throws what `parseBatchHeader` does, CORRUPT_MESSAGE for a
 * wrong CRC or damaged records (the inside of a record is checked when it is asked for), MESSAGE_TOO_LARGE when it decompresses to
 * more than the bound.
 */
export function decodeBatch(bytes: Uint8Array, options: DecodeBatchOptions = {}): DecodedBatch {
  const header = parseBatchHeader(bytes);
  if (header.sizeBytes !== bytes.length) {
    throw corruptMessage(`${bytes.length - header.sizeBytes} bytes follow the batch`, header.sizeBytes);
  }
  if (options.verify ?? true) verifyBatch(bytes, header);
  const { payload, start } = decompressRecords(bytes, header, options.maxDecompressedBytes);
  return new DecodedBatch(header, payload, recordPositions(payload, start, header.recordCount));
}

/** The records of the batch that `bytes` are, decompressed, and where they begin in that. Throws CORRUPT_MESSAGE, and MESSAGE_TOO_LARGE above `maxBytes`. */
export function decompressRecords(
  bytes: Uint8Array,
  { compression }: BatchHeader,
  maxBytes = limits.decompressedBatchBytes,
): { readonly payload: Uint8Array; readonly start: number } {
  if (compression === 'none') return { payload: bytes, start: BATCH_HEADER_BYTES };
  const mostBytes = Math.min(maxBytes, limits.decompressedBatchBytes);
  return { payload: decompress(compression, bytes.subarray(BATCH_HEADER_BYTES), mostBytes), start: 0 };
}

/** A batch of a region, still encoded. */
export interface EncodedBatch {
  /** Of its first byte in the region. */
  readonly position: number;
  readonly header: BatchHeader;
  /** The whole batch, a view into the region. */
  readonly bytes: Uint8Array;
}

/** The batches that stand back to back in a region; throws what `parseBatchHeader` does, also for a last one that is cut off. */
export function* splitBatches(bytes: Uint8Array): Generator<EncodedBatch, void, undefined> {
  let position = 0;
  while (position < bytes.length) {
    const header = parseBatchHeader(bytes, position);
    yield { position, header, bytes: bytes.subarray(position, position + header.sizeBytes) };
    position += header.sizeBytes;
  }
}
