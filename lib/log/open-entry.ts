/** From an entry's bytes to record batches with offsets: checked once, here, at the edge where bytes enter the process. */
import { MillraceError } from '../errors.ts';
import type { BatchHeader } from '../record/batch-header.ts';
import { splitBatches, verifyBatch } from '../record/decode-batch.ts';
import { stampBatch } from '../record/stamp-batch.ts';
import type { LocatedEntry } from './locate.ts';

/** A record batch with its offsets. */
export interface StampedBatch {
  readonly bytes: Uint8Array;
  readonly baseOffset: bigint;
  /** First offset behind it. */
  readonly endOffset: bigint;
}

/**
 * Splits an entry's bytes into record batches, checks every CRC and stamps the offsets in place (level 1 is stamped already). `source` names the object for errors. Throws
 * CORRUPT_OBJECT.
 */
export function openEntry(located: LocatedEntry, bytes: Uint8Array, source: string): readonly StampedBatch[] {
  try {
    const batches = located.level === 0 ? stampAll(located, bytes) : readStamped(bytes);
    const end = batches.at(-1)?.endOffset ?? located.baseOffset;
    const isWhole = located.level === 0 ? end === located.endOffset : end <= located.endOffset;
    if (!isWhole) throw new MillraceError('CORRUPT_OBJECT', `ends at offset ${end} instead of ${located.endOffset}`);
    return batches;
  } catch (error) {
    throw damaged(located, source, error);
  }
}

function stampAll({ baseOffset }: LocatedEntry, bytes: Uint8Array): readonly StampedBatch[] {
  let offset = baseOffset;
  return checked(bytes).map(({ batch, header }) => {
    const start = offset;
    stampBatch(batch, start);
    offset += BigInt(header.lastOffsetDelta + 1);
    return { bytes: batch, baseOffset: start, endOffset: offset };
  });
}

function readStamped(bytes: Uint8Array): readonly StampedBatch[] {
  return checked(bytes).map(({ batch, header }) => ({
    bytes: batch,
    baseOffset: header.baseOffset,
    endOffset: header.baseOffset + BigInt(header.lastOffsetDelta + 1),
  }));
}

function checked(bytes: Uint8Array): readonly { readonly batch: Uint8Array; readonly header: BatchHeader }[] {
  return [...splitBatches(bytes)].map(({ bytes: batch, header }) => {
    verifyBatch(batch, header);
    return { batch, header };
  });
}

function damaged({ entry }: LocatedEntry, source: string, cause: unknown): MillraceError {
  const place = entry.kind === 'reference' ? `bytes ${entry.position}+${entry.lengthBytes} of ${source}` : source;
  const why = cause instanceof Error ? cause.message : String(cause);
  return new MillraceError('CORRUPT_OBJECT', `${place} are damaged: ${why}`, {
    value: source,
    hint: 'Restore the object from a backup, or trim the partition above it.',
    cause,
  });
}
