import { type ListOffsetsDeps, listOffset, type ReadablePartition } from '../log/list-offsets.ts';
import type { HttpPosition } from './fetch-request.ts';

/** The offset of a position; a time behind the newest record is the end. Throws UNKNOWN_TOPIC_OR_PARTITION, and what the store throws. */
export async function offsetOf(deps: ListOffsetsDeps, target: ReadablePartition, from: HttpPosition): Promise<bigint> {
  if (typeof from === 'bigint') return from;
  if (from === 'beginning') return (await listOffset(deps, target, { at: 'earliest' }))!.offset;
  const found = from === 'end' ? null : await listOffset(deps, target, from);
  return (found ?? (await listOffset(deps, target, { at: 'latest' }))!).offset;
}
