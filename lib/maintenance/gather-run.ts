import type { Chunk } from '../log/chunk.ts';
import type { Head } from '../log/head.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { type CompactionRules, chunkDataBytes, isOldEnough, isSettled, isWorth } from './compaction-plan.ts';
import { liveChunks } from './live-chunks.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** Chunks of a partition that are rewritten together. */
export interface CompactionRun {
  readonly chunks: readonly Chunk[];
  readonly bytes: number;
  /** Where to go on; null: nothing behind it is to be rewritten now. */
  readonly nextOffset: bigint | null;
}

/** By what is gathered. */
export interface GatherRequest {
  readonly partition: PartitionKey;
  readonly head: Head;
  /** An offset of the first chunk. */
  readonly fromOffset: bigint;
  readonly nowMs: number;
  /** Entries under ids that are younger may still be looked for. */
  readonly ageMs: number;
  readonly rules: CompactionRules;
  /** As in `isSettled`. Default false. */
  readonly forKeys?: boolean;
}

/** Each may be a GET: a run takes seconds. */
const ENTRIES_MOST = 4_096;

/**
 * The chunks from an offset on that are old enough, below the tail, and not rewritten yet, up to the size of an object; none while they are too few to be worth it. Throws OBJECT_MISSING where the index has a gap,
 * CORRUPT_OBJECT, and what the store throws after ten attempts.
 */
export async function gatherRun(deps: MaintenanceDeps, request: GatherRequest): Promise<CompactionRun> {
  const { partition, fromOffset, nowMs, ageMs, rules, head, forKeys } = request;
  const chunks: Chunk[] = [];
  let bytes = 0;
  let entries = 0;
  let nextOffset: bigint | null = null;
  for await (const chunk of liveChunks(deps, { partition, fromOffset, tailBase: head.tailBase })) {
    if (!isOldEnough(chunk, nowMs, ageMs)) break;
    if (isSettled(chunk, forKeys)) continue;
    const more = chunkDataBytes(chunk);
    const isFull = bytes + more > rules.objectBytes || entries + chunk.entries.length > ENTRIES_MOST;
    if (isFull && chunks.length > 0) {
      nextOffset = chunk.base;
      break;
    }
    chunks.push(chunk);
    bytes += more;
    entries += chunk.entries.length;
  }
  if (nextOffset !== null || isWorth(chunks, bytes, { nowMs, rules })) return { chunks, bytes, nextOffset };
  return { chunks: [], bytes: 0, nextOffset: null };
}
