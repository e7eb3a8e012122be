import type { Chunk } from '../../../lib/log/chunk.ts';
import type { Head } from '../../../lib/log/head.ts';

/**
 * The chunks of a partition that count, of all that a query found. A put that came late may have brought back a chunk that retention had deleted: it ends at or below the log start offset, or the next chunk
 * begins there, or in the middle of it. The last holds whatever the head says: the head may have been read long before the chunks.
 */
export function liveChunks(chunks: readonly Chunk[], head: Pick<Head, 'start' | 'tailBase'>): readonly Chunk[] {
  return chunks.filter(({ end }, index) => {
    const nextBase = chunks[index + 1]?.base ?? head.tailBase;
    return end > head.start && nextBase > head.start && nextBase >= end;
  });
}
