import type { Chunk } from '../log/chunk.ts';
import { chunkPages } from '../log/chunk-pages.ts';
import { coveringChunk, indexGap } from '../log/locate.ts';
import type { PartitionKey } from '../log/partition-key.ts';
import { repeatRequest } from '../log/repeat-request.ts';
import type { MaintenanceDeps } from './maintenance-deps.ts';

/** Which chunks. */
export interface LiveChunksQuery {
  readonly partition: PartitionKey;
  /** An offset of the first chunk. */
  readonly fromOffset: bigint;
  /** As it was read. */
  readonly tailBase: bigint;
}

/**
 * The chunks that readers go by, from the one that covers an offset up to the tail. A query for 100 chunks. Throws OBJECT_MISSING where the index has a gap, and what the store throws after ten attempts.
 */
export async function* liveChunks(
  deps: MaintenanceDeps,
  { partition, fromOffset, tailBase }: LiveChunksQuery,
): AsyncGenerator<Chunk> {
  if (fromOffset >= tailBase) return;
  const { answer: first } = await repeatRequest(deps, () =>
    coveringChunk(deps.store.chunks, partition, fromOffset, true),
  );
  if (first === null) throw indexGap(partition, fromOffset);
  yield first;
  let { end } = first;
  // A chunk at the tail's base was put by a roll that has still to trim the tail.
  for await (const page of chunkPages(deps, partition, { fromBase: end, toBase: tailBase - 1n, order: 'ascending' })) {
    for (const chunk of page) {
      if (chunk.base !== end) throw indexGap(partition, end);
      yield chunk;
      end = chunk.end;
    }
  }
}
