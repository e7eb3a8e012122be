/** What a roll moves: pure. */
import { limits } from '../limits.ts';
import type { SegmentId } from '../segment/segment-id.ts';
import type { Chunk } from './chunk.ts';
import { decodeEntry, entryRecordCount } from './entry.ts';
import type { Head } from './head.ts';
import { entriesBytes, type TrimTailArgs } from './head-transitions.ts';

/** What a roll needs to know of a head. */
export type RollableHead = Pick<Head, 'tailBase' | 'tail' | 'maxTimestampMs' | 'maxTimestampOffset'>;

/** When a tail should be rolled. */
export interface TailBudget {
  readonly entries: number;
  readonly bytes: number;
}

/** The tail as a commit left it. */
export interface TailExtent {
  readonly entries: number;
  readonly bytes: number;
}

/**
 * Whether the writer of a commit should roll: the one whose commit crossed the budget, so that writers do not roll at once; anybody at twice the
 * budget, in case that one has died.
 */
export function shouldRoll(before: TailExtent, after: TailExtent, budget: TailBudget): boolean {
  const over = (extent: TailExtent, factor: number) =>
    extent.entries >= budget.entries * factor || extent.bytes >= budget.bytes * factor;
  return (over(after, 1) && !over(before, 1)) || over(after, 2);
}

/** The chunk that holds the first entries of a tail, at most `limits.entriesPerChunk`; null when the tail is empty. */
export function planChunk(head: RollableHead): Chunk | null {
  const entries = head.tail.slice(0, limits.entriesPerChunk);
  if (entries.length === 0) return null;
  let end = head.tailBase;
  let maxTimestampMs = -1n;
  let runMaxTimestampMs = head.maxTimestampMs;
  let runMaxTimestampOffset = head.maxTimestampOffset;
  const ids: SegmentId[] = [];
  for (const bytes of entries) {
    const entry = decodeEntry(bytes);
    if (entry.maxTimestampMs > maxTimestampMs) maxTimestampMs = entry.maxTimestampMs;
    if (entry.maxTimestampMs > runMaxTimestampMs) {
      runMaxTimestampMs = entry.maxTimestampMs;
      runMaxTimestampOffset = end;
    }
    ids.push(entry.id);
    end += BigInt(entry.recordCount);
  }
  ids.sort();
  return {
    base: head.tailBase,
    end,
    count: entries.length,
    minId: ids[0]!,
    maxId: ids[ids.length - 1]!,
    maxTimestampMs,
    runMaxTimestampMs,
    runMaxTimestampOffset,
    level: 0,
    version: 0,
    entries,
  };
}

/**
 * The trim that follows a chunk, by the chunk that is really there: its end and count may be another writer's. The entries are taken from the tail, because compaction
 * may have replaced the chunk's. Null when this tail does not begin with what the chunk holds, so that another has trimmed it already.
 */
export function planTrim(head: RollableHead, chunk: Chunk): TrimTailArgs | null {
  const moved = head.tail.slice(0, chunk.count);
  if (chunk.base !== head.tailBase || moved.length < chunk.count) return null;
  const records = moved.reduce((sum, entry) => sum + BigInt(entryRecordCount(entry)), 0n);
  if (chunk.base + records !== chunk.end) return null;
  return {
    base: chunk.base,
    end: chunk.end,
    count: chunk.count,
    entriesBytes: entriesBytes(moved),
    runMaxTimestampMs: chunk.runMaxTimestampMs,
    runMaxTimestampOffset: chunk.runMaxTimestampOffset,
  };
}
