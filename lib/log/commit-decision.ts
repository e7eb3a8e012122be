/**
 * What a refused commit means: pure decisions of the commit protocol.
 *
 * A commit is one conditional update. Every attempt of it carries the same entries and the same `known`, so however often a request is lost, repeated
 * or late, it takes effect at most once. When it is refused, the head that refused it says what happened:
 *
 *   1  an entry of the group stands in the tail         → committed, by an attempt that was left unanswered
 *   2  the tail is full                                 → roll, then the same attempt again
 *   3  no attempt was ever left unanswered              → nothing of it can be in the log
 *   4  the tail begins above `known`                    → search the chunks from there down to the one that covers `known`
 *   5  the floor has passed the group                   → it can never land any more: not committed, or unknown if part of the search was unreadable
 *   6  otherwise it is absent, and older attempts are dead, because the tail has moved past their `known`: again, from `next`
 */
import type { SegmentId } from '../segment/segment-id.ts';
import { entryRecordCount, sameEntry } from './entry.ts';
import type { Head } from './head.ts';
import type { CommitArgs } from './head-transitions.ts';

/** What a commit has been through. */
export interface CommitProgress {
  readonly args: CommitArgs;
  /** Whether any attempt was ever left unanswered. */
  readonly unanswered: boolean;
  /** Whether a part of the log where an entry might stand could not be read. It stays set. */
  readonly gap: boolean;
}

/** What to do after a refusal. */
export type CommitDecision =
  /** Committed; the group's first record has this offset. */
  | { readonly kind: 'done'; readonly baseOffset: bigint }
  | { readonly kind: 'roll'; readonly head: Head }
  /** Look in the chunks that cover `[known, head.tailBase)`, then ask `decideAfterSearch`. */
  | { readonly kind: 'search'; readonly head: Head }
  | { readonly kind: 'again'; readonly known: bigint }
  /** For certain not in the log and never will be; a new id must be above `floor`. */
  | { readonly kind: 'not-committed'; readonly floor: SegmentId }
  | { readonly kind: 'mismatch'; readonly next: bigint }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'gone' };

/**
 * Where the group starts, if any of its entries stands among `entries`, which start at `base`. One entry proves the whole group, because an update adds all
 * of them or none.
 */
export function findGroup(base: bigint, entries: readonly Uint8Array[], group: readonly Uint8Array[]): bigint | null {
  let offset = base;
  for (const entry of entries) {
    let before = 0n;
    for (const member of group) {
      if (sameEntry(entry, member)) return offset - before;
      before += BigInt(entryRecordCount(member));
    }
    offset += BigInt(entryRecordCount(entry));
  }
  return null;
}

/** Decides after a refusal by `head`; undefined when there is no head. */
export function decideRefusal(progress: CommitProgress, head: Head | undefined): CommitDecision {
  if (!head) return { kind: 'gone' };
  const { args } = progress;
  const found = findGroup(head.tailBase, head.tail, args.entries);
  if (found !== null) return { kind: 'done', baseOffset: found };
  if (head.tail.length >= args.tailEntriesCap || head.tailBytes >= args.tailBytesCap) return { kind: 'roll', head };
  if (!progress.unanswered) return decideAbsent({ ...progress, gap: false }, head);
  if (head.tailBase > args.known) return { kind: 'search', head };
  return decideAbsent(progress, head);
}

/** Decides once the group is known not to stand where it could be looked for (or where a gap kept us from looking). */
export function decideAbsent(progress: CommitProgress, head: Head): CommitDecision {
  if (head.floor >= progress.args.minId) {
    return progress.gap ? { kind: 'unknown' } : { kind: 'not-committed', floor: head.floor };
  }
  if (progress.args.form === 'plain') return { kind: 'again', known: head.next };
  return progress.gap ? { kind: 'unknown' } : { kind: 'mismatch', next: head.next };
}

/** Decides after a fence: the floor is at or above the group, so what is absent now stays absent. */
export function decideFenced(progress: CommitProgress, head: Head | undefined): CommitDecision {
  if (!head) return { kind: 'gone' };
  const found = findGroup(head.tailBase, head.tail, progress.args.entries);
  if (found !== null) return { kind: 'done', baseOffset: found };
  if (head.tailBase > progress.args.known) return { kind: 'search', head };
  return decideAbsent(progress, head);
}
