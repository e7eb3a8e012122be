/** Which waiting parts of a partition ride in the next commit: pure. */
import type { SegmentId } from '../segment/segment-id.ts';
import type { AppendPart } from './append-part.ts';
import type { CommitArgs } from './head-transitions.ts';

/** What bounds a group and a tail. */
export interface GroupLimits {
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly tailEntriesCap: number;
  readonly tailBytesCap: number;
}

/** A part that is ready, with what it became. */
export interface ReadyPart {
  readonly part: AppendPart;
  readonly id: SegmentId;
  readonly entry: Uint8Array;
}

/**
 * The longest run of ready parts from the front of the queue that fits one commit: in flush order, without gaps. A part with an expected offset rides
 * alone.
 */
export function planGroup(queue: readonly AppendPart[], limits: GroupLimits): readonly ReadyPart[] {
  const group: ReadyPart[] = [];
  let bytes = 0;
  for (const part of queue) {
    if (part.state.kind !== 'ready') break;
    const { id, entry } = part.state;
    const ridesAlone = part.expectedOffset !== null;
    const isFull = group.length >= limits.maxEntries || bytes + entry.length > limits.maxBytes;
    if (group.length > 0 && (ridesAlone || isFull)) break;
    group.push({ part, id, entry });
    bytes += entry.length;
    if (ridesAlone) break;
  }
  return group;
}

/** The arguments of a group's commit; they stay the same over all attempts but for a `known` that is proven stale. */
export function commitArgs(group: readonly ReadyPart[], known: bigint, limits: GroupLimits): CommitArgs {
  const sum = (of: (part: AppendPart) => number) => group.reduce((total, { part }) => total + of(part), 0);
  return {
    form: group.some(({ part }) => part.expectedOffset !== null || part.sequenced !== null) ? 'strict' : 'plain',
    known,
    entries: group.map(({ entry }) => entry),
    recordCount: sum((part) => part.recordCount),
    minId: group.map(({ id }) => id).reduce((least, id) => (id < least ? id : least)),
    checksum: group.reduce((total, { part }) => total + part.checksum, 0n),
    batchBytes: sum((part) => part.byteCount),
    tailEntriesCap: limits.tailEntriesCap,
    tailBytesCap: limits.tailBytesCap,
  };
}
