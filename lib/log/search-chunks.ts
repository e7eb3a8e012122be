import type { Chunk } from './chunk.ts';
import type { Chunks } from './chunks.ts';
import { findGroup } from './commit-decision.ts';
import type { PartitionKey } from './partition-key.ts';

/** Where to look for a group: every place where an attempt under `known` can have landed and been rolled since. */
export interface ChunkSearch {
  /** The `known` of all attempts so far. */
  readonly known: bigint;
  /** `tailBase` of the head that was searched before. */
  readonly tailBase: bigint;
  readonly group: readonly Uint8Array[];
}

/** Either the offset of the group's first record, or its absence with whether some part could not be read. */
export type ChunkSearchResult =
  | { readonly found: true; readonly baseOffset: bigint }
  | { readonly found: false; readonly gap: boolean };

const PAGE = 16;

/**
 * Looks for a group in the chunks from `tailBase` down to the one that covers `known`, newest first, read consistently. What compaction has replaced or
 * retention has deleted is a gap.
 */
export async function searchChunks(
  chunks: Chunks,
  partition: PartitionKey,
  search: ChunkSearch,
): Promise<ChunkSearchResult> {
  let cursor = search.tailBase;
  let gap = false;
  while (cursor > search.known) {
    const page = await chunks.query(partition, {
      toBase: cursor - 1n,
      order: 'descending',
      limit: PAGE,
      consistent: true,
    });
    if (page.length === 0) return { found: false, gap: true };
    for (const chunk of page) {
      if (cursor <= search.known) break;
      const found = lookInto(chunk, search.group);
      if (found !== null) return { found: true, baseOffset: found };
      if (chunk.level !== 0 || chunk.end < cursor) gap = true;
      cursor = chunk.base;
    }
  }
  return { found: false, gap };
}

function lookInto(chunk: Chunk, group: readonly Uint8Array[]): bigint | null {
  return chunk.level === 0 ? findGroup(chunk.base, chunk.entries, group) : null;
}
