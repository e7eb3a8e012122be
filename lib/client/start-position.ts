/** Where reading begins, as callers say it. */
import { MillraceError } from '../errors.ts';
import { type ListOffsetsDeps, listOffset, type ReadablePartition } from '../log/list-offsets.ts';

/**
 * An offset; the first record there is; behind the last one; or the first record at or after a time (milliseconds since 1970), which is the end when there is
 * none.
 */
export type StartPosition = bigint | 'beginning' | 'end' | { readonly timestampMs: bigint | number };

/** Checks a position without asking the store. Throws INVALID_REQUEST. */
export function checkStartPosition(position: StartPosition): StartPosition {
  const isOffset = typeof position === 'bigint' && position >= 0n && BigInt.asIntN(64, position) === position;
  if (isOffset || position === 'beginning' || position === 'end' || isTime(position)) return position;
  throw new MillraceError('INVALID_REQUEST', `${String(position)} is no position`, {
    value: position,
    hint: "Give an offset such as 42n, 'beginning', 'end', or { timestampMs }.",
  });
}

function isTime(position: unknown): boolean {
  if (typeof position !== 'object' || position === null || !('timestampMs' in position)) return false;
  const { timestampMs } = position;
  return typeof timestampMs === 'bigint' || Number.isSafeInteger(timestampMs);
}

/** The offset of a position, by consistent reads; an offset is itself, whether there is such a record or not. Throws UNKNOWN_TOPIC_OR_PARTITION. */
export async function offsetOf(
  deps: ListOffsetsDeps,
  target: ReadablePartition,
  position: StartPosition,
): Promise<bigint> {
  if (typeof position === 'bigint') return position;
  if (position === 'beginning') return (await listOffset(deps, target, { at: 'earliest' }))!.offset;
  if (typeof position === 'object') {
    const found = await listOffset(deps, target, { timestampMs: BigInt(position.timestampMs) });
    if (found !== null) return found.offset;
  }
  return (await listOffset(deps, target, { at: 'latest' }))!.offset;
}
