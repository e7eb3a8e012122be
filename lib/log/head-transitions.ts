/**
 * Every change of a head, as pure functions `(head | undefined, args) → outcome`. Memory and SQLite run them inside a transaction; the AWS adapter says the same as
 * conditions of one update, and a differential test compares the two. Each clause has a name; the reason for it stands beside it.
 */
import type { SegmentId } from '../segment/segment-id.ts';
import { sameEntry } from './entry.ts';
import type { Head } from './head.ts';

/** What a conditional change of an item came to. `refused` carries the item as it was, undefined when there is none. */
export type Change<T> =
  | { readonly outcome: 'done'; readonly item: T }
  | { readonly outcome: 'refused'; readonly item: T | undefined };

/** Arguments of one commit. All attempts of a commit carry the same bytes, order and `known`. */
export interface CommitArgs {
  /** plain: anywhere behind `known`. strict: exactly at `known`. */
  readonly form: 'plain' | 'strict';
  /** A `next` that was really read before the first attempt. */
  readonly known: bigint;
  /** Encoded entries, in order; at least one. */
  readonly entries: readonly Uint8Array[];
  /** Records of all entries. */
  readonly recordCount: number;
  /** Smallest id of the entries. */
  readonly minId: SegmentId;
  /** Sum of the checksums of all batches, see `batchChecksum`. */
  readonly checksum: bigint;
  /** Bytes of all batches. */
  readonly batchBytes: number;
  /** The commit is refused when the tail has this many entries or more. */
  readonly tailEntriesCap: number;
  /** The commit is refused when the tail has this many bytes or more. */
  readonly tailBytesCap: number;
}

/** Bytes of several encoded entries. */
export function entriesBytes(entries: readonly Uint8Array[]): number {
  return entries.reduce((sum, entry) => sum + entry.length, 0);
}

/** What is added to a head. */
export type AddedEntries = Omit<CommitArgs, 'form' | 'known'>;

/** What every commit asks of a head. */
export function mayAppend(head: Head, args: AddedEntries): boolean {
  // An id at or below the floor may have been committed and forgotten: floor before forgetting.
  const aboveFloor = head.floor < args.minId;
  const hasRoom = head.tail.length < args.tailEntriesCap && head.tailBytes < args.tailBytesCap;
  return aboveFloor && hasRoom;
}

/** The condition of a commit. */
export function mayCommit(head: Head, args: CommitArgs): boolean {
  if (!mayAppend(head, args)) return false;
  if (args.form === 'strict') return head.next === args.known;
  // An earlier attempt can only stand at or above `known`; once the tail begins above it, the tail cannot prove its absence.
  const tailShowsEarlierAttempt = head.tailBase <= args.known;
  const first = args.entries[0]!;
  return tailShowsEarlierAttempt && !head.tail.some((entry) => sameEntry(entry, first));
}

/** Adds entries to the order: the record batches in them become readable. */
export function commitTransition(head: Head | undefined, args: CommitArgs): Change<Head> {
  if (!head || !mayCommit(head, args)) return { outcome: 'refused', item: head };
  return { outcome: 'done', item: withEntries(head, args) };
}

/** The head behind a commit. */
export function withEntries(head: Head, args: AddedEntries): Head {
  return {
    ...head,
    next: head.next + BigInt(args.recordCount),
    tail: [...head.tail, ...args.entries],
    tailBytes: head.tailBytes + entriesBytes(args.entries),
    ring: 1,
    appended: head.appended + args.checksum,
    appendedBytes: head.appendedBytes + BigInt(args.batchBytes),
  };
}

/** Arguments of the second step of a roll, taken from the chunk that is there, whoever wrote it. */
export interface TrimTailArgs {
  readonly base: bigint;
  readonly end: bigint;
  readonly count: number;
  /** Bytes of the first `count` entries. */
  readonly entriesBytes: number;
  readonly runMaxTimestampMs: bigint;
  readonly runMaxTimestampOffset: bigint;
}

/** Removes from the tail the entries that a chunk holds: chunk before trim. */
export function trimTailTransition(head: Head | undefined, args: TrimTailArgs): Change<Head> {
  if (head?.tailBase !== args.base || head.tail.length < args.count) return { outcome: 'refused', item: head };
  return {
    outcome: 'done',
    item: {
      ...head,
      tailBase: args.end,
      tail: head.tail.slice(args.count),
      tailBytes: head.tailBytes - args.entriesBytes,
      ring: 0,
      maxTimestampMs: args.runMaxTimestampMs,
      maxTimestampOffset: args.runMaxTimestampOffset,
    },
  };
}

/** Raises the floor: from then on no attempt under an id at or below it can land. */
export function raiseFloorTransition(head: Head | undefined, floor: SegmentId): Change<Head> {
  if (!head || head.floor >= floor) return { outcome: 'refused', item: head };
  return { outcome: 'done', item: { ...head, floor, ring: 0 } };
}

/** Arguments of a rise of the log start offset. */
export interface AdvanceStartArgs {
  readonly start: bigint;
  /** At or above every id that the index forgets by this, and at or above the floor that was read. */
  readonly floor: SegmentId;
}

/** Moves the log start offset up; records below it are gone for readers at once. */
export function advanceStartTransition(head: Head | undefined, args: AdvanceStartArgs): Change<Head> {
  const allowed = head && head.start < args.start && args.start <= head.next && head.floor <= args.floor;
  if (!allowed) return { outcome: 'refused', item: head };
  return { outcome: 'done', item: { ...head, start: args.start, floor: args.floor, ring: 0 } };
}

/** Arguments of the end of a key compaction. */
export interface NoteCleanedArgs {
  readonly cleanedEnd: bigint;
  readonly cleanedBytes: bigint;
}

/** Notes how far key compaction has come. What was true of a part of the log stays true of it, so a late note does no harm, and an older one changes nothing. */
export function noteCleanedTransition(head: Head | undefined, args: NoteCleanedArgs): Change<Head> {
  const { cleanedEnd, cleanedBytes } = args;
  const allowed = head && head.cleanedEnd < cleanedEnd && cleanedEnd <= head.tailBase;
  if (!allowed) return { outcome: 'refused', item: head };
  return { outcome: 'done', item: { ...head, cleanedEnd, cleanedBytes, ring: 0 } };
}
