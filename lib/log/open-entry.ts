/** From an entry's bytes to record batches with offsets: checked once, here, at the edge where bytes enter the process. */
import { MillraceError } from '../errors.ts';
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
 * Splits an entry's bytes into record batches, checks every CRC and stamps the offsets in place (level 1 is stamped already). `source` names the object, for errors. Throws
 * CORRUPT_OBJECT.
 */
export function openEntry(located: LocatedEntry, bytes: Uint8Array, source: () => string): readonly StampedBatch[] {
  try {
    checkLength(located, bytes);
    return located.level === 0 ? stampAll(located, bytes) : readStamped(located, bytes);
  } catch (error) {
    throw damaged(located, source(), error);
  }
}

/** Level 1 may have gaps, so only its length tells that an object was cut between two batches. */
function checkLength({ entry }: LocatedEntry, bytes: Uint8Array): void {
  if (entry.kind === 'inline' || bytes.length === entry.lengthBytes) return;
  throw new MillraceError('CORRUPT_OBJECT', `only ${bytes.length} of ${entry.lengthBytes} bytes are there`);
}

function stampAll({ baseOffset, endOffset }: LocatedEntry, bytes: Uint8Array): readonly StampedBatch[] {
  const batches: StampedBatch[] = [];
  let offset = baseOffset;
  for (const { bytes: batch, header } of splitBatches(bytes)) {
    verifyBatch(batch, header);
    stampBatch(batch, offset);
    const end = offset + BigInt(header.lastOffsetDelta + 1);
    batches.push({ bytes: batch, baseOffset: offset, endOffset: end });
    offset = end;
  }
  if (offset !== endOffset) {
    throw new MillraceError('CORRUPT_OBJECT', `they end at offset ${offset} instead of ${endOffset}`);
  }
  return batches;
}

function readStamped(located: LocatedEntry, bytes: Uint8Array): readonly StampedBatch[] {
  const batches: StampedBatch[] = [];
  let free = located.baseOffset;
  for (const { bytes: batch, header } of splitBatches(bytes)) {
    verifyBatch(batch, header);
    const { baseOffset, lastOffsetDelta } = header;
    const endOffset = baseOffset + BigInt(lastOffsetDelta + 1);
    if (baseOffset < free || endOffset > located.endOffset) {
      const why = `a batch of offsets ${baseOffset} to ${endOffset} does not fit into ${free} to ${located.endOffset}`;
      throw new MillraceError('CORRUPT_OBJECT', why);
    }
    free = endOffset;
    batches.push({ bytes: batch, baseOffset, endOffset });
  }
  return batches;
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
