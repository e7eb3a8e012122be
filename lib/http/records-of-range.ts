import { decodeBatch, splitBatches } from '../record/decode-batch.ts';
import type { LogRecord } from '../record/record.ts';
import { stampBatch } from '../record/stamp-batch.ts';

/** What the HTTP API tells of a range, as far as it is needed to read its bytes. */
export interface ToldRange {
  readonly baseOffset: number | string | bigint;
  readonly stamped: boolean;
}

/**
 * The records of a range that the HTTP API told of, given its bytes, which are changed where they lack offsets. Every record is given: of the first range, those below the offset asked for too. Throws CORRUPT_MESSAGE for bytes that are damaged or
 * cut off, and what `decodeBatch` throws.
 */
export function* recordsOfRange({ baseOffset, stamped }: ToldRange, bytes: Uint8Array): Generator<LogRecord> {
  let offset = BigInt(baseOffset);
  for (const { bytes: batch, header } of splitBatches(bytes)) {
    if (!stamped) stampBatch(batch, offset);
    offset += BigInt(header.lastOffsetDelta + 1);
    if (!header.control) yield* decodeBatch(batch);
  }
}
